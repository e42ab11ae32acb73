"""Text that a model says by itself: where it must not drift, it is asked what it would say."""

from collections import defaultdict
from collections.abc import Sequence

import torch
from transformers import GenerationConfig

from litho.model.loading import LanguageModel

TOP_P = 0.95  # without the tail, in which a small model loses itself


@torch.no_grad()
def self_samples(
    model: LanguageModel, openings: Sequence[str], length: int, seed: int
) -> list[list[int]]:
    """One sequence of `length` tokens an opening, sampled from the model.

    An opening may be empty: then the model begins by itself. No sample ends early.
    """
    opened = [(model.encode(opening) or [model.pad])[: length - 1] for opening in openings]
    by_length: dict[int, list[int]] = defaultdict(list)
    for index, ids in enumerate(opened):
        by_length[len(ids)].append(index)
    samples: list[list[int]] = [[]] * len(openings)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for size in sorted(by_length):
            indices = by_length[size]
            rows = _continue(model, torch.tensor([opened[i] for i in indices]), length - size)
            for index, row in zip(indices, rows, strict=True):
                samples[index] = row
    return samples


def _continue(model: LanguageModel, ids_BT: torch.Tensor, count: int) -> list[list[int]]:
    config = GenerationConfig(
        do_sample=True,
        top_k=0,
        top_p=TOP_P,
        temperature=1.0,
        repetition_penalty=1.0,
        no_repeat_ngram_size=0,
        max_new_tokens=count,
        min_new_tokens=count,
        pad_token_id=model.pad,
        eos_token_id=model.tokenizer.eos_token_id,
    )
    ids_BT = ids_BT.to(model.device)
    return model.network.generate(
        ids_BT, attention_mask=torch.ones_like(ids_BT), generation_config=config
    ).tolist()
