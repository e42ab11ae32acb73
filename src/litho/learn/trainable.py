"""What is trained: an adapter on a model."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

import torch
from torch import nn

from litho.model.adapters import lora
from litho.model.loaded import LanguageModel
from litho.model.state import State
from litho.model.watch.frozen import FrozenBelow


class Trainable(Protocol):
    """Weights that a trainer changes, and the state of the model to which they belong."""

    @property
    def state(self) -> State:
        """In which the model shows what has been learned."""
        ...

    @property
    def weights(self) -> Mapping[str, nn.Parameter]:
        """All that a checkpoint keeps, by name."""
        ...

    @property
    def learned(self) -> Sequence[nn.Parameter]:
        """Those of the weights that are changed."""
        ...

    def learning(self, step: int) -> AbstractContextManager[None]:
        """Inside, gradients of what is read in this step reach what is learned, and only that."""
        ...

    def alone(self) -> AbstractContextManager[None]:
        """As `learning`, but in `state`, whatever else is on in a step."""
        ...


class TrainedAdapter:
    """An adapter that is on a model already; the base and its other adapters stay as they are.

    `beside`: adapters that are on, too, while a step is learned, a group of them in each step by
    turns. What lies below the adapter's lowest layer is computed once for every row.
    """

    def __init__(
        self, model: LanguageModel, name: str, beside: Sequence[Sequence[str]] = ()
    ) -> None:
        self.state = State(model, (name,))
        self.weights = lora.weights(model, name)
        self.learned = list(lora.learned_weights(model, name).values())
        self._ids = frozenset(map(id, self.learned))
        self._parameters: list[nn.Parameter] = []  # of the network, with the adapters `_there`
        self._there: list[str] = []
        self._beside = [tuple(names) for names in beside] or [()]
        # Where others are on by turns, what the blocks below hand on differs from step to step.
        alike = {(), *self._beside} if len(self._beside) == 1 else {()}
        self._frozen = {names: FrozenBelow(model, name) for names in alike}

    def learning(self, step: int) -> AbstractContextManager[None]:
        return self._on(self._beside[step % len(self._beside)])

    def alone(self) -> AbstractContextManager[None]:
        return self._on(())

    @contextmanager
    def _on(self, beside: tuple[str, ...]) -> Iterator[None]:
        model, frozen = self.state.model, self._frozen.get(beside)
        with (
            torch.enable_grad(),
            model.state((*beside, *self.state.adapters)),
            lora.only_trainable(self._all(), self._ids),
            frozen.active() if frozen else nullcontext(),
        ):
            yield

    def _all(self) -> list[nn.Parameter]:
        """All parameters of the network; going through its modules takes milliseconds."""
        model = self.state.model
        if self._there is not model.adapters:
            self._there, self._parameters = model.adapters, list(model.network.parameters())
        return self._parameters
