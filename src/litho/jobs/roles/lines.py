"""What a speaker says in a build, in the documents around it."""

import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from litho.core.errors import LithoError
from litho.jobs.genome.build import Build
from litho.learn.schooling.voice import Lines
from litho.text.school.genome import Genome
from litho.text.school.training import Loss, RoleAdapter


def adapters_of(genome: Genome, speakers: Sequence[str]) -> dict[str, RoleAdapter]:
    """The adapters that a genome asks for; else one for each speaker of its scenes."""
    if genome.roles:
        return dict(genome.roles.adapters)
    return {name: RoleAdapter() for name in speakers}


def lines_of(
    build: Build,
    genome: Genome,
    adapters: dict[str, RoleAdapter],
    roles: Collection[str],
    context: int,
    tokens: int,
    seed: int,
) -> list[Lines]:
    """Documents in which one of some roles speaks, drawn until that makes `tokens`, or all.

    What they say counts as `loss` of the genome, or its defaults, have it. Raises LithoError if
    they say nothing that fits into the context.
    """
    loss = genome.loss or Loss()
    stages = [each.id for each in build.result.stages]
    every = [
        (stage, number)
        for place, name in enumerate(stages)
        if (speaking := _speaking(adapters, roles, stages, place))
        for stage in [_Spans.read(build, name, speaking, loss)]
        for number in stage.speaking()
    ]
    random.Random(seed).shuffle(every)
    found: list[Lines] = []
    counted = 0
    for stage, number in every:
        row = stage.lines(number, build.codec.end_id, context)
        if row.counted:
            found.append(row)
            counted += row.counted
        if counted >= tokens:
            break
    if not found:
        raise LithoError(
            f"nobody called {' or '.join(sorted(roles))} says anything to learn from: play a scene "
            "in which the role speaks, or name an earlier stage in roles.adapters"
        )
    return found


def _speaking(
    adapters: dict[str, RoleAdapter], roles: Collection[str], stages: Sequence[str], place: int
) -> set[str]:
    """Which of the roles learn from a stage."""
    firsts = {role: adapters[role].from_ or stages[0] for role in roles}
    return {role for role, first in firsts.items() if place >= stages.index(first)}


@dataclass(frozen=True)
class _Spans:
    """The spans of a stage, with how much each counts."""

    tokens: npt.NDArray[Any]
    start_S: npt.NDArray[np.int64]
    end_S: npt.NDArray[np.int64]
    document_S: npt.NDArray[np.int64]
    weight_S: npt.NDArray[np.float64]

    @classmethod
    def read(cls, build: Build, stage: str, speaking: Collection[str], loss: Loss) -> "_Spans":
        columns = ["start", "end", "document", "role", "part"]
        table = build.columns(stage, columns)
        said = zip(table["role"].to_pylist(), table["part"].to_pylist(), strict=True)
        weights = [loss.weight(part) if role.lower() in speaking else 0.0 for role, part in said]
        start_S, end_S, document_S = (table[name].to_numpy() for name in columns[:3])
        return cls(build.tokens(stage), start_S, end_S, document_S, np.asarray(weights))

    def speaking(self) -> Iterator[int]:
        """Numbers of the documents in which something counts."""
        yield from np.unique(self.document_S[self.weight_S > 0]).tolist()

    def lines(self, document: int, end_id: int, context: int) -> Lines:
        """A document behind an end token, as far as the context goes."""
        first, last = np.searchsorted(self.document_S, [document, document + 1])
        sizes = self.end_S[first:last] - self.start_S[first:last]
        ids = self.tokens[self.start_S[first] : self.end_S[last - 1]].tolist()
        weights = np.repeat(self.weight_S[first:last], sizes).tolist()
        return Lines((end_id, *ids)[:context], (0.0, *weights)[:context])
