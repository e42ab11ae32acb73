"""A model answers practice questions, and a judge says which of its answers are right."""

from collections.abc import Sequence
from typing import TypeVar

from litho.core.reporter import Reporter
from litho.jobs.rewrite.judges import AGREEMENT, Answered, is_right, judge_of, judged
from litho.jobs.rewrite.result import Judged
from litho.measure.school.closed import Report
from litho.measure.school.writing import Drawing, paragraph, written_behind
from litho.model.loaded import LanguageModel
from litho.text.school.chance import chance
from litho.text.school.loops import last_named
from litho.text.school.plan import Plan
from litho.text.school.rewriting.entries import wrong_answer
from litho.text.school.rewriting.pool import Task
from litho.text.school.rewriting.settings import Rewrite
from litho.text.school.speech import Speech

Asked = TypeVar("Asked")

PLANTED = 50  # errors, by which a judge is tried


def in_turn(number: int, again: Sequence[Asked], others: Sequence[Asked], most: int) -> list[Asked]:
    """What a round asks: `again` first, then others, going on where the round before ended."""
    begin = (number - 1) * most % max(1, len(others))
    return [*again, *others[begin:], *others[:begin]][:most]


def answered(
    model: LanguageModel,
    plan: Plan,
    tasks: Sequence[Task],
    judge_name: str,
    config: Rewrite,
    seed: int,
    reporter: Reporter,
) -> tuple[list[Answered], Judged]:
    """Each question answered once, the likeliest way; for agreement also by samples."""
    reporter.stage("answering", len(tasks))
    written = _written(model, tasks, reporter.advance)
    samples: list[list[str]] = [[] for _ in tasks]
    if judge_name == AGREEMENT:
        for number in range(config.samples):
            draw = Drawing.of(config.temperature, chance(seed, "sample", number).getrandbits(62))
            for some, said in zip(samples, _written(model, tasks, draw=draw), strict=True):
                some.append(said)
    judge = judge_of(judge_name, config.agree)
    found = [
        Answered(
            task=task.id,
            question=task.question,
            facts=tuple(fact.id for fact in task.facts),
            expected=task.answer,
            written=said,
            named=last_named(said, task.things),
            samples=tuple(some),
            right=is_right(task, said),
            accepted=judge(task, said, some),
        )
        for task, said, some in zip(tasks, written, samples, strict=True)
    ]
    errors = []
    for task, some in list(zip(tasks, samples, strict=True))[:PLANTED]:
        speech = Speech(plan.world, chance(seed, "planted", task.id))
        errors.append(judge(task, wrong_answer(speech, task), some))
    return found, judged(found, errors)


def _written(
    model: LanguageModel,
    tasks: Sequence[Task],
    report: Report = lambda _: None,
    draw: Drawing | None = None,
) -> list[str]:
    """What the model says to each question: a sentence with its lead, or up to three of its own."""
    contexts = [f"{task.question} {task.lead}".rstrip() for task in tasks]
    found = written_behind(model, contexts, report, draw)
    return [
        paragraph(f"{task.lead} {said}", 1) if task.lead else said
        for task, said in zip(tasks, found, strict=True)
    ]
