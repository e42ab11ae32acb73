"""What a school starts from; no torch."""

from pathlib import Path
from typing import Self

from litho.jobs.spec import Spec, model_beside
from litho.learn.schooling.records import Event
from litho.text.school.genome import Genome, parse_genome


class SchoolSpec(Spec):
    """A genome as it was written, and where its files are looked for from."""

    written: str
    source: str  # what the genome is called in messages
    folder: str
    build: str | None = None  # an earlier build, of which is taken what would come out the same
    checkpoints: str | None = None  # a folder that several schools share; none: one in the run
    processes: int = 1  # that compile and, on the CPU, train
    replayed: tuple[Event, ...] | None = None  # what happened in another run

    @property
    def genome(self) -> Genome:
        """Raises LithoError that names line and field of what is wrong."""
        return parse_genome(self.written, self.source, Path(self.folder))

    def models(self) -> dict[str, str]:
        start = self.genome.start
        return {"start": model_beside(Path(self.folder), start)} if start else {}

    def pinned(self) -> Self:
        return self

    def alike(self, other: Self) -> bool:
        """Whatever the genome is called in messages, and however its folder is written."""
        here, there = (Path(each.folder).resolve() for each in (self, other))
        called = {"source": other.source, "folder": other.folder}
        return here == there and self.model_copy(update=called) == other
