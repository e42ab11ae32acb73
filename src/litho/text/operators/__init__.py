"""Presentation operators: each makes minimally different versions of one text.

An operator is one decorated function `(text, scorer, chance) -> iterator of rows`. It yields
as many versions as it can think of; the plan takes from all operators in turn and refuses what
moves the model too far. What is said stays the same; only its form changes.
"""

from litho.text.operators.base import OPERATORS, Operator, Rows, Scorer, operator

# isort: off
# Importing registers, and the plan takes turns in the order of registration: `substitute` first.
from litho.text.operators.words import replace
from litho.text.operators import marks, order, shapes
# isort: on

__all__ = [
    "OPERATORS",
    "Operator",
    "Rows",
    "Scorer",
    "marks",
    "operator",
    "order",
    "replace",
    "shapes",
]
