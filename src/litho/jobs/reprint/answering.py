"""A model answers questions about its pages without them, and a judge says what is right."""

from collections.abc import Sequence

from litho.jobs.reprint.config import ReprintConfig
from litho.jobs.reprint.judges import BOOK, Answered, judge_of, planted_error, right_by_page
from litho.jobs.reprint.tasks import Task
from litho.jobs.rewrite.judges import AGREEMENT, judged
from litho.jobs.rewrite.result import Judged
from litho.measure.printing.answers import REPLY_TOKENS, answers
from litho.model.read.chat import drawn_replies, question
from litho.model.state import State
from litho.text.items import Probe

PLANTED = 50  # errors, by which a judge is tried


def answered(
    printed: State,
    scenes: Sequence[Sequence[str]],
    tasks: Sequence[Task],
    config: ReprintConfig,
    seed: str,
) -> tuple[list[Answered], Judged]:
    """Each question answered once, the likeliest way. `scenes`: of each page.

    Raises LithoError if the judge fails.
    """
    judge = judge_of(config)
    written, beside = (
        answers(printed, _probes(tasks)),
        _beside(printed, scenes, tasks, config, seed),
    )
    found = [
        Answered(
            task=task.id,
            page=task.page,
            question=task.question,
            expected=task.fact,
            written=said,
            beside=tuple(others),
            right=right_by_page(task, said),
            accepted=judge(task, said, others),
        )
        for task, said, others in zip(tasks, written, beside, strict=True)
    ]
    planted = [
        judge(task, error, others)
        for task, others in zip(tasks, beside, strict=True)
        if (error := planted_error(task, tasks))
    ]
    return found, judged(found, planted[:PLANTED])


def _probes(tasks: Sequence[Task]) -> list[Probe]:
    return [Probe(kind="chat", prefix=t.question, target=t.fact or t.sentence) for t in tasks]


def _beside(
    printed: State,
    scenes: Sequence[Sequence[str]],
    tasks: Sequence[Task],
    config: ReprintConfig,
    seed: str,
) -> list[list[str]]:
    """What the judge looks at besides the answer, of each question."""
    if config.judge == BOOK:
        return _with_the_page(State(printed.model), scenes, tasks)
    if config.judge != AGREEMENT:
        return [[] for _ in tasks]
    talks = [[question(task.question)] for task in tasks]
    with printed.active() as model:
        drawn = [
            drawn_replies(model, talks, REPLY_TOKENS, f"{seed} {number}", config.temperature)
            for number in range(config.samples)
        ]
    return [list(some) for some in zip(*drawn, strict=True)]


def _with_the_page(
    base: State, scenes: Sequence[Sequence[str]], tasks: Sequence[Task]
) -> list[list[str]]:
    """The untouched model's answers with the scene open in which the sentence stands."""
    by_scene: dict[str, list[int]] = {}
    for place, task in enumerate(tasks):
        parts = scenes[task.page]
        scene = next((s for s in parts if task.sentence in " ".join(s.split())), parts[0])
        by_scene.setdefault(scene, []).append(place)
    found: list[list[str]] = [[] for _ in tasks]
    for scene, places in by_scene.items():
        said = answers(base, _probes([tasks[place] for place in places]), scene)
        for place, one in zip(places, said, strict=True):
            found[place] = [one]
    return found
