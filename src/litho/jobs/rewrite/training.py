"""Training goes on with a version of the data set."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from litho.core.files import damage_told
from litho.core.reporter import Reporter
from litho.jobs.models import Models
from litho.jobs.rewrite.data import REWRITTEN
from litho.jobs.school.adapting import hold_of
from litho.jobs.school.cost import teaching_of
from litho.jobs.school.finished import FinishedSchool
from litho.jobs.school.lessons import subjects_of
from litho.jobs.school.saving import save_whole
from litho.learn.checkpoint import read_checkpoint
from litho.learn.schooling.education import UNFINISHED, Places, Watch, educate
from litho.learn.schooling.lesson import Lesson
from litho.learn.schooling.loop import Schooling
from litho.learn.schooling.rows import PackedRows
from litho.model.placement import Placement

ENDING = ".safetensors"


def subjects(finished: FinishedSchool) -> list[str]:
    """Those of the school, and rewritten text."""
    return [*subjects_of(finished.genome), REWRITTEN]


@dataclass(frozen=True)
class Trained:
    """A model after a round."""

    checkpoint: Path
    loss: float  # nats per token, at the end


def train(
    finished: FinishedSchool,
    before: Path,
    rows: PackedRows,
    name: str,
    folder: Path,
    model: Path,
    models: Models,
    placement: Placement,
    reporter: Reporter,
    tick: Callable[[], None],
) -> Trained:
    """Go on from the checkpoint `before`, and save the model; what was trained is not again."""
    learner = finished.learner(models, placement)
    hold = hold_of(finished.genome, learner)
    schooling = Schooling(learner, teaching_of(finished.genome), subjects(finished), hold=hold)
    with damage_told(before):
        schooling.recall(read_checkpoint(before))
    told = [before.name, name, hashlib.sha256(rows.tokens.tobytes()).hexdigest()]
    key = hashlib.sha256(json.dumps(told).encode()).hexdigest()
    lesson, places = Lesson(name, rows, key), Places(folder, folder / UNFINISHED)
    educate(schooling, [lesson], places, reporter, Watch(tick))
    if hold:
        hold.settle()
    save_whole(learner, model)
    return Trained(places.end_of(lesson), schooling.progress.records[-1]["loss"])
