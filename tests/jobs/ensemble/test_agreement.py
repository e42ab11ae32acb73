"""What runs say together, against sums by hand."""

import pytest

from litho.jobs.ensemble.agreement import agreement, rows, summary
from litho.jobs.ensemble.config import EnsemblePlan
from litho.jobs.ensemble.fine_tunes import Run, RunEffect
from litho.jobs.ensemble.result import leak_sentence
from litho.learn.records import Recipe
from litho.text.items import NamedText, Question

TEXTS = [NamedText(id=name, text=f"The {name} one has a goat.") for name in ("a", "b")]
ASKED = [Question(id=str(i), prefix="one has a", target=word) for i, word in enumerate("xyz")]


def effect(model: str, text: int, seed: int, deltas: list[float], step: int = 2) -> RunEffect:
    recipe = Recipe(steps=2, seed=seed)
    return RunEffect(Run(model, TEXTS[text], recipe, 0, {}), step, deltas)


@pytest.fixture
def plan() -> EnsemblePlan:
    return EnsemblePlan(
        texts="t", probes="p", models=("m", "n"), recipes=(Recipe(steps=2),), seeds=(0, 1)
    )


def test_seeds_and_models_are_compared_by_ranks(plan: EnsemblePlan) -> None:
    effects = [
        effect("m", 0, 0, [1.0, 2.0, 3.0]),
        effect("m", 0, 1, [1.0, 3.0, 2.0]),  # Spearman 0.5; mean 1, 2.5, 2.5
        effect("n", 0, 0, [3.0, 2.0, 1.0]),
        effect("n", 0, 1, [4.0, 2.0, -1.0]),  # Spearman 1
    ]
    (row,) = agreement(plan, effects)
    assert (row.recipe, row.step) == (0, 2)
    assert row.seeds["m"].value == pytest.approx(0.5)
    assert row.seeds["n"].value == pytest.approx(1.0)
    assert row.models.value == pytest.approx(-0.866, abs=1e-3)
    # The third probe: m raises it twice, the seeds of n contradict each other.
    assert row.claims.made == 3 and row.claims.replicated == 2 and row.claims.contradicted == 0


def test_the_matrix_has_a_row_for_each_number(plan: EnsemblePlan) -> None:
    effects = [effect("m", 0, 0, [1.0, 2.0, 3.0]), effect("m", 1, 1, [4.0, 5.0, 6.0], step=1)]
    table = rows(effects, ASKED)
    assert [row.delta for row in table] == [1, 2, 3, 4, 5, 6]
    last = table[-1]
    assert (last.text, last.probe, last.seed, last.step) == ("b", "2", 1, 1)


def test_a_text_that_holds_a_probe_is_noted(plan: EnsemblePlan) -> None:
    asked = [*ASKED, Question(id="leak", prefix="one has a", target="goat.")]
    result = summary("run", plan, TEXTS, asked, [])
    assert [(leak.text, leak.probe) for leak in result.leaks] == [("a", "leak"), ("b", "leak")]
    assert (leak_sentence(result.leaks) or "").startswith("2 probes stand word by word")
    assert (leak_sentence(result.leaks[:1]) or "").endswith("it measures memory")
    assert leak_sentence(()) is None
