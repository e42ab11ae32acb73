"""A library of trails: forms of reasoning, wordings of each, near-misses, words; read from YAML."""

from importlib.resources import files
from pathlib import Path
from typing import Annotated

from pydantic import Field

from litho.core.encoding import read_utf8
from litho.core.lined import parse_lined
from litho.core.records import Record

UNSEEN = 3  # every third word of a list is kept for the test

Sentence = Annotated[str, Field(min_length=1, max_length=2000)]
Name = Annotated[str, Field(min_length=1, max_length=80)]
Two = tuple[Sentence, Sentence]


class WordList(Record):
    """Words for a kind of slot; some may be nonsense, which no model has read anything about."""

    real: tuple[Name, ...]
    nonsense: tuple[Name, ...] = ()

    def pool(self, nonsense: bool, unseen: bool) -> tuple[str, ...]:
        """Those that are trained on, or those that are kept for the test."""
        words = self.nonsense if nonsense else self.real
        return tuple(w for i, w in enumerate(words, 1) if (i % UNSEEN == 0) is unseen)


class Truth(Record):
    """What a form claims, in formulas: the rules with a fact entail the answer beside it."""

    rules: tuple[Sentence, ...]
    facts: Two
    never: tuple[Sentence, ...] = ()  # cases that cannot be


class Wording(Record):
    """One way of saying a form."""

    rules: tuple[Sentence, ...] = Field(min_length=1)
    facts: Two  # the first makes the first answer right, the second the second
    ask: Sentence
    held_out: bool = False


class NearMiss(Record):
    """Facts that look like those of the form, but from which its answers do not follow."""

    name: Name
    facts: Two
    truth: Two | None = None


class Form(Record):
    """A form of reasoning with two possible answers."""

    form: Name
    held_out: bool = False
    slots: dict[Name, Name]  # the word list of each slot
    answers: tuple[Name, Name]  # slots
    truth: Truth | None = None
    wordings: tuple[Wording, ...] = Field(min_length=1)
    near_misses: tuple[NearMiss, ...] = ()

    def numbers(self, held_out: bool) -> list[int]:
        """The wordings that are kept for the test, or the others."""
        return [i for i, each in enumerate(self.wordings) if each.held_out is held_out]


class Library(Record):
    """Forms and what they are filled with."""

    words: dict[Name, WordList]
    connectives: tuple[Name, ...] = ()
    fillers: tuple[Sentence, ...] = ()
    forms: tuple[Form, ...] = Field(min_length=1)

    def trained(self) -> list[Form]:
        return [form for form in self.forms if not form.held_out]

    def held_out(self) -> list[Form]:
        return [form for form in self.forms if form.held_out]


def starter() -> str:
    """The library that comes with Litho, as YAML."""
    return (files("litho.text.trails") / "starter.yaml").read_text(encoding="utf-8")


def read_library(path: Path) -> Library:
    """A library from a YAML file. Raises LithoError that names the line and the field."""
    return parse_library(read_utf8(path), str(path))


def parse_library(written: str, source: str) -> Library:
    """A library from YAML that came from `source`; see `read_library`."""
    from litho.text.trails.check import faults

    return parse_lined(
        Library, written, source, "is no library of trails: see 'litho trails init'", faults
    )
