"""Holds the adapter of a school to its base, on passages of kinds that a school does not read."""

from litho.learn.checkpoint import Memory
from litho.learn.drift import DriftController, DriftGuard, Replay, UnreadReplay
from litho.learn.prose import prose_rows
from litho.model.loaded import LanguageModel
from litho.model.state import State

LENGTH = 64  # tokens of a passage
ROWS = 8  # passages in a step
EVERY = 10  # steps after which the drift is measured
UNSEEN = 16  # passages that it is measured on, of kinds that nothing pulls at


class Hold:
    """A gradient back to the base in each step, and the drift: KL in nats per token.

    Without a budget the drift is only measured.
    """

    def __init__(self, model: LanguageModel, adapter: str, budget: float | None, seed: int) -> None:
        self._model, self._adapter = model, adapter
        held, unseen = prose_rows(model, LENGTH)
        some = unseen[:: -(-len(unseen) // UNSEEN)]
        self._unseen = Replay.read(model, some)
        self._guard = (
            DriftGuard(UnreadReplay.of(held), DriftController(budget=budget), ROWS, seed)
            if budget
            else None
        )

    @property
    def drift(self) -> float:
        """Of the adapter as it is now."""
        return self._unseen.drift(State(self._model, (self._adapter,)))

    def pull(self, done: int) -> None:
        """Add the gradient of a step, before which so many were done."""
        if self._guard:
            self._guard.hold(self._model, done)
            if (done + 1) % EVERY == 0:
                self._guard.observe(self.drift)

    def settle(self) -> None:
        """Scale the adapter down to the budget, where it is not within it."""
        if self._guard:
            self._guard.shrink(self._model, self._adapter, self._unseen)

    def memory(self) -> Memory:
        return self._guard.memory() if self._guard else Memory()

    def recall(self, memory: Memory) -> None:
        if self._guard:
            self._guard.recall(memory)
