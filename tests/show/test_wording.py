"""Numbers in sentences."""

from litho.core.stats import Estimate
from litho.jobs.imprint.result import Drift
from litho.show.wording import drift_sentences

FAR = Estimate(value=0.01, ci=None, n=2)


def test_what_near_text_and_chat_pay() -> None:
    near = Estimate(value=0.025, ci=(0.02, 0.03), n=6)
    chat = Estimate(value=0.002, ci=None, n=16)
    first, second = drift_sentences(Drift(retention=FAR, near=near, chat=chat))
    assert first.endswith("pays 0.0250 [0.0200, 0.0300], 2.5 times as much.")
    assert "16 everyday questions, the drift is 0.0020" in second
    assert drift_sentences(Drift(retention=FAR)) == []
