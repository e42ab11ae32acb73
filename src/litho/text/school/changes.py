"""What differs between two genomes, in words."""

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from typing import Any

from litho.text.school.genome import Genome

_LISTS = ("stages", "gaps", "crossrefs", "scenes")


def changes(one: Genome, other: Genome) -> Iterator[str]:
    """A line for each difference: of settings, of the library, and of everything that has an id."""
    before, after = (each.model_dump(mode="json", by_alias=True) for each in (one, other))
    listed = {name: (before.pop(name), after.pop(name)) for name in _LISTS}
    yield from _of_values("", before, after)
    for name, (old, new) in listed.items():
        yield from _of_list(name, old, new)


def _of_list(name: str, old: list[dict[str, Any]], new: list[dict[str, Any]]) -> Iterator[str]:
    before, after = ({each["id"]: each for each in some} for some in (old, new))
    for key in before.keys() - after.keys():
        yield f"{name}: {key} is gone"
    for number, key in enumerate(after):
        if key not in before:
            yield f"{name}: {key} is new, in place {number + 1}"
    kept = [[key for key in some if key in before and key in after] for some in (before, after)]
    if kept[0] != kept[1]:
        yield f"{name}: in the order {', '.join(kept[1])} instead of {', '.join(kept[0])}"
    for key in kept[1]:
        yield from _of_values(f"{name}: {key}: ", before[key], after[key])


def _of_values(place: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for key in [*old, *(key for key in new if key not in old)]:
        if key not in old:
            yield f"{place}{key} is new: {_said(new[key])}"
        elif key not in new:
            yield f"{place}{key} is gone"
        elif isinstance(old[key], dict) and isinstance(new[key], dict):
            yield from _of_values(f"{place}{key}.", old[key], new[key])
        elif key == "books":
            yield from _of_books(f"{place}books", old[key], new[key])
        elif old[key] != new[key]:
            yield f"{place}{key}: {_said(old[key])} → {_said(new[key])}"


def _of_books(place: str, old: list[str], new: list[str]) -> Iterator[str]:
    """The books of a stage as a list that was edited."""
    for what, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        gone, added = ", ".join(old[a:b]), ", ".join(new[c:d])
        if what == "insert":
            yield f"{place}: {added} added, in place {c + 1}"
        elif what == "delete":
            yield f"{place}: {gone} taken out"
        elif what == "replace":
            yield f"{place}: {gone} → {added}"


def _said(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_said(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(_said, value))}]"
    return "none" if value is None else str(value)
