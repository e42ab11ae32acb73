"""What an exam starts from; no torch."""

from typing import Self

from litho.jobs.spec import ModelSpec
from litho.text.school.questions import Question


class ExamSpec(ModelSpec):
    """A genome, kept in the run itself, and who is examined."""

    genome: str  # YAML
    genome_name: str
    folder: str  # from which the genome's files are looked for
    questions: tuple[Question, ...] | None = None  # of a build; none: made from the genome
    twin: str | None = None  # a model raised on the fluent twin
    instruments: bool = False  # whether weak points are measured, too

    def models(self) -> dict[str, str]:
        return {"model": self.model} | ({"twin": self.twin} if self.twin else {})

    def pinned(self) -> Self:
        from litho.model.sources import locate

        pinned = super().pinned()
        twin = locate(self.twin).pinned if self.twin else None
        return pinned.model_copy(update={"twin": twin})
