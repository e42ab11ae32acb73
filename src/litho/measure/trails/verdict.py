"""The verdict on a trail: how far it carries, and what it breaks; no torch."""

from typing import Literal

from litho.core.records import Record
from litho.core.stats import Estimate

TrailVerdict = Literal["trail", "wording", "form", "memorised", "rut", "nothing"]

SELECTIVE = 0.75  # above this a trail can tell its chain from a near-miss
LOST = 0.1  # of kappa; a neighbour that lost more is broken


class TrailJudgement(Record):
    """The verdict, and why."""

    verdict: TrailVerdict
    reasons: tuple[str, ...]


def judge(
    kappa: dict[str, Estimate],
    risen: dict[str, Estimate],
    selectivity: Estimate | None,
    broken: tuple[str, ...],
    drift: float | None,
    budget: float,
) -> TrailJudgement:
    """From kappa on M, F and W, its rise over the untouched model, and the costs.

    `risen`: empty where there is no untouched model to compare with. A cell is passed where the
    intervals of both lie above 0.
    """
    passed = {cell: _above(kappa[cell]) and _above(risen.get(cell, kappa[cell])) for cell in kappa}
    if not passed.get("F"):
        if passed.get("M"):
            return _said("memorised", "it is followed with trained words, but not with new ones")
        return _said("nothing", "new words are not put through the form beyond chance")
    selective = selectivity.value if selectivity else None
    costs = []
    if selective is not None and selective <= SELECTIVE:
        costs.append(f"near-misses pull almost as much: selectivity {selective:.2f}")
    if broken:
        costs.append(f"other trails got worse by more than {LOST}: {', '.join(broken)}")
    if costs:
        return TrailJudgement(verdict="rut", reasons=tuple(costs))
    if not passed.get("W"):
        return _said("form", "new words are put through it, but not in the held-out wording")
    missing = []
    if selective is None:
        missing.append("without near-misses nobody knows whether it is more than a habit")
    if drift is not None and drift > budget:
        missing.append(f"drift of {drift:.4f} nats per token is above the budget of {budget}")
    if missing:
        return TrailJudgement(verdict="wording", reasons=tuple(missing))
    return _said("trail", "new words and a new wording are carried along, near-misses are not")


def _said(verdict: TrailVerdict, reason: str) -> TrailJudgement:
    return TrailJudgement(verdict=verdict, reasons=(reason,))


def _above(estimate: Estimate) -> bool:
    return estimate.ci is not None and estimate.ci[0] > 0


def is_broken(change: Estimate) -> bool:
    """Whether kappa fell by more than may be lost, and by more than chance explains."""
    if change.value is None or change.ci is None:
        return False
    return change.value < -LOST and change.ci[1] < 0
