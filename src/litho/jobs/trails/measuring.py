"""The capture test: states read on the same pairs, and what that says."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from litho.core import stats
from litho.core.records import Record
from litho.core.reporter import Reporter
from litho.core.stats import Estimate
from litho.jobs.trails.pairs import Planned
from litho.jobs.trails.result import (
    CaptureNumbers,
    ExternalScores,
    FewShot,
    FormResult,
    Neighbour,
    TrailDrift,
)
from litho.measure.trails.cells import (
    Cell,
    Measured,
    by_form,
    cell_metrics,
    changes,
    selectivity,
    wrong_capture,
)
from litho.measure.trails.external import right_answers
from litho.measure.trails.reading import scores
from litho.measure.trails.score import Score
from litho.measure.trails.verdict import is_broken, judge
from litho.model.state import State
from litho.text.trails.external import ExternalSet
from litho.text.trails.library import Form, Library

CELLS: tuple[Cell, ...] = ("M", "F", "W", "G", "N", "B")
AWAY = ("with", "without")  # premises


class StateScores(Record):
    """What one state says to everything that is asked."""

    pairs: tuple[Score, ...]
    external: tuple[dict[str, tuple[float, ...]], ...]  # right or not, by AWAY


def read_scores(
    state: State,
    planned: Sequence[Planned],
    external: Sequence[ExternalSet],
    reporter: Reporter,
    stage: str,
) -> dict[str, Any]:
    """`StateScores` as JSON."""
    reporter.stage(stage, len(planned))
    pairs = scores(state, [each.asked for each in planned], reporter.advance)
    asked = [
        {name: right_answers(state, each, name == AWAY[0]) for name in AWAY} for each in external
    ]
    return StateScores(pairs=tuple(pairs), external=tuple(asked)).model_dump()


def numbers(
    library: Library,
    planned: Sequence[Planned],
    external: Sequence[ExternalSet],
    before: StateScores,
    after: StateScores | None,
    drift: Estimate | None,
    budget: float,
) -> CaptureNumbers:
    """What two states say; `after` is None where there is no adapter to compare with."""
    last = after or before
    scored = list(zip(planned, before.pairs, last.pairs, strict=True))
    items = [Measured(p.pair.form, p.cell, b, a) for p, b, a in scored if p.cell != "shots"]
    cells = {cell: found for cell in CELLS if (found := cell_metrics(items, cell))}
    neighbours = tuple(
        Neighbour(form=form, change=change, broken=is_broken(change))
        for form, change in changes(items).items()
    )
    broken = tuple(each.form for each in neighbours if each.broken)
    value = drift.value if drift else None
    forms = tuple(
        _form(form, items, broken, value, budget, compared=after is not None)
        for form in library.forms
    )
    chosen = selectivity(items)
    judged = judge(
        {cell: found.kappa for cell, found in cells.items() if cell in ("M", "F", "W")},
        {cell: found.risen for cell, found in cells.items()} if after else {},
        chosen,
        broken,
        value,
        budget,
    )
    return CaptureNumbers(
        verdict=judged.verdict,
        reasons=judged.reasons,
        cells=cells,
        selectivity=chosen,
        wrong_capture=wrong_capture(items),
        few_shot_gain=_few_shot(scored),
        drift=TrailDrift(retention=drift),
        neighbours=neighbours,
        forms=forms,
        external=tuple(_external(external, before, last)),
    )


def _form(
    form: Form,
    items: Sequence[Measured],
    broken: tuple[str, ...],
    drift: float | None,
    budget: float,
    compared: bool,
) -> FormResult:
    own = [item for item in items if item.form == form.form]
    found = {
        cell: metrics for cell in CELLS if cell != "B" and (metrics := cell_metrics(own, cell))
    }
    kappa = {cell: metrics.kappa for cell, metrics in found.items()}
    chosen = selectivity(own)
    # Of a held-out form all wordings are new: what is asked of F is asked of G.
    judged_as: Mapping[Cell, Cell] = (
        {"G": "F"} if form.held_out else {c: c for c in ("M", "F", "W")}
    )
    passed = {name: found[cell] for cell, name in judged_as.items() if cell in found}
    judged = judge(
        {cell: metrics.kappa for cell, metrics in passed.items()},
        {cell: metrics.risen for cell, metrics in passed.items()} if compared else {},
        chosen,
        tuple(name for name in broken if name != form.form),
        drift,
        budget,
    )
    return FormResult(
        form=form.form,
        held_out=form.held_out,
        verdict=judged.verdict,
        reasons=judged.reasons,
        kappa=kappa,
        kappa_before={cell: metrics.kappa_before for cell, metrics in found.items()},
        d={cell: metrics.d for cell, metrics in found.items()},
        selectivity=chosen,
        wrong_capture=wrong_capture(own),
    )


def _few_shot(scored: Sequence[tuple[Planned, Score, Score]]) -> FewShot | None:
    """Gain of D by worked examples, over that of the same forms without; by forms, then pairs."""
    shots = [Measured(p.pair.form, "G", b, a) for p, b, a in scored if p.cell == "shots"]
    if not shots:
        return None
    forms = {item.form for item in shots}
    plain = [
        Measured(p.pair.form, "G", b, a)
        for p, b, a in scored
        if p.cell in ("F", "G") and p.pair.form in forms
    ]

    def gain(state: str) -> Estimate:
        shown, alone = (by_form(read, lambda item: _d(item, state)) for read in (shots, plain))
        return stats.nested(
            [[d - fmean(a) for d in ds] for ds, a in zip(shown, alone, strict=True)]
        )

    return FewShot(before=gain("before"), after=gain("after"))


def _d(item: Measured, state: str) -> float:
    return item.before.d if state == "before" else item.after.d


def _external(
    external: Sequence[ExternalSet], before: StateScores, after: StateScores
) -> list[ExternalScores]:
    states = {"before": before, "after": after}
    return [
        ExternalScores(
            name=each.name,
            premises={s: stats.mean(found.external[i][AWAY[0]]) for s, found in states.items()},
            alone={s: stats.mean(found.external[i][AWAY[1]]) for s, found in states.items()},
        )
        for i, each in enumerate(external)
    ]


def item_rows(
    planned: Sequence[Planned], before: StateScores, after: StateScores | None
) -> list[dict[str, Any]]:
    """One row a pair, with its texts, for `pairs.parquet`."""
    last = after or before
    return [
        {
            "form": each.pair.form,
            "cell": each.cell,
            "wording": each.pair.wording,
            "first": each.pair.contexts[0].text,
            "second": each.pair.contexts[1].text,
            "answers": list(each.pair.answers),
            "near_miss": each.pair.near_miss if each.cell == "F" else None,
            "near": each.pair.near[0].text if each.pair.near and each.cell == "F" else None,
            "d_before": b.d,
            "d": a.d,
            "near_d_before": b.near,
            "near_d": a.near,
            "kappa_before": b.kappa,
            "kappa": a.kappa,
        }
        for each, b, a in zip(planned, before.pairs, last.pairs, strict=True)
    ]
