"""A stage as it is trained on."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from litho.learn.schooling.rows import PackedRows


@dataclass(frozen=True)
class Lesson:
    """A stage, and what its documents are about."""

    id: str
    rows: PackedRows
    key: str  # a hash of everything that the model at its end depends on
    names: Sequence[str] = ()  # of the books
    books_D: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    scenes_D: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))

    def number(self, book: str | None) -> int:
        """The number by which `books_D` names a book; one that no document has, of no book."""
        return list(self.names).index(book) if book is not None and book in self.names else -2
