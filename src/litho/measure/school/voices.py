"""Voices that speak in turn: question, attempt, objection, repair, and who has the last word."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal

from litho.core.records import Record
from litho.measure.school.closed import Report
from litho.measure.school.writing import written_behind
from litho.model.loaded import LanguageModel
from litho.model.read.scoring import Target, common_length, logprobs_by_token
from litho.text.school.loops import CONFIRMED, Planted
from litho.text.school.questions import Question

Policy = Literal["alone", "fixed", "confidence", "contradiction"]
POLICIES: tuple[Policy, ...] = ("alone", "fixed", "confidence", "contradiction")
# Runs what follows with the voice of a role on a model.
State = Callable[[str], AbstractContextManager[object]]


@dataclass(frozen=True)
class Cast:
    """Who asks, who answers, who objects and who puts it right."""

    asks: str = "teacher"
    answers: str = "student"
    objects: str = "critic"
    mends: str = "reformulator"


@dataclass(frozen=True)
class Attempted:
    """A question with attempts of somebody else."""

    question: Question
    attempts: Planted


class Exchange(Record):
    """What each voice said to a question, and how sure the two that answer were."""

    student: str
    critic: str
    reformulator: str
    student_sure: float  # mean log P of a token of what it said, nats
    reformulator_sure: float

    def last_word(self, policy: Policy) -> Literal["student", "reformulator"]:
        """Who answers in the end.

        `fixed`: the last to speak; `confidence`: who is surer; `contradiction`: the one who repairs
        if the critic objected, else the student.
        """
        match policy:
            case "alone":
                hands_over = False
            case "fixed":
                hands_over = True
            case "confidence":
                hands_over = self.reformulator_sure > self.student_sure
            case "contradiction":
                hands_over = objects(self.critic)
        return "reformulator" if hands_over and self.reformulator else "student"

    def answer(self, policy: Policy) -> str:
        """What the one who has the last word said."""
        return self.student if self.last_word(policy) == "student" else self.reformulator


def objects(said: str) -> bool:
    """Whether a critic found fault: anything but a confirmation is an objection."""
    return bool(said) and not said.startswith(CONFIRMED)


def turn(transcript: str, role: str, said: str = "") -> str:
    """A transcript with the next line of a role, or up to where the role is to speak."""
    line = f"{role.capitalize()}. {said}".rstrip()
    return f"{transcript}\n\n{line}" if transcript else line


def spoken(
    model: LanguageModel, transcripts: Sequence[str], report: Report = lambda _: None
) -> list[str]:
    """What a model goes on with behind each transcript; nothing where there is no room."""
    fitting = [i for i, t in enumerate(transcripts) if len(model.encode(t)) < model.context]
    written = written_behind(model, [transcripts[i] for i in fitting], report)
    said = dict(zip(fitting, written, strict=True))
    return [said.get(i, "") for i in range(len(transcripts))]


def sureness(model: LanguageModel, transcripts: Sequence[str], said: Sequence[str]) -> list[float]:
    """Mean log P of the tokens of each line behind its transcript; -inf for nothing said."""
    targets: list[Target] = []
    places: list[int] = []
    for i, (transcript, line) in enumerate(zip(transcripts, said, strict=True)):
        before, whole = model.encode(transcript), model.encode(f"{transcript} {line}")
        if line and len(whole) <= model.context:
            places.append(i)
            targets.append(Target(tuple(whole), max(1, common_length(before, whole))))
    found = [NEVER] * len(said)
    for i, logps in zip(places, logprobs_by_token(model, targets), strict=True):
        found[i] = float(logps.mean())
    return found


NEVER = -1e9  # log P of what was not said


def exchanges(
    model: LanguageModel, questions: Sequence[str], cast: Cast, state: State
) -> list[Exchange]:
    """Each question answered by the student, judged by the critic and answered once more."""
    asked = [turn("", cast.asks, question) for question in questions]

    def next_line(before: Sequence[str], role: str) -> tuple[list[str], list[str], list[float]]:
        """What the role says behind each transcript, with it, and how sure it is."""
        waiting = [turn(each, role) for each in before]
        with state(role):
            said = spoken(model, waiting)
            sure = sureness(model, waiting, said)
        grown = [turn(each, role, line) for each, line in zip(before, said, strict=True)]
        return said, grown, sure

    first, after_first, first_sure = next_line(asked, cast.answers)
    judged, after_judged, _ = next_line(after_first, cast.objects)
    second, _, second_sure = next_line(after_judged, cast.mends)
    return [
        Exchange(student=a, critic=b, reformulator=c, student_sure=sure, reformulator_sure=surer)
        for a, b, c, sure, surer in zip(first, judged, second, first_sure, second_sure, strict=True)
    ]


def placed(model: LanguageModel, items: Sequence[Attempted], cast: Cast) -> Mapping[str, list[str]]:
    """What a voice says in each place of the loop, behind attempts and objections of others.

    `attempt`: as the one who answers; `right`, `wrong`: as the one who judges such an attempt;
    `repair`: as the one who mends a wrong one to which was objected.
    """
    asked = [turn("", cast.asks, each.question.question) for each in items]
    right, wrong = (
        [turn(a, cast.answers, said) for a, said in zip(asked, attempts, strict=True)]
        for attempts in (
            [each.attempts.right for each in items],
            [each.attempts.wrong for each in items],
        )
    )
    objected = [
        turn(behind, cast.objects, each.attempts.objection)
        for behind, each in zip(wrong, items, strict=True)
    ]
    return {
        "attempt": spoken(model, [turn(each, cast.answers) for each in asked]),
        "right": spoken(model, [turn(each, cast.objects) for each in right]),
        "wrong": spoken(model, [turn(each, cast.objects) for each in wrong]),
        "repair": spoken(model, [turn(each, cast.mends) for each in objected]),
    }
