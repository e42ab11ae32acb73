"""The two ways of predicting, and their names."""

from typing import Literal, get_args

from litho.core.errors import LithoError

Method = Literal["first-order", "short-run"]
METHODS: tuple[Method, ...] = get_args(Method)
FORMER: dict[str, Method] = {"cheap": "first-order", "careful": "short-run"}  # names of 0.1


def checked_method(name: str) -> Method:
    """A method by its name or its former one. Raises LithoError if there is none."""
    for method in METHODS:
        if name == method or FORMER.get(name) == method:
            return method
    raise LithoError(f"unknown method {name!r} (choose from {', '.join(METHODS)})")
