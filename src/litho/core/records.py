"""The base of every record that is written to a file."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Record(BaseModel):
    """Immutable; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def absent() -> Any:  # noqa: ANN401  the default of a field of any type
    """Default None of a field that is left out of the file, key and all, where it is None.

    For what a job measures only if asked; a field that is always there, but may be null, is
    declared as `X | None` without a default.
    """
    return Field(default=None, exclude_if=lambda value: value is None)
