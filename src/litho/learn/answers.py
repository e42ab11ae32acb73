"""An objective for chains: the last token of each row, and nothing else, is asked for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from litho.learn.losses import backward_last
from litho.learn.objectives import Batch


@dataclass(frozen=True)
class LastTokens:
    """Cross-entropy of the last token of each row; `note` is told the loss of each, nats."""

    note: Callable[[Sequence[float]], None] = lambda losses: None

    def __call__(self, batch: Batch) -> float:
        losses = backward_last(batch.model, batch.rows, batch.micro_tokens)
        self.note(losses)
        return sum(losses) / len(losses)
