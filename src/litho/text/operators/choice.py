"""Operators by name."""

from collections.abc import Sequence

from litho.text.operators import OPERATORS, Operator


def chosen_operators(names: Sequence[str]) -> dict[str, Operator]:
    """Operators by name, all if none is named. Raises LithoError if there is no such operator."""
    return {name: OPERATORS[name] for name in names} or dict(OPERATORS.items())
