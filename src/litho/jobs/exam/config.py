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
    turned: str | None = None  # a model raised on the counterfactual twin
    instruments: bool = False  # whether weak points are measured, too

    def models(self) -> dict[str, str]:
        others = {"twin": self.twin, "turned": self.turned}
        return {"model": self.model} | {role: name for role, name in others.items() if name}

    def pinned(self) -> Self:
        from litho.model.sources import locate

        pinned = super().pinned()
        roles = {"twin": self.twin, "turned": self.turned}
        there = {role: locate(name).pinned for role, name in roles.items() if name}
        return pinned.model_copy(update=there)
