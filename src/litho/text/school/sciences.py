"""The sciences of invented worlds as `sciences.yaml` describes them: types, relations, wordings."""

import re
from functools import cache
from importlib.resources import files

import yaml
from pydantic import Field

from litho.core.records import Record

_SLOT = re.compile(r"\{(\w+)(-?)\}")


class Type(Record):
    """A type of things: how their names end, which article they take, which kinds there are."""

    suffix: str
    article: str
    kinds: tuple[str, ...] = ()


class Rule(Record):
    """What is done with all things of a kind, in a season."""

    does: str
    asks: str


class Relation(Record):
    """A relation from the things of a science to other things, and how books say it."""

    name: str
    science: str
    subject: str  # types
    object: str
    section: str
    of: str  # the object as a noun phrase of the subject
    ask: str
    say: tuple[str, ...] = Field(min_length=8)
    held_out: tuple[str, ...] = Field(min_length=4)


class Science(Record):
    """One book of a world."""

    name: str
    about: str
    rule: Rule
    relations: tuple[Relation, ...]


@cache
def types() -> dict[str, Type]:
    return {name: Type(**values) for name, values in _table()["types"].items()}


@cache
def sciences() -> tuple[Science, ...]:
    """All of them, in the order in which smaller worlds have them."""
    return tuple(
        Science(
            name=science,
            about=values["about"],
            rule=Rule(**values["rule"]),
            relations=tuple(
                Relation(name=name, science=science, subject=values["about"], **relation)
                for name, relation in values["relations"].items()
            ),
        )
        for science, values in _table()["sciences"].items()
    )


@cache
def _table() -> dict[str, dict[str, dict]]:  # type: ignore[type-arg]
    written = (files("litho.text.school") / "sciences.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(written)


def filled(template: str, **things: tuple[str, str]) -> str:
    """A wording with things in its slots, each a name and its article, as a sentence begins."""

    def fill(slot: re.Match[str]) -> str:
        name, article = things[slot[1]]
        return name if slot[2] else article + name

    said = _SLOT.sub(fill, template)
    return said[:1].upper() + said[1:]
