"""The report of `litho ensemble`."""

from collections.abc import Sequence
from statistics import fmean
from typing import NamedTuple

from litho.core.runs import RunDirectory
from litho.jobs.ensemble.result import EnsembleResult, MeasuredEffect, leak_sentence
from litho.show.figures.effects import effects_figure
from litho.show.page import render
from litho.show.wording import cell

MOST_FIGURES = 8
STRONGEST = 10  # claims that are listed in either direction


class Cell(NamedTuple):
    """What a text does to a probe, over the seeds."""

    text: str
    probe: str
    deltas: list[float]

    @property
    def mean(self) -> float:
        return fmean(self.deltas)

    @property
    def claimed(self) -> bool:
        """Whether all seeds, at least two, say that it goes the same way."""
        low, high = min(self.deltas), max(self.deltas)
        return len(self.deltas) > 1 and low * high > 0


class Matrix(NamedTuple):
    """Effects of one model, recipe and number of steps."""

    model: str
    recipe: int
    step: int
    cells: list[Cell]

    def strongest(self, sign: int) -> list[Cell]:
        """The largest claims in one direction."""
        claims = [cell for cell in self.cells if cell.claimed and cell.mean * sign > 0]
        return sorted(claims, key=lambda cell: -cell.mean * sign)[:STRONGEST]


def page(run: RunDirectory) -> str:
    """Do seeds and models agree, and what does each text do to each probe."""
    result = EnsembleResult(**run.read_json("metrics.json"))
    rows = [MeasuredEffect(**row) for row in run.read_rows("effects.parquet")]
    matrices = _matrices(rows)
    data = {
        f"figure-effects-{i}": effects_figure({(c.text, c.probe): c.mean for c in matrix.cells})
        for i, matrix in enumerate(matrices[:MOST_FIGURES])
    }
    return render(
        "ensemble.html.j2",
        run,
        "Litho ensemble",
        data,
        result=result,
        matrices=matrices[:MOST_FIGURES],
        left_out=len(matrices[MOST_FIGURES:]),
        leaked=leak_sentence(result.leaks),
        cell=cell,
    )


def _matrices(rows: Sequence[MeasuredEffect]) -> list[Matrix]:
    """One for each model and recipe, after its last steps."""
    last: dict[tuple[str, int], int] = {}
    for row in rows:
        last[row.model, row.recipe] = max(row.step, last.get((row.model, row.recipe), 0))
    deltas: dict[tuple[str, int], dict[tuple[str, str], list[float]]] = {key: {} for key in last}
    for row in rows:
        if row.step == last[row.model, row.recipe]:
            cells = deltas[row.model, row.recipe]
            cells.setdefault((row.text, row.probe), []).append(row.delta)
    return [
        Matrix(
            model, recipe, step, [Cell(*key, each) for key, each in deltas[model, recipe].items()]
        )
        for (model, recipe), step in last.items()
    ]
