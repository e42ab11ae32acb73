"""Operators by name, and those that an imprint uses by default."""

from collections.abc import Sequence

from litho.text.operators import OPERATORS, Operator

EVERY_OTHER = "apart"  # what a question can reach without the text before it, see LOG.md
# The operators with which the results on whole texts were measured, in the order of their turns.
MEASURED = (
    "substitute",
    "highlight",
    EVERY_OTHER,
    "summary_tail",
    "sentence_order",
    "list_shape",
    "dropped_tail",
    "json_shape",
)


def chosen_operators(names: Sequence[str]) -> dict[str, Operator]:
    """Operators by name, all if none is named. Raises LithoError if there is no such operator."""
    return {name: OPERATORS[name] for name in names} or dict(OPERATORS.items())
