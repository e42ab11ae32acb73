"""What can be looked at while a school is trained."""

import time
from collections.abc import Sequence

from litho.jobs.runner import Context
from litho.jobs.school.config import SchoolSpec
from litho.jobs.school.result import LIVE, GateResult, Live, LiveStage
from litho.jobs.school.summary import rows_of
from litho.learn.schooling.lesson import Lesson
from litho.learn.schooling.loop import Schooling
from litho.learn.schooling.pacing import Pace
from litho.text.school.genome import Genome


class Onlooker:
    """Notes how far a school is, and has a page made of it."""

    def __init__(
        self,
        context: Context[SchoolSpec],
        genome: Genome,
        lessons: Sequence[Lesson],
        schooling: Schooling,
        pace: Pace | None,
    ) -> None:
        self._context, self._genome, self._lessons = context, genome, lessons
        self._schooling, self._pace = schooling, pace
        self.gates: list[GateResult] = []  # that were asked
        self._began: tuple[float, int] | None = None  # when this process had read how much

    def seen(self) -> None:
        """There are new losses, or a new probe."""
        run = self._context.run
        now = time.monotonic(), self._schooling.progress.tokens
        self._began = began = self._began or now
        speed = (now[1] - began[1]) / (now[0] - began[0]) if now[0] > began[0] else 0.0
        stages = tuple(self._stages())
        left = sum(stage.tokens - stage.read for stage in stages if not stage.ended)
        live = Live(
            id=self._genome.id,
            stages=stages,
            tokens=now[1],
            seconds=run.seconds,
            left=left / speed if speed else None,
            losses=tuple(rows_of(self._schooling.progress)),
            pacing=self._genome.pacing,
            events=tuple(self._pace.events) if self._pace else (),
            probes=tuple(self._pace.probes) if self._pace else (),
            gates=tuple(self.gates),
        )
        run.write_json(LIVE, live.model_dump(mode="json"))
        self._context.show()

    def gate(self, found: GateResult) -> None:
        """A gate was asked."""
        self.gates.append(found)
        self.seen()

    def _stages(self) -> Sequence[LiveStage]:
        progress, found, before = self._schooling.progress, [], 0
        records = {each["stage"]: each for each in progress.records}
        begun = [lesson.id for lesson in self._lessons if lesson.id in records]
        for lesson in self._lessons:
            record = records.get(lesson.id)
            read = record["tokens"] - before if record else 0
            before += read
            ended = lesson.id in begun[:-1] or read >= lesson.rows.count
            found.append(
                LiveStage(
                    id=lesson.id,
                    tokens=lesson.rows.count,
                    read=read,
                    loss=record["loss"] if record else None,
                    ended=ended,
                )
            )
        return found
