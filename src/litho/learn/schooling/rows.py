"""Documents in their order, packed into rows of one length."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

NO_TARGET = -100


@dataclass(frozen=True)
class Batch:
    """Rows: what is read, what follows each token, and whose loss that is."""

    ids_BT: Tensor
    targets_BT: Tensor  # NO_TARGET behind the end of the stage
    subjects_BT: Tensor
    weights_BT: Tensor | None = None  # of the targets; None: all alike


@dataclass(frozen=True)
class Weights:
    """How much each token of a stage counts, as it is stored, by stretches of one weight."""

    starts_S: npt.NDArray[np.int64]
    weights_S: npt.NDArray[np.float32]

    def at(self, places_N: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        return self.weights_S[np.searchsorted(self.starts_S, places_N, "right") - 1]


@dataclass(frozen=True)
class PackedRows:
    """A stage: its documents one after the other, cut every `length` tokens.

    Every token is a target once. What stands before it in its row is seen, whichever document it
    is of; before the first one stands an end token. Tokens are read as they are needed.
    """

    tokens: npt.NDArray[Any]  # of all documents, as they are stored
    edges_D1: npt.NDArray[np.int64]  # where each document begins, and the end of the last one
    order_D: npt.NDArray[np.int64]  # numbers of the documents in the order of reading, or of some
    subjects_D: npt.NDArray[np.int64]  # of each document, by its number
    end_id: int
    length: int
    weights: Weights | None = None  # None: all tokens count alike

    @property
    def count(self) -> int:
        """Tokens."""
        return int(self._places_D1[-1])

    def __len__(self) -> int:
        return -(-self.count // self.length)

    def steps(self, batch_tokens: int) -> int:
        """How many steps of about so many tokens there are."""
        return -(-len(self) // (batch_tokens // self.length))

    def sizes(self, numbers_D: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Tokens of some documents."""
        return self.edges_D1[numbers_D + 1] - self.edges_D1[numbers_D]

    def documents_before(self, place: int) -> int:
        """How many documents begin before a place in the order of reading."""
        return int(np.searchsorted(self._places_D1[:-1], place, "left"))

    def batch(self, step: int, steps: int) -> Batch:
        """The rows of a step: all have as many, or one fewer."""
        first, last = (number * len(self) // steps for number in (step, step + 1))
        begin, end = first * self.length, min(last * self.length, self.count)
        before, places, subjects = self._stretch(begin, end)
        ids = self.tokens[places].astype(np.int64)
        padding = (last - first) * self.length - len(ids)
        shape = last - first, self.length
        read = np.concatenate(([before], ids[:-1], np.full(padding, self.end_id)))
        targets = np.concatenate((ids, np.full(padding, NO_TARGET)))
        subjects = np.concatenate((subjects, np.zeros(padding, np.int64)))
        rows = [read, targets, subjects]
        if self.weights:
            rows.append(np.concatenate((self.weights.at(places), np.zeros(padding, np.float32))))
        return Batch(*(torch.from_numpy(each.reshape(shape)) for each in rows))

    def _stretch(
        self, begin: int, end: int
    ) -> tuple[int, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """From one place in the order of reading to another, where tokens are stored; the token
        before; subjects."""
        first = int(np.searchsorted(self._places_D1, max(0, begin - 1), "right")) - 1
        last = int(np.searchsorted(self._places_D1, end, "left"))
        numbers = self.order_D[first:last]
        whole = np.concatenate(
            [np.arange(self.edges_D1[each], self.edges_D1[each + 1]) for each in numbers]
        )
        sizes = self.edges_D1[numbers + 1] - self.edges_D1[numbers]
        subjects = np.repeat(self.subjects_D[numbers], sizes)
        a, b = (place - int(self._places_D1[first]) for place in (begin, end))
        before = int(self.tokens[whole[a - 1]]) if begin else self.end_id
        return before, whole[a:b], subjects[a:b]

    @cached_property
    def _places_D1(self) -> npt.NDArray[np.int64]:
        """Where each document begins in the order of reading."""
        sizes = np.diff(self.edges_D1)[self.order_D]
        return np.concatenate(([0], np.cumsum(sizes)))
