"""What was asked and answered; no torch."""

from typing import Literal

from litho.core.records import Record

Voice = Literal["base", "adapter", "openbook", "retrieval"]
VOICES: tuple[Voice, ...] = ("base", "adapter", "openbook", "retrieval")


class Answers(Record):
    """Answers to one question; every token is the likeliest (greedy)."""

    question: str
    answers: dict[Voice, str]
    retrieved: tuple[str, ...]  # paragraphs that `retrieval` read, the nearest first
    tokens: dict[Voice, int]  # that each voice read before it answered


class Spoken(Record):
    """What a role said."""

    role: str
    said: str
    sure: float | None  # mean log P of its tokens, nats; none: it said nothing


class Turns(Record):
    """What roles said in turn; the last one has the last word."""

    question: str
    turns: tuple[Spoken, ...]
    answer: str
    last_word: str  # the role whose answer that is
    transition: str  # why: `fixed`, in the order that was asked for
    objected: bool  # whether the critic, if it spoke, found fault
