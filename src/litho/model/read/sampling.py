"""Text that a model says by itself: where it must not drift, it is asked what it would say."""

from collections.abc import Sequence

import torch
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList

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

    An opening may be empty: then the model begins by itself. No sample ends early.
    """
    opened = [(model.encode(opening) or [model.pad])[:length] for opening in openings]
    ids_BT = torch.tensor([row[:1] for row in opened], device=model.device)
    with seeded(model.device, seed):
        return model.network.generate(
            ids_BT,
            attention_mask=torch.ones_like(ids_BT),
            generation_config=own_words(model, length - 1),
            logits_processor=LogitsProcessorList([_Opening(opened)]),
        ).tolist()


def own_words(model: LanguageModel, length: int) -> GenerationConfig:
    """Exactly `length` tokens as the model itself would say them, whatever its own settings are."""
    return GenerationConfig(
        do_sample=True,
        top_k=0,
        epsilon_cutoff=LEAST_PROBABILITY,
        temperature=1.0,
        repetition_penalty=1.0,
        no_repeat_ngram_size=0,
        max_new_tokens=length,
        min_new_tokens=length,
        pad_token_id=model.pad,
        eos_token_id=model.tokenizer.eos_token_id,
    )


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
