"""The hard transitions of a school, read once for all arms of a rewriting."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from litho.jobs.journal.hardest import hardest
from litho.jobs.journal.reading import spans_read
from litho.jobs.journal.result import Span
from litho.jobs.rewrite.config import RewriteSpec
from litho.jobs.runner import Context
from litho.jobs.school.finished import FinishedSchool
from litho.model.placement import Placement
from litho.text.school.chance import chance

SPANS = "spans.json"


@dataclass(frozen=True)
class Transitions:
    """Spans of a school's journal, by how hard they were."""

    context: Context[RewriteSpec]
    finished: FinishedSchool

    def hardest(self) -> list[Span]:
        """All that were hard, the hardest first."""
        stages = [stage.id for stage in self.finished.result.stages]
        by = self.context.spec.journal.by
        return [each.span for each in hardest(self._spans, stages, by, len(self._spans))]

    def hardest_few(self) -> list[Span]:
        """As many as the journal names."""
        return self.hardest()[: self.context.spec.journal.top]

    def by_chance(self) -> list[Span]:
        """As many, whether they were hard or not."""
        draw = chance(self.finished.genome.seed, "random spans")
        return draw.sample(self._spans, len(self.hardest_few()))

    @cached_property
    def _spans(self) -> list[Span]:
        return [Span(**each) for each in self.context.run.once(SPANS, self._read)]

    def _read(self) -> list[dict[str, Any]]:
        spec, models = self.context.spec, self.context.models
        placement = Placement.parse(spec.device.name)
        sample, reporter = spec.journal.sample, self.context.reporter
        found = spans_read(self.finished, sample, models, placement, reporter)
        return [span.model_dump(mode="json") for span in found]
