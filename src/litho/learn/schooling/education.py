"""All stages one after the other, with checkpoints: what was trained before is taken over."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from litho.core.reporter import Reporter
from litho.learn.checkpoint import Memory, read_checkpoint, write_checkpoint
from litho.learn.schooling.loop import Schooling
from litho.learn.schooling.rows import PackedRows

SAVE_SECONDS = 30.0  # between checkpoints inside a stage
UNFINISHED = "training.safetensors"  # the checkpoint inside a stage, in the folder of the run
_ENDING = ".safetensors"


@dataclass(frozen=True)
class Lesson:
    """A stage as it is trained on."""

    id: str
    rows: PackedRows
    key: str  # a hash of everything that the model at its end depends on


@dataclass(frozen=True)
class Places:
    """Where checkpoints are: those at the ends of stages, and the one inside a stage."""

    ends: Path
    inside: Path

    def end_of(self, lesson: Lesson) -> Path:
        return self.ends / (lesson.key + _ENDING)


def educate(
    schooling: Schooling,
    lessons: Sequence[Lesson],
    places: Places,
    reporter: Reporter,
    tick: Callable[[], None] = lambda: None,
) -> None:
    """Train through all lessons and take the mean of the last.

    A checkpoint at the end of a stage is taken over whoever made it. `tick`: called when one was
    written.
    """
    places.ends.mkdir(parents=True, exist_ok=True)
    steps = [lesson.rows.steps(schooling.teaching.batch_tokens) for lesson in lessons]
    done = trained_before(lessons, places)
    if done:
        schooling.recall(read_checkpoint(places.end_of(lessons[done - 1])))
    reporter.stage("training", sum(steps))
    reporter.advance(sum(steps[:done]))
    for number in range(done, len(lessons)):
        lesson = lessons[number]
        schooling.begin()
        _resume(schooling, lesson, places)
        _through(schooling, lesson, steps[number], places, reporter, tick)
        write_checkpoint(places.end_of(lesson), schooling.memory())
        places.inside.unlink(missing_ok=True)
        tick()
        record = schooling.progress.records[-1]
        reporter.note(f"stage {lesson.id}: loss {record['loss']:.3f} at its end")
    schooling.take_mean()


def trained_before(lessons: Sequence[Lesson], places: Places) -> int:
    """How many of the first stages need no training any more."""
    known = (i for i in range(len(lessons), 0, -1) if places.end_of(lessons[i - 1]).is_file())
    return next(known, 0)


def _resume(schooling: Schooling, lesson: Lesson, places: Places) -> None:
    """Go on inside a stage, if that was where a process ended."""
    if not places.inside.is_file():
        return
    memory = read_checkpoint(places.inside)
    if memory["lesson"].values == lesson.key:
        schooling.recall(memory)


def _through(
    schooling: Schooling,
    lesson: Lesson,
    steps: int,
    places: Places,
    reporter: Reporter,
    tick: Callable[[], None],
) -> None:
    progress = schooling.progress
    saved = began = time.monotonic()
    first = progress.tokens
    while progress.step < steps:
        shown: dict[str, float] = {}
        if schooling.step(lesson.id, lesson.rows, steps):
            speed = (progress.tokens - first) / (time.monotonic() - began)
            shown = {"loss": progress.records[-1]["loss"], "tokens/s": speed}
        if time.monotonic() - saved >= SAVE_SECONDS and progress.step < steps:
            there = {"lesson": Memory(values=lesson.key)}
            write_checkpoint(places.inside, schooling.memory() | there)
            tick()
            saved = time.monotonic()
        reporter.advance(progress.steps, **shown)
