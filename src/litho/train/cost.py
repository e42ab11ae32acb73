"""What a run will cost, estimated before it begins.

One forward in float32 is timed. Everything else is counted in tokens and weighed with two ratios
that were measured on CPU: they make the estimate good to about a factor of 1.5.
"""

import time

import torch
from pydantic import BaseModel

from litho.model.loading import LanguageModel
from litho.model.scoring import logits
from litho.train.inputs import unrelated_prefixes

STEP_RATIO = 1.3  # forward and backward in bfloat16 against a forward in float32
READ_RATIO = 0.4  # forward in bfloat16 against one in float32
PROBE_TOKENS = 32  # a probe with its padding
LIBRARIES_GIB = 0.7  # Python, torch and transformers


class Cost(BaseModel):
    """Expected time and peak memory of a run."""

    seconds: float
    gib: float


def expected_cost(
    model: LanguageModel,
    text_tokens: int,
    probes: int,
    retention_tokens: int,
    presentations: int,
    replay_tokens: tuple[int, int],
    arms: int,
    check_every: int,
    micro_tokens: int,
) -> Cost:
    """Time and memory of an imprint; `replay_tokens` are those of a step and of all samples."""
    in_step, in_all = replay_tokens
    checks = presentations / check_every
    before = (
        text_tokens + probes * PROBE_TOKENS * 2 + probes * len(unrelated_prefixes()) * PROBE_TOKENS
    )
    after = arms * (before + 2 * retention_tokens) + 6 * text_tokens
    varying = 1.5 * presentations * text_tokens * READ_RATIO
    steps = presentations * (arms * text_tokens + in_step) * STEP_RATIO
    checking = arms * checks * (2 * probes * PROBE_TOKENS + 2048) * READ_RATIO
    talking = in_all * 3 * READ_RATIO
    tokens = before + after + varying + steps + checking + talking
    return Cost(
        seconds=tokens * _seconds_per_token(model) + 15,
        gib=_memory(model, text_tokens, in_all, micro_tokens),
    )


@torch.no_grad()
def _seconds_per_token(model: LanguageModel) -> float:
    """Time of a float32 forward, with what the first one of a length costs left out."""
    length = min(256, model.context)
    ids_BT = torch.full((1, length), model.pad)
    logits(model, ids_BT, places=[0])
    began = time.perf_counter()
    logits(model, ids_BT)
    return (time.perf_counter() - began) / length


def _memory(model: LanguageModel, text_tokens: int, samples: int, micro_tokens: int) -> float:
    config = model.network.config.get_text_config()
    parameters = model.network.num_parameters()
    at_once = min(max(1.5 * text_tokens, 512), micro_tokens)  # padding included
    measuring = 4 * parameters + 3 * 4 * max(text_tokens, 1024) * config.vocab_size
    # Bytes a token that a block keeps for the backward pass: its own activations in bfloat16, and
    # a float32 copy of the input of each adapted layer.
    per_layer = 80 * config.hidden_size
    training = (
        2 * parameters
        + 2 * (samples + 1024) * config.vocab_size
        + at_once * (5 * 4 * config.vocab_size + per_layer * config.num_hidden_layers)
    )
    return LIBRARIES_GIB + max(measuring, training) / 2**30
