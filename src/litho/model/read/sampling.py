"""Text that a model says by itself: where it must not drift, it is asked what it would say."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, GenerationConfig, LogitsProcessor, LogitsProcessorList

from litho.core.errors import LithoError, first_line
from litho.model.loaded import LanguageModel
from litho.model.placement import seeded

# Without the tail, in which a small model loses itself: epsilon sampling (Hewitt et al. 2022),
# which unlike top-p needs no sorting of the vocabulary at every step.
LEAST_PROBABILITY = 3e-4


@torch.no_grad()
def self_samples(
    model: LanguageModel, openings: Sequence[str], length: int, seed: int
) -> list[list[int]]:
    """One sequence of `length` tokens an opening, sampled from the model.

    Of fewer where its context ends before. An opening may be empty: then the model begins by
    itself. No sample ends early.
    """
    length = min(length, model.context)
    opened = [(model.encode(opening) or [model.pad])[:length] for opening in openings]
    ids_BT = torch.tensor([row[:1] for row in opened], device=model.device)
    return own_words(model, ids_BT, length - 1, _Opening(opened), seed).tolist()


def own_words(
    model: LanguageModel,
    ids_BT: Tensor,
    length: int,
    processor: LogitsProcessor,
    seed: int,
    mask_BT: Tensor | None = None,
) -> Tensor:
    """Rows and exactly `length` tokens more of each, as the model itself would say them."""
    return generate(
        model,
        ids_BT,
        seed,
        mask_BT,
        LogitsProcessorList([processor]),
        top_k=0,
        epsilon_cutoff=LEAST_PROBABILITY,
        max_new_tokens=length,
        min_new_tokens=length,
    )


@torch.no_grad()
def generate(
    model: LanguageModel,
    ids_BT: Tensor,
    seed: int,
    mask_BT: Tensor | None = None,
    processors: LogitsProcessorList | None = None,
    read: DynamicCache | None = None,
    **settings: float,
) -> Tensor:
    """Rows and what the model says behind them: sampled as `settings` say, and as nothing else.

    `read`: what the model keeps of the beginnings of these rows, if it has read them. Raises
    LithoError if that is more than the model reads, or it cannot be sampled from.
    """
    length = ids_BT.shape[1] + int(settings["max_new_tokens"])
    if length > model.context:
        raise LithoError(
            f"a sequence of {length} tokens is to be sampled, but {model.source.name} reads "
            f"{model.context}: choose a model with a longer context"
        )
    config = GenerationConfig(
        do_sample=True, pad_token_id=model.pad, eos_token_id=model.ends or None, **settings
    )
    with seeded(model.device, seed), without_settings(model):
        found: Tensor = model.network.generate(
            ids_BT,
            attention_mask=torch.ones_like(ids_BT) if mask_BT is None else mask_BT,
            generation_config=config,
            logits_processor=processors,
            past_key_values=read,
        )
    return found


def padded_in_front(model: LanguageModel, rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Rows that all end at the same place, B x T, and which of their tokens are no padding."""
    longest = max(map(len, rows))
    padded = [[model.pad] * (longest - len(row)) + list(row) for row in rows]
    real = [[0] * (longest - len(row)) + [1] * len(row) for row in rows]
    return torch.tensor(padded, device=model.device), torch.tensor(real, device=model.device)


@contextmanager
def without_settings(model: LanguageModel) -> Iterator[None]:
    """Inside, the model's generation_config.json says nothing: all that it sets would be taken.

    What ends an answer (`LanguageModel.ends`) has to be asked for before.

    Raises LithoError if the model cannot be made to speak.
    """
    network: Any = model.unwrapped
    before = network.generation_config
    network.generation_config = GenerationConfig()
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise LithoError(
            f"{model.source.name} cannot go on with a text by itself: {first_line(error)}"
        ) from None
    finally:
        network.generation_config = before


class _Opening(LogitsProcessor):
    """Lets each row say its opening first, so that openings of any length grow side by side."""

    def __init__(self, opened: Sequence[Sequence[int]]) -> None:
        self._opened = opened

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        place = input_ids.shape[1]
        for row, ids in enumerate(self._opened):
            if place < len(ids):
                scores[row] = float("-inf")
                scores[row, ids[place]] = 0.0
        return scores
