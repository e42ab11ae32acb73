"""A state of a model: the base, or the base with some of its adapters."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from litho.model.loaded import LanguageModel


@dataclass(frozen=True)
class State:
    """A model, alone or with some of its adapters, in the order in which they are added up."""

    model: LanguageModel
    adapters: tuple[str, ...] = ()

    @contextmanager
    def active(self) -> Iterator[LanguageModel]:
        with self.model.state(self.adapters):
            yield self.model
