"""What a report says, in English or in the language that the reader asked for.

English stands where it is said, `say("{n} tokens read", n=3)`, with what changes in braces. Other
languages stand in `words/LANGUAGE/`, each sentence below its English one; what is missing there is
said in English. Numbers look the same in all languages.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.resources import files
from typing import NamedTuple, TypeVar

import yaml

from litho.core.errors import LithoError

LANGUAGES = {"en": "English", "ru": "Русский"}
DEFAULT = "en"
RECORDED = "recorded.yaml"  # what jobs wrote into records

Words = TypeVar("Words")
Said = str | list[str]  # a sentence, or the forms of a noun: of 1, of 2 to 4, of 5 and more
_LANGUAGE = ContextVar("language", default=DEFAULT)
_FIELD = re.compile(r"\{(\w+)\}")


def chosen_language(language: str | None = None) -> str:
    """The language that was asked for, or else that of the variable LITHO_LANGUAGE, or English.

    Raises LithoError if there are no reports in it.
    """
    chosen = language or os.environ.get("LITHO_LANGUAGE") or DEFAULT
    if chosen not in LANGUAGES:
        known = ", ".join(LANGUAGES)
        raise LithoError(f"there are no reports in the language {chosen!r}: choose from {known}")
    return chosen


@contextmanager
def speaking(language: str | None = None) -> Iterator[None]:
    """Inside, everything is said in the language that was chosen. Raises as that does."""
    token = _LANGUAGE.set(chosen_language(language))
    try:
        yield
    finally:
        _LANGUAGE.reset(token)


def language() -> str:
    """The language that is spoken now."""
    return _LANGUAGE.get()


def say(sentence: str, /, **values: object) -> str:
    """A sentence or a word, given in English; `values` are put in place of the names in braces."""
    found = _spoken().get(sentence, sentence)
    said = found if isinstance(found, str) else found[0]
    return said.format(**values) if values else said


def counted(count: int, noun: str) -> str:
    """`1 scene`, `2 scenes`."""
    forms = _spoken().get(noun)
    if isinstance(forms, list):
        return f"{count:,} {forms[_form(count)]}"
    return f"{count:,} {noun}" + ("s" if count != 1 else "")


def to_say(words: Words) -> Words:
    """As it is: marks sentences that stand apart from where they are said.

    A test reads them here, and finds those that a language lacks.
    """
    return words


def retold(recorded: str) -> str:
    """A sentence that a job wrote into its record, in English, with numbers and names in it.

    What stands in its braces may be such a sentence again.
    """
    known = _recorded(language())
    if recorded in known.sentences:
        return known.sentences[recorded]
    for pattern, said in known.patterns:
        if found := pattern.fullmatch(recorded):
            return said.format(**{name: retold(part) for name, part in found.groupdict().items()})
    return recorded


def _form(count: int) -> int:
    """Which form of a noun Slavic languages put behind a number."""
    if count % 10 == 1 and count % 100 != 11:
        return 0
    return 1 if count % 10 in (2, 3, 4) and count % 100 not in (12, 13, 14) else 2


def _spoken() -> Mapping[str, Said]:
    return catalogue(language())


@cache
def catalogue(language: str) -> Mapping[str, Said]:
    """Everything that can be said in a language, by its English; nothing for English itself."""
    if language == DEFAULT:
        return {}
    found: dict[str, Said] = {}
    for file in (files("litho.show") / "words" / language).iterdir():
        if file.name.endswith(".yaml"):
            found |= _entries(language, file.name)
    return found


def _entries(language: str, name: str) -> Mapping[str, Said]:
    text = (files("litho.show") / "words" / language / name).read_text(encoding="utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return {entry["en"]: entry[language] for entry in yaml.load(text, loader)}


class _Recorded(NamedTuple):
    """Sentences of records: those that are always the same, and those with names in braces."""

    sentences: Mapping[str, str]
    patterns: Sequence[tuple[re.Pattern[str], str]]


@cache
def _recorded(language: str) -> _Recorded:
    """Of the patterns those that say most by themselves come first.

    So a longer sentence is not taken for a shorter one with much in its braces.
    """
    entries = _entries(language, RECORDED) if language != DEFAULT else {}
    said = {english: words for english, words in entries.items() if isinstance(words, str)}
    holed = [english for english in said if _FIELD.search(english)]
    holed.sort(key=lambda english: -len(_FIELD.sub("", english)))
    return _Recorded(
        {english: words for english, words in said.items() if english not in holed},
        [(_pattern(english), said[english]) for english in holed],
    )


def _pattern(english: str) -> re.Pattern[str]:
    parts = _FIELD.split(english)  # text, name, text, name, … text
    shape = "".join(
        f"(?P<{part}>.+?)" if i % 2 else re.escape(part) for i, part in enumerate(parts)
    )
    return re.compile(shape, re.DOTALL)
