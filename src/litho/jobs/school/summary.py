"""What was recorded of the losses, as rows and by stage."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from litho.jobs.school.result import StageLoss
from litho.learn.schooling.lesson import Lesson
from litho.learn.schooling.loop import Progress


def rows_of(progress: Progress) -> Iterator[dict[str, Any]]:
    """Records of the losses, a row a subject; none: of all together."""
    for record in progress.records:
        place = {name: record[name] for name in ("stage", "step", "tokens")}
        counted = sum(count for _, count in record["subjects"].values())
        yield place | {"subject": None, "loss": record["loss"], "counted": counted}
        for subject, (loss, count) in record["subjects"].items():
            yield place | {"subject": subject, "loss": loss, "counted": count}


def stages_of(progress: Progress, lessons: Sequence[Lesson], reused: int) -> Iterator[StageLoss]:
    """Each stage with its losses, over all of it and at its end."""
    before = 0
    for number, lesson in enumerate(lessons):
        records = [each for each in progress.records if each["stage"] == lesson.id]
        nats, count = defaultdict[str, float](float), defaultdict[str, int](int)
        for record in records:
            for subject, (loss, counted) in record["subjects"].items():
                nats[subject] += loss * counted
                count[subject] += counted
        tokens, before = records[-1]["tokens"] - before, records[-1]["tokens"]
        yield StageLoss(
            id=lesson.id,
            tokens=tokens,
            steps=records[-1]["step"],
            reused=number < reused,
            loss=sum(nats.values()) / sum(count.values()),
            subjects={name: nats[name] / count[name] for name in nats},
            end=records[-1]["loss"],
            checkpoint=lesson.key,
        )
