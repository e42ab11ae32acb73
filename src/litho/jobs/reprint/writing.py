"""From answers to the next presentations: failures are repaired, what is understood is dropped."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from litho.core.records import Record
from litho.jobs.imprint.handbook import Part, Steps
from litho.jobs.journal.result import HardSpan
from litho.jobs.reprint.judges import Answered
from litho.jobs.reprint.tasks import Task
from litho.learn.trainer import reply_tokens
from litho.model.loaded import LanguageModel
from litho.model.read.chat import answer, question
from litho.model.read.chat import answered as conversation
from litho.model.read.scoring import Target


class Entry(Record):
    """A rewritten text and where it comes from."""

    id: str
    kind: Literal["repair", "sentence"]
    page: int
    text: str  # the sentence, in the words of the page
    question: str | None = None
    fact: str | None = None
    attempt: str | None = None  # the model's own answer
    round: int  # in which it was written
    answer: int | None = None  # line in `answers.jsonl` of that round
    forgotten: float | None = None  # nats per token above the lowest loss that the sentence had


@dataclass(frozen=True)
class Rewritten:
    """What a round makes of the entries of the rounds before."""

    entries: tuple[Entry, ...]
    added: tuple[str, ...]  # ids
    dropped: tuple[str, ...]


def rewritten(
    number: int,
    before: Sequence[Entry],
    tasks: Mapping[str, Task],
    answers: Sequence[Answered],
    hard: Sequence[HardSpan],
) -> Rewritten:
    """Entries of the next version: what was not asked again stays, what is understood goes."""
    repairs = [
        _repair(number, tasks[said.task], said, line)
        for line, said in enumerate(answers)
        if said.accepted is False
    ]
    again = [
        Entry(
            id=f"{number}:forgotten {place}", kind="sentence", page=each.span.document,
            text=each.span.text, round=number, forgotten=each.value,
        )
        for place, each in enumerate(hard)
    ]  # fmt: skip
    understood = {said.question for said in answers if said.accepted}
    anew = {entry.question for entry in repairs}
    dropped = [e.id for e in before if e.kind == "sentence" or e.question in understood]
    kept = [e for e in before if e.id not in dropped and e.question not in anew]
    added = [*repairs, *again]
    return Rewritten((*kept, *added), tuple(entry.id for entry in added), tuple(dropped))


def _repair(number: int, task: Task, said: Answered, line: int) -> Entry:
    return Entry(
        id=f"{number}:{task.id}",
        kind="repair",
        page=task.page,
        text=task.sentence,
        question=task.question,
        fact=task.fact,
        attempt=said.written,
        round=number,
        answer=line,
    )


def repair_target(model: LanguageModel, entry: Entry, turn: int) -> Target:
    """A question with the sentence that answers it; by turns behind the model's own attempt.

    Only the sentence is learned: nobody prints an error.
    """
    assert entry.question
    asked = [question(entry.question)]
    if entry.attempt and turn % 2 == 0:
        asked = [*asked, answer(entry.attempt), *asked]
    return conversation(model, asked, entry.text)


class Shown(Record):
    """What a step showed of a page, as it stands in `presentations.jsonl`."""

    step: int
    page: int
    version: str  # what made the version of the page
    entries: tuple[str, ...]  # ids of the rewritten texts beside it
    rewritten: int  # tokens of these
    tokens: int  # all that are supervised


def with_entries(
    steps: Steps,
    entries: Sequence[Entry],
    target: Callable[[Entry, int], Target],
    repeat: int,
    longest: int,
    seed: str,
) -> tuple[Steps, list[Shown]]:
    """The steps with rewritten texts in place of the answers that they would show.

    Exactly as many tokens in every step; where there are not enough rewritten texts, each at most
    `repeat` times, the answers of the plan fill the rest. Where the plan has none, as for a model
    without a chat, the step's version of the page stands for them. `longest`: tokens that the model
    reads.
    """
    waiting = {
        page: _Queue(
            [e for e in entries if e.page == page],
            target, repeat, longest, random.Random(f"{seed} {page}"),
            sum(part.page == page for step in steps for part in step),
        )
        for page in {part.page for step in steps for part in step}
    }  # fmt: skip
    found, said = [], list[Shown]()
    for number, step in enumerate(steps):
        parts = []
        for part in step:
            planned = part.replies or [Target(tuple(row), 1) for row in part.rows]
            own, ids = waiting[part.page].next(reply_tokens(planned))
            rest = _cut(planned, reply_tokens(planned) - reply_tokens(own))
            parts.append(replace(part, replies=[*own, *rest]))
            said.append(_said(number, parts[-1], ids, reply_tokens(own)))
        found.append(parts)
    return found, said


def _said(number: int, part: Part, ids: Sequence[str], rewritten: int) -> Shown:
    return Shown(
        step=number,
        page=part.page,
        version=part.kind,
        entries=tuple(ids),
        rewritten=rewritten,
        tokens=part.tokens,
    )


class _Queue:
    """The rewritten texts of a page, spread evenly over the steps that show it."""

    def __init__(
        self,
        entries: Sequence[Entry],
        target: Callable[[Entry, int], Target],
        repeat: int,
        longest: int,
        chance: random.Random,
        steps: int,
    ) -> None:
        self._waiting: list[tuple[str, Target]] = []
        for turn in range(repeat):
            order = list(entries)
            chance.shuffle(order)
            made = [(entry.id, target(entry, turn)) for entry in order]
            self._waiting += [pair for pair in made if len(pair[1].ids) <= longest]
        self._steps = steps

    def next(self, tokens: int) -> tuple[list[Target], list[str]]:
        """Those of the next step, in at most so many supervised tokens, and their ids."""
        share = -(-len(self._waiting) // max(1, self._steps))
        self._steps -= 1
        shown = list(_cut([target for _, target in self._waiting[:share]], tokens))
        ids = [name for name, _ in self._waiting[: len(shown)]]
        self._waiting = self._waiting[len(shown) :]
        return shown, ids


def _cut(targets: Sequence[Target], tokens: int) -> Iterator[Target]:
    """The first targets, cut so that at most so many tokens are supervised."""
    for target in targets:
        if tokens <= 0:
            return
        yield Target(target.ids[: target.first + tokens], target.first)
        tokens -= len(target.ids) - target.first
