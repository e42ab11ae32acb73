"""Micro fine-tunes: a few plain steps on an adapter, to see what training does."""

from collections.abc import Iterator, Sequence

from litho.learn.optimizer import OptimizerSpec
from litho.learn.sources import in_turn
from litho.learn.trainable import TrainedAdapter
from litho.learn.trainer import Trainer
from litho.model.loaded import LanguageModel

CLIP = 1.0  # norm of the gradient


def train_steps(
    model: LanguageModel,
    name: str,
    rows: Sequence[Sequence[int]],
    steps: int,
    learning_rate: float,
    beside: tuple[str, ...] = (),
) -> Iterator[int]:
    """Train the adapter `name`, one row a step, rows in turn; yields the number of steps done.

    `beside`: adapters that are active, too, and are not trained.

    AdamW without weight decay, a constant learning rate, gradients clipped to norm 1. Between two
    steps the model may be read in any state. What lies below the adapter's lowest layer is computed
    once for every row.
    """
    what = TrainedAdapter(model, name, [beside])
    trainer = Trainer(what, in_turn(rows), OptimizerSpec(learning_rate, clip=CLIP), steps)
    while trainer.progress.done < steps:
        trainer.step()
        yield trainer.progress.done
