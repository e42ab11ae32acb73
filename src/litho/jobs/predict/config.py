"""Settings."""

from typing import Literal

# Shapes: T texts, Q questions, F estimates of each effect, E = Q x F, U usual values of a question.
Price = Literal["cheap", "careful"]
