"""One way in for settings: a YAML file, then `key=value` assignments, then a pydantic model."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from litho.core.encoding import half_of_pair, read_utf8
from litho.core.errors import LithoError


class Config(BaseModel):
    """Base of every settings model: unknown keys are errors, values do not change.

    The string below a field is its description, from which `docs/options.py` makes tables.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


Settings = TypeVar("Settings", bound=Config)


def load_config(
    kind: type[Settings],
    file: Path | None = None,
    assignments: Sequence[str] = (),
    options: Mapping[str, tuple[str, object]] | None = None,
) -> Settings:
    """Read settings from `file`, overridden by assignments such as `budget=0.01`, and `options`.

    `options`: for a setting, the option of the command line that stands for it, and its value, None
    where it was not given. Raises LithoError naming the key on unknown keys, on values of the wrong
    type, and where an option and an assignment give a setting different values.
    """
    values = _read_yaml(file) if file else {}
    assigned, typed = {}, {}
    for assignment in assignments:
        key, assigned[key] = _assigned(assignment)
        typed[key] = assignment
    given = {key: value for key, (_, value) in (options or {}).items() if value is not None}
    for key in assigned.keys() & given.keys():
        if not _equal(assigned[key], given[key]):
            name = (options or {})[key][0]
            raise LithoError(
                f"{name} and --set {typed[key]} give {key!r} two values: leave one out"
            )
    return make_config(kind, values | assigned | given)


def make_config(kind: type[Settings], values: Mapping[str, object]) -> Settings:
    """Settings from values by name. Raises LithoError as `load_config` does."""
    try:
        settings = kind(**values)
    except ValidationError as error:
        raise LithoError(_explain(kind, error)) from None
    for key, value in settings.model_dump().items():
        if half := next(filter(None, map(half_of_pair, _strings(value))), None):
            raise LithoError(f"setting {key!r} holds {half}, which is no character: mend it")
    return settings


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for pair in value.items():
            yield from _strings(pair)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _strings(item)


def _equal(first: object, second: object) -> bool:
    """Numbers as numbers: YAML takes `1e-3` for a word."""
    try:
        return float(str(first)) == float(str(second))
    except ValueError:
        return first == second


def _assigned(assignment: str) -> tuple[str, object]:
    key, sign, value = assignment.partition("=")
    if not sign:
        raise LithoError(f"{assignment!r} is no setting: write it as key=value")
    return key.strip(), _parse(value, assignment)


def _read_yaml(file: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(read_utf8(file))
    except LithoError as error:
        raise LithoError(f"the settings file {error}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: a date such as 0-0
        said = " ".join(str(error).split())  # of several lines
        raise LithoError(f"the settings file {file} is not valid YAML: {said}") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise LithoError(f"the settings file {file} must hold lines such as 'rank: 8'")
    return {str(key): value for key, value in values.items()}


def _parse(value: str, assignment: str) -> Any:  # noqa: ANN401  any YAML scalar
    try:
        return yaml.safe_load(value)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise LithoError(f"{assignment!r}: the value is not valid YAML") from None


def _explain(kind: type[Config], error: ValidationError) -> str:
    parts = []
    items = error.errors()
    inner = {item["loc"][:end] for item in items for end in range(1, len(item["loc"]))}
    for item in items:
        if item["loc"] in inner:  # a list that lacks what could not be read: said already
            continue
        key = ".".join(str(part) for part in item["loc"])
        own = item["type"] == "value_error"  # a validator's own words
        said = str(item["ctx"]["error"]) if own else item["msg"].lower()
        if item["type"] == "extra_forbidden":
            there = _model_at(kind, item["loc"][:-1])
            known = f"; known ones: {', '.join(there.model_fields)}" if there else ""
            parts.append(f"unknown setting {key!r}{known}")
        elif key:
            parts.append(f"setting {key!r} is {item['input']!r}: {said}")
        else:
            parts.append(f"settings do not fit together: {said}")
    return "; ".join(parts)


def _model_at(kind: type[BaseModel], place: Sequence[str | int]) -> type[BaseModel] | None:
    """The model whose fields stand at a place of the settings; None where it may be several."""
    for name in (part for part in place if isinstance(part, str)):
        field = kind.model_fields.get(name)
        found = list(_models_in(field.annotation)) if field else []
        if len(found) != 1:
            return None
        (kind,) = found
    return kind


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)
