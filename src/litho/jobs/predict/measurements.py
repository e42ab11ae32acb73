"""Effects that were measured beside their estimates, and which texts and questions are alike."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from litho.text.items import NamedText, Question

# Shapes: T texts, Q questions, F estimates of each effect.


@dataclass(frozen=True)
class Block:
    """The effects of one group of texts on one group of questions, or on all."""

    texts: str
    questions: str
    rows_T: np.ndarray
    columns_Q: np.ndarray

    @property
    def inside(self) -> tuple[np.ndarray, ...]:
        """Where its effects are in an array T x Q."""
        return np.ix_(self.rows_T, self.columns_Q)

    @property
    def outside(self) -> tuple[np.ndarray, ...]:
        """Where the effects are of other texts and, unless it has all, other questions."""
        others_Q = self.columns_Q if self.columns_Q.all() else ~self.columns_Q
        return np.ix_(~self.rows_T, others_Q)

    @property
    def size(self) -> int:
        return int(self.rows_T.sum() * self.columns_Q.sum())


@dataclass(frozen=True)
class Measurements:
    """Effects T x Q in nats per target token, and what they were estimated to be, T x Q x F.

    Estimates of one text must not depend on which others are there.
    """

    estimates_TQF: np.ndarray
    effects_TQ: np.ndarray
    tokens_Q: np.ndarray  # of each target
    text_groups: Sequence[str]
    question_groups: Sequence[str]  # all the same: none is left out

    @property
    def grouped(self) -> bool:
        """Whether more than single texts are left out."""
        single = len(set(self.text_groups)) == len(self.text_groups)
        return not single or len(set(self.question_groups)) > 1

    def blocks(self, own: bool) -> list[Block]:
        """Each group of texts with each group of questions; `own`: with all questions."""
        asked = np.array([""] * len(self.tokens_Q) if own else self.question_groups)
        told = np.array(self.text_groups)
        return [
            Block(texts, questions, told == texts, asked == questions)
            for texts in dict.fromkeys(told.tolist())
            for questions in dict.fromkeys(asked.tolist())
        ]

    def without(self, block: Block) -> tuple[np.ndarray, np.ndarray]:
        """Estimates and effects outside a block."""
        return self.estimates_TQF[block.outside], self.effects_TQ[block.outside]


def groups_of(entries: Sequence[NamedText] | Sequence[Question]) -> list[str]:
    """Groups as they are given; what has none is one of its own."""
    return [entry.group or f"{entry.id} (alone)" for entry in entries]


def question_groups_of(questions: Sequence[Question]) -> list[str]:
    """As `groups_of`; where no question has one, all are one."""
    if not any(question.group for question in questions):
        return [""] * len(questions)
    return groups_of(questions)
