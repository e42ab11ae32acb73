"""Records from YAML; what is wrong in it is said with its line and field."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from reprlib import Repr
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from litho.core.errors import LithoError

Place = tuple[str | int, ...]  # where in the file, as pydantic says it
Fault = tuple[Place, str]  # what is wrong there
Kind = TypeVar("Kind", bound=BaseModel)
_BRIEF = Repr()  # a small file can name a list of lists of lists that would fill the memory
_BRIEF.maxstring = _BRIEF.maxother = 150


def parse_lined(
    kind: type[Kind],
    written: str,
    source: str,
    other: str,
    faults: Callable[[Kind], Iterable[Fault]],
) -> Kind:
    """A record of a kind from YAML that came from `source`, in which nothing is at fault.

    `other`: what to say of YAML that holds no mapping. Raises LithoError that names the line and
    the field of the first fault.
    """
    try:
        tree = yaml.compose(written, Loader=yaml.SafeLoader)
        values = yaml.safe_load(written)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        said = " ".join(str(error).replace(' in "<unicode string>",', " at").split())[:300]
        raise LithoError(f"{source} is not valid YAML: {said}") from None
    if not isinstance(values, Mapping):
        raise LithoError(f"{source} {other}")
    try:
        record = kind(**{str(key): value for key, value in values.items()})
    except ValidationError as error:
        item = error.errors()[0]
        raise LithoError(_told(source, tree, item["loc"], _said(item))) from None
    for place, message in faults(record):
        raise LithoError(_told(source, tree, place, message))
    return record


def fault_in(written: str, source: str, place: Place, message: str) -> LithoError:
    """What turned out to be wrong at a place of YAML that was read before."""
    return LithoError(_told(source, yaml.compose(written, Loader=yaml.SafeLoader), place, message))


def _told(source: str, tree: yaml.Node | None, place: Place, message: str) -> str:
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return f"{source}, line {_line(tree, place)}: {field.lstrip('.')}: {message}"


def _line(node: yaml.Node | None, place: Sequence[str | int]) -> int:
    """The line of the deepest part of the file that a place names, from 1."""
    line = 1
    for part in place:
        line = node.start_mark.line + 1 if node else line
        node = _inner(node, part)
        if node is None:
            return line
    return node.start_mark.line + 1 if node else line


def _inner(node: yaml.Node | None, part: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
        return node.value[part] if part < len(node.value) else None
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == part), None)
    return None


def _said(item: ErrorDetails) -> str:
    given: Any = item["input"]
    match item["type"]:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            return "unknown key"
        case "string_type" if isinstance(given, bool):
            return 'YAML reads this word as true or false: put it into quotes, such as "yes"'
        case "string_type":
            return f"a text belongs here, not {_brief(given)}"
        case "int_parsing":
            return f"a whole number belongs here, not {_brief(given)}: write it as in 4_000_000"
        case "string_unicode":
            return "holds half of a surrogate pair, which is no character: mend it"
        case "value_error":
            return str(item["ctx"]["error"])
    return item["msg"].lower()


def _brief(value: object) -> str:
    return _BRIEF.repr(value)[:150]
