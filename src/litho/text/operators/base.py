"""What every operator is made of: the registry, what may be asked of a model, and rows."""

import random
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from litho.core.records import Record
from litho.core.registry import Registry


class Alternative(Record):
    """A word that the model finds likely where a text has another one.

    Characters `start` to `end` (exclusive) of the text may be replaced by `word`, whose
    log-probability at that place is `logprob` nats.
    """

    start: int
    end: int
    word: str
    logprob: float


Rows = tuple[str, ...]


class Scorer(Protocol):
    """What an operator may ask the model."""

    def alternatives(self, text: str) -> list[Alternative]:
        """One-token replacements for ordinary words of `text`, likely under the model."""
        ...

    def restatements(self, text: str, sentence: str) -> list[str]:
        """The model's own restatements of a sentence of `text`.

        Each is one that the model, given the text, takes as entailed.
        """
        ...


Operator = Callable[[str, Scorer, random.Random], Iterator[Rows]]
OPERATORS: Registry[Operator] = Registry("operator")
operator = OPERATORS.register


def fresh(text: str, versions: Iterable[str]) -> Iterator[Rows]:
    """Each of `versions` once, as one row; never `text` itself."""
    seen = {text, ""}
    for version in versions:
        if version not in seen:
            seen.add(version)
            yield (version,)
