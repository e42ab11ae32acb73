"""D and kappa of pairs against a slow reference; cells and verdicts by hand."""

import random

import pytest
import torch

from litho.core import stats
from litho.core.errors import LithoError
from litho.core.stats import Estimate
from litho.measure.trails.asked import Asked, apart, asked
from litho.measure.trails.cells import Measured, cell_metrics, changes, selectivity, wrong_capture
from litho.measure.trails.reading import scores
from litho.measure.trails.score import Score
from litho.measure.trails.verdict import is_broken, judge
from litho.model.loaded import LanguageModel
from litho.model.state import State
from litho.text.trails.chains import Draw, Pair, draw
from litho.text.trails.library import parse_library
from tests.builders import TRAILS

LIBRARY = parse_library(TRAILS, "trails.yaml")


def pairs(model: LanguageModel, count: int = 4) -> list[Pair]:
    chance, form = random.Random(0), LIBRARY.forms[0]
    return [draw(LIBRARY, form, Draw(i % 2, True, i), chance, apart(model)) for i in range(count)]


def slow(model: LanguageModel, chain: Asked, number: int) -> list[float]:
    """log P of both answers behind a context, alone and without a cache."""
    with torch.no_grad():
        logits_V = model.network(input_ids=torch.tensor([chain.rows[number]])).logits[0, -1]
    return logits_V.log_softmax(-1)[list(chain.tokens)].tolist()


def test_scores_against_a_slow_reference(any_model: LanguageModel) -> None:
    read = [asked(any_model, pair, near=True) for pair in pairs(any_model)]
    for chain, score in zip(read, scores(State(any_model), read), strict=True):
        (a1, a2), (b1, b2), (m1, m2), (n1, n2) = (slow(any_model, chain, i) for i in range(4))
        assert score.d == pytest.approx(((a1 - a2) - (b1 - b2)) / 2, abs=1e-5)
        assert score.near == pytest.approx(((m1 - m2) - (n1 - n2)) / 2, abs=1e-5)
        assert score.said == pytest.approx((a1 + b2) / 2, abs=1e-5)
        assert score.right == (a1 > a2, b2 > b1)


def test_turning_a_pair_round_changes_nothing(llama: LanguageModel) -> None:
    """Whatever speaks for an answer in itself cancels: only the premise counts."""
    for pair in pairs(llama):
        turned = Pair(
            pair.form, pair.wording, pair.contexts[::-1], pair.answers[::-1], pair.slots[::-1]
        )
        one, other = scores(State(llama), [asked(llama, pair), asked(llama, turned)])
        assert one.d == pytest.approx(other.d, abs=1e-6) and one.right == other.right[::-1]


def test_a_context_that_says_nothing_has_no_d(llama: LanguageModel) -> None:
    chain = asked(llama, pairs(llama)[0])
    (score,) = scores(State(llama), [Asked((chain.rows[0], chain.rows[0]), chain.tokens)])
    assert score.d == 0 and score.kappa == 0


def test_answers_are_told_apart_by_their_first_token(llama: LanguageModel) -> None:
    assert apart(llama)(["door", "bell"]) and not apart(llama)(["door", "dog"])
    pair = pairs(llama)[0]
    same = Pair(pair.form, 0, pair.contexts, ("door", "dog"), pair.slots)
    with pytest.raises(LithoError, match="share their first token"):
        asked(llama, same)
    with pytest.raises(LithoError, match="but tiny:llama reads"):
        asked(llama, pair, before="long " * 500)


def score(d: float, near: float = 0.0) -> Score:
    return Score(d=d, right=(d > 0, d > 0), said=-1.0, near=near, near_said=(near > 0, near > 0))


def test_cells_by_hand() -> None:
    base = score(0.0)
    items = [Measured(form, "M", base, score(4.0)) for form in "ab" for _ in range(3)]
    items += [Measured("a", "F", base, score(2.0, near=1.0)) for _ in range(3)]
    items += [Measured("b", "F", base, score(1.0, near=3.0)) for _ in range(3)]
    items += [Measured("c", "G", score(1.0), score(-1.0)) for _ in range(3)]
    new = cell_metrics(items, "F")
    assert new and new.d.value == 1.5 and new.kappa.value == 1.0 and new.kappa_before.value == -1.0
    assert new.share and new.share.value == pytest.approx(1.5 / 4)
    near = cell_metrics(items, "N")
    assert near and near.d.value == 2.0 and near.kappa.value == 1.0 and near.said is None
    assert cell_metrics(items, "W") is None
    chosen, wrong = selectivity(items), wrong_capture(items)
    assert chosen and chosen.value == 0.5 and wrong and wrong.value == 2.0
    changed = changes(items)
    assert changed["c"].value == -2.0 and is_broken(changed["c"]) and not is_broken(changed["a"])


def known(value: float, half: float = 0.1) -> Estimate:
    return Estimate(value=value, ci=(value - half, value + half), n=9)


@pytest.mark.parametrize(
    ("passed", "selective", "broken", "drift", "verdict"),
    [
        ("", 0.5, (), 0.0, "nothing"),
        ("M", 0.9, (), 0.0, "memorised"),
        ("MF", 0.9, (), 0.0, "form"),
        ("MFW", 0.9, (), 0.0, "trail"),
        ("MFW", 0.9, (), 0.1, "wording"),
        ("MFW", None, (), 0.0, "wording"),
        ("MFW", 0.6, (), 0.0, "rut"),
        ("MF", 0.9, ("tollens",), 0.0, "rut"),
    ],
)
def test_verdicts(
    passed: str, selective: float | None, broken: tuple[str, ...], drift: float, verdict: str
) -> None:
    kappa = {cell: known(0.5 if cell in passed else 0.0) for cell in "MFW"}
    chosen = None if selective is None else known(selective)
    assert judge(kappa, kappa, chosen, broken, drift, 0.015).verdict == verdict
    # What was so before is no merit of the training.
    unmoved = {cell: known(0.0) for cell in "MFW"}
    assert judge(kappa, unmoved, chosen, broken, drift, 0.015).verdict == "nothing"


def test_two_stage_bootstrap_is_wider_than_one_of_items_alone() -> None:
    """Items within a form agree: only the forms carry information."""
    groups = [[float(g)] * 50 for g in range(8)]
    flat = stats.mean([value for group in groups for value in group])
    two = stats.nested(groups)
    assert two.value == flat.value == 3.5 and two.n == 8 and two.ci and flat.ci
    # Against the standard error of the mean of 8 forms.
    assert two.ci[1] - two.ci[0] == pytest.approx(2 * 1.96 * 2.29 / 8**0.5, rel=0.1)
    assert flat.ci[1] - flat.ci[0] < 0.5 * (two.ci[1] - two.ci[0])
    assert stats.nested([[], []]).value is None
    assert stats.nested([[1.0, 2.0, 4.0]]) == stats.mean([1.0, 2.0, 4.0])
