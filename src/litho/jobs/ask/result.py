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
