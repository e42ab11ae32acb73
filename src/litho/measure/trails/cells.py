"""Cells of the capture test: what scores of many pairs say about forms, and about a library."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from litho.core import stats
from litho.core.records import Record
from litho.core.stats import Estimate
from litho.measure.trails.score import Score

# M trained words, F new words, W new words in a held-out wording, G held-out forms, N near-misses,
# B all trails as neighbours of one another.
Cell = Literal["M", "F", "W", "G", "N", "B"]
Value = Callable[[Score], float | None]


@dataclass(frozen=True)
class Measured:
    """A pair before and after training; without an adapter both are the same."""

    form: str
    cell: Cell  # in which it was read: M, F, W or G
    before: Score
    after: Score


class CellMetrics(Record):
    """What a cell says; D in nats, kappa = 2 x accuracy - 1."""

    d: Estimate
    d_before: Estimate
    kappa: Estimate
    kappa_before: Estimate
    risen: Estimate  # kappa after minus before
    share: Estimate | None = None  # rise of D over that on trained words
    said: Estimate | None = None  # log P of the right answer, nats; none: there is no right one


def d_of(score: Score) -> float:
    return score.d


def kappa_of(score: Score) -> float:
    return score.kappa


def near_of(score: Score) -> float | None:
    return score.near


def captured_of(score: Score) -> float | None:
    return score.captured


def of_cell(items: Sequence[Measured], cell: Cell) -> list[Measured]:
    """The pairs of which a cell is made: near-misses belong to those of F."""
    if cell == "B":
        return [item for item in items if item.cell in ("F", "G")]
    if cell == "N":
        return [item for item in items if item.cell == "F" and item.after.near is not None]
    return [item for item in items if item.cell == cell]


def cell_metrics(items: Sequence[Measured], cell: Cell) -> CellMetrics | None:
    """The numbers of a cell; None where it has no pairs. Intervals: over forms, then pairs."""
    own = of_cell(items, cell)
    if not own:
        return None
    d, kappa = (near_of, captured_of) if cell == "N" else (d_of, kappa_of)
    after: list[Callable[[Measured], float | None]] = [
        lambda item: d(item.after),
        lambda item: d(item.before),
        lambda item: kappa(item.after),
        lambda item: kappa(item.before),
        lambda item: _less(kappa(item.after), kappa(item.before)),
    ]
    estimates = [stats.nested(by_form(own, value)) for value in after]
    return CellMetrics(
        d=estimates[0],
        d_before=estimates[1],
        kappa=estimates[2],
        kappa_before=estimates[3],
        risen=estimates[4],
        share=_share(items, cell) if cell in ("F", "W", "G", "N") else None,
        said=None if cell == "N" else stats.nested(by_form(own, lambda item: item.after.said)),
    )


def _less(after: float | None, before: float | None) -> float | None:
    return None if after is None or before is None else after - before


def by_form(
    items: Iterable[Measured], value: Callable[[Measured], float | None]
) -> list[list[float]]:
    """Values of the pairs of each form."""
    found: dict[str, list[float]] = {}
    for item in items:
        known = value(item)
        if known is not None:
            found.setdefault(item.form, []).append(known)
    return list(found.values())


def _share(items: Sequence[Measured], cell: Cell) -> Estimate | None:
    """C = rise of D in a cell over that in M, the forms resampled; held-out forms have no M.

    None where D did not rise in M beyond chance: there is nothing to have a share in.
    """
    trained = _rises(of_cell(items, "M"), d_of)
    whole = stats.mean(list(trained.values()))
    if whole.value is None or whole.ci is None or whole.ci[0] <= 0:
        return None
    risen = _rises(of_cell(items, cell), near_of if cell == "N" else d_of)
    both = [form for form in trained if form in risen]
    if both:
        return stats.ratio([risen[form] for form in both], [trained[form] for form in both])
    return Estimate(value=_mean(risen.values()) / whole.value, ci=None, n=len(risen))


def _mean(values: Collection[float]) -> float:
    return sum(values) / len(values)


def _rises(items: Sequence[Measured], value: Value) -> dict[str, float]:
    """Mean rise of D by form."""
    sums: dict[str, list[float]] = {}
    for item in items:
        change = _less(value(item.after), value(item.before))
        if change is not None:
            sums.setdefault(item.form, []).append(change)
    return {form: _mean(each) for form, each in sums.items()}


def selectivity(items: Sequence[Measured]) -> Estimate | None:
    """S = P(D behind a chain > D behind its near-miss): 0.5 where it falls into whatever comes."""
    near = of_cell(items, "N")
    return stats.nested(by_form(near, lambda item: item.after.selective)) if near else None


def wrong_capture(items: Sequence[Measured]) -> Estimate | None:
    """V = mean rise of D behind near-misses towards the trail's answer, nats."""
    near = of_cell(items, "N")
    if not near:
        return None
    return stats.nested(by_form(near, lambda item: _less(item.after.near, item.before.near)))


def changes(items: Sequence[Measured]) -> dict[str, Estimate]:
    """Change of kappa of every trail as a neighbour of the others."""
    found: dict[str, list[float]] = {}
    for item in of_cell(items, "B"):
        found.setdefault(item.form, []).append(item.after.kappa - item.before.kappa)
    return {form: stats.mean(values) for form, values in found.items()}
