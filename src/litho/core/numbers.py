"""The numbers in a JSON value."""

from collections.abc import Iterator
from typing import Any


def numbers_in(value: Any, path: str = "") -> Iterator[tuple[str, float]]:  # noqa: ANN401  JSON
    """Every leaf that is a number, with its path, such as `drift.retention.ci[0]`."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from numbers_in(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from numbers_in(item, f"{path}[{index}]")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path, value
