"""Numbers in sentences."""

import pytest

from litho.core.stats import Estimate
from litho.jobs.imprint.result import Drift
from litho.measure.printing.curve import drift_at
from litho.show.wording import drift_sentences, same_imprint_sentence

FAR = Estimate(value=0.01, ci=None, n=2)


@pytest.mark.parametrize(
    ("curve", "said"),
    [
        ([(0.2, 0.1), (0.6, 0.5)], "At this run's imprint on rewordings, 0.50, the control had"),
        ([(0.7, 0.3)], "at its first check, at a drift of 0.3000: it reached it for that or less"),
        ([(0.2, 0.1), (0.4, 0.3)], "at best 0.40, at a drift of 0.3000"),
        ([(None, 0.1)], "could not be measured along the training"),
    ],
)
def test_what_the_control_paid_at_the_same_imprint(
    curve: list[tuple[float | None, float]], said: str
) -> None:
    sentence = same_imprint_sentence(drift_at(curve, 0.5), FAR)
    assert said in sentence and sentence.endswith("This run drifted by 0.0100.")


def test_what_near_text_and_chat_pay() -> None:
    near = Estimate(value=0.025, ci=(0.02, 0.03), n=6)
    chat = Estimate(value=0.002, ci=None, n=16)
    first, second = drift_sentences(Drift(retention=FAR, near=near, chat=chat))
    assert first.endswith("pays 0.0250 [0.0200, 0.0300], 2.5 times as much.")
    assert "16 everyday questions, the drift is 0.0020" in second
    assert drift_sentences(Drift(retention=FAR)) == []
