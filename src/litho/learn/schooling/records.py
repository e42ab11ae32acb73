"""What is noted while a curriculum adapts; no torch."""

from typing import Literal

from litho.core.records import Record

Action = Literal["advance", "reread", "switch_book", "inject_scene", "alarm"]


class Probe(Record):
    """What books cost the model to read, in bits per byte, at some moment."""

    stage: str
    step: int  # of the stage
    tokens: int  # of all stages
    bpb: dict[str, dict[str, float]]  # of pages as the stages so far read them: by stage and book
    gap: dict[str, float]  # facts in wordings that no book uses, less the same in those of books


class Event(Record):
    """Something that happened to a curriculum; `alarm`: nothing was done about one."""

    stage: str
    step: int  # steps of the stage before it
    tokens: int  # of all stages before it
    action: Action
    book: str | None = None
    taught: str | None = None  # the stage that taught the book
    cause: str
