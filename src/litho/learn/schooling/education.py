"""All stages one after the other, with checkpoints: what was trained before is taken over."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from litho.core.reporter import Reporter
from litho.learn.checkpoint import Memory, read_checkpoint, write_checkpoint
from litho.learn.schooling.course import Course
from litho.learn.schooling.lesson import Lesson
from litho.learn.schooling.loop import Schooling
from litho.learn.schooling.pacing import Pace

SAVE_SECONDS = 30.0  # between checkpoints inside a stage
UNFINISHED = "training.safetensors"  # the checkpoint inside a stage, in the folder of the run
_ENDING = ".safetensors"


@dataclass(frozen=True)
class Places:
    """Where checkpoints are: those at the ends of stages, and the one inside a stage."""

    ends: Path
    inside: Path
    alone: frozenset[str] = frozenset()  # keys of lessons whose end is kept beside the one inside

    def end_of(self, lesson: Lesson) -> Path:
        folder = self.inside.parent if lesson.key in self.alone else self.ends
        return folder / (lesson.key + _ENDING)


@dataclass(frozen=True)
class Watch:
    """Who is told how a training goes, and when: by default nobody."""

    saved: Callable[[], None] = lambda: None  # a checkpoint was written
    seen: Callable[[], None] = lambda: None  # there are new losses, or a new probe


def educate(
    schooling: Schooling,
    lessons: Sequence[Lesson],
    places: Places,
    reporter: Reporter,
    watch: Watch = Watch(),
    pace: Pace | None = None,
    until: int | None = None,
) -> None:
    """Train through all lessons, or the first `until` of them, and take the mean of the last.

    A checkpoint at the end of a stage is taken over whoever made it. `pace`: changes what is read
    while it is read.
    """
    places.ends.mkdir(parents=True, exist_ok=True)
    steps = [lesson.rows.steps(schooling.teaching.batch_tokens) for lesson in lessons]
    until = len(lessons) if until is None else until
    done = trained_before(lessons[:until], places)
    if done:
        _recall(schooling, pace, read_checkpoint(places.end_of(lessons[done - 1])))
    reporter.stage("training", sum(steps))
    reporter.advance(sum(steps[:done]))
    for number in range(done, until):
        lesson = lessons[number]
        schooling.begin()
        _resume(schooling, pace, lesson, places)
        _Stage(schooling, lessons, number, places, reporter, watch, pace).through()
        write_checkpoint(places.end_of(lesson), _memory(schooling, pace))
        places.inside.unlink(missing_ok=True)
        watch.saved()
        record = schooling.progress.records[-1]
        reporter.note(f"stage {lesson.id}: loss {record['loss']:.3f} at its end")
    schooling.take_mean()


def trained_before(lessons: Sequence[Lesson], places: Places) -> int:
    """How many of the first stages need no training any more."""
    known = (i for i in range(len(lessons), 0, -1) if places.end_of(lessons[i - 1]).is_file())
    return next(known, 0)


def _memory(schooling: Schooling, pace: Pace | None) -> dict[str, Memory]:
    return schooling.memory() | ({"pace": pace.memory()} if pace else {})


def _recall(schooling: Schooling, pace: Pace | None, memory: dict[str, Memory]) -> None:
    schooling.recall(memory)
    if pace:
        pace.recall(memory["pace"])


def _resume(schooling: Schooling, pace: Pace | None, lesson: Lesson, places: Places) -> None:
    """Go on inside a stage, if that was where a process ended."""
    if not places.inside.is_file():
        return
    memory = read_checkpoint(places.inside)
    if memory["lesson"].values == lesson.key:
        _recall(schooling, pace, memory)


@dataclass
class _Stage:
    """A stage while it is gone through."""

    schooling: Schooling
    lessons: Sequence[Lesson]
    number: int
    places: Places
    reporter: Reporter
    watch: Watch
    pace: Pace | None

    def through(self) -> None:
        schooling, progress = self.schooling, self.schooling.progress
        lesson = self.lessons[self.number]
        course = self.pace.course(self.lessons, self.number) if self.pace else None
        saved = began = time.monotonic()
        first = progress.tokens
        while progress.step < (steps := self._steps(course)):
            shown: dict[str, float] = {}
            recorded = schooling.step(lesson.id, course or lesson.rows, steps)
            if recorded:
                speed = (progress.tokens - first) / (time.monotonic() - began)
                shown = {"loss": progress.records[-1]["loss"], "tokens/s": speed}
            if self._paced(course) or recorded:
                self.watch.seen()
            if time.monotonic() - saved >= SAVE_SECONDS and progress.step < self._steps(course):
                there = {"lesson": Memory(values=lesson.key)}
                write_checkpoint(self.places.inside, _memory(schooling, self.pace) | there)
                self.watch.saved()
                saved = time.monotonic()
            self.reporter.advance(progress.steps, **shown)
        schooling.end(lesson.id)

    def _steps(self, course: Course | None) -> int:
        if course:
            return course.steps
        return self.lessons[self.number].rows.steps(self.schooling.teaching.batch_tokens)

    def _paced(self, course: Course | None) -> bool:
        """Let the curriculum adapt; whether it was probed or changed."""
        if not (self.pace and course):
            return False
        progress, before = self.schooling.progress, len(self.pace.probes)
        happened = self.pace.look(
            self.schooling.learner, self.lessons, self.number, course, progress.step,
            progress.tokens,
        )  # fmt: skip
        told = [event for event in happened if event.action != "alarm"] or happened[:1]
        for event in told:
            about = f" {event.book}" if event.book else ""
            self.reporter.note(
                f"stage {event.stage}, step {event.step}: {event.action}{about}: {event.cause}"
            )
        return bool(happened) or len(self.pace.probes) > before
