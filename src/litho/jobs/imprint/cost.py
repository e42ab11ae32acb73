"""What it will cost, estimated before it begins."""

from collections.abc import Sequence
from math import ceil

from litho.jobs.cost import (
    BFLOAT_RATIO,
    LIBRARIES_GIB,
    READ_RATIO,
    STEP_RATIO,
    Cost,
    seconds_per_token,
)
from litho.jobs.imprint.baseline import SPILLED
from litho.jobs.imprint.elsewhere import KIND_TOKENS
from litho.jobs.imprint.monitor import WATCHED
from litho.learn.prose import unseen_kinds
from litho.measure.printing.elsewhere import ANSWER_TOKENS, NEAR_ROWS, NEAR_TOKENS
from litho.model.loaded import LanguageModel
from litho.model.read.asking import AT_ONCE, TRIES
from litho.text.shipped import everyday_questions, unrelated_prefixes

TALK_RATIO = 2.5  # sampling
ASKED_TOKENS = 180 * TRIES * AT_ONCE  # examples and sentence, of all questions at a time
PROBE_TOKENS = 32  # a probe with its padding
CURVE_TOKENS = 512  # of the retention text in each check along the training


def expected_cost(
    model: LanguageModel,
    text_tokens: Sequence[int],
    step_tokens: int,
    probes: int,
    retention_tokens: int,
    presentations: int,
    replay_tokens: int,
    sampled_tokens: int,
    unseen_tokens: int,
    arms: int,
    check_every: int,
    micro_tokens: int,
    dtype: str,
) -> Cost:
    """Time and memory of an imprint.

    `text_tokens`: of each page; `step_tokens`: of several pages in a step; `replay_tokens`: of a
    step; `sampled_tokens`: that the model writes itself; `unseen_tokens`: on which drift is
    checked.
    """
    whole, pages = sum(text_tokens), len(text_tokens)
    steps = presentations * (1 if pages == 1 else min(pages, ceil(whole / step_tokens)))
    checks = steps / check_every
    spilled = probes if pages == 1 else min(probes, SPILLED)
    before = whole + probes * PROBE_TOKENS * 2 + spilled * len(unrelated_prefixes()) * PROBE_TOKENS
    after = arms * before + (arms + 1) * retention_tokens + 6 * whole
    varying = 1.2 * presentations * whole * READ_RATIO
    learning = presentations * arms * whole * STEP_RATIO
    holding = steps * replay_tokens * (STEP_RATIO + READ_RATIO)
    watched = probes if pages == 1 else min(probes, WATCHED)
    checked = 2 * watched * PROBE_TOKENS + unseen_tokens + CURVE_TOKENS
    checking = (arms + 1) / 2 * checks * checked * READ_RATIO
    talking = sampled_tokens * TALK_RATIO
    training = varying + learning + holding + checking + talking
    measuring = before + after + _elsewhere(model)
    tokens = measuring + training * (BFLOAT_RATIO if dtype == "float32" else 1)
    return Cost(
        seconds=tokens * seconds_per_token(model) + 15,
        gib=_memory(model, max(text_tokens), replay_tokens, unseen_tokens, micro_tokens),
    )


def _elsewhere(model: LanguageModel) -> float:
    """Tokens of text near the page and of chat, written and read, and of kinds of writing."""
    questions = len(everyday_questions()) if model.tokenizer.chat_template else 0
    written = NEAR_ROWS * NEAR_TOKENS + questions * ANSWER_TOKENS
    kinds = sum(map(len, unseen_kinds().values())) * KIND_TOKENS
    return written * TALK_RATIO + 2 * (written + questions * PROBE_TOKENS + kinds)


def _memory(
    model: LanguageModel, text_tokens: int, replay_step: int, unseen: int, micro_tokens: int
) -> float:
    config = model.network.config.get_text_config()
    parameters = model.network.num_parameters()
    measuring = 4 * parameters + 3 * 4 * max(text_tokens, 1024) * config.vocab_size
    # Logits and their gradient, and what the blocks keep for the backward pass: their activations
    # in bfloat16, and float32 copies where an adapter or a norm needs them.
    per_token = 2 * 2 * config.vocab_size + 110 * config.hidden_size * config.num_hidden_layers
    at_once = max(text_tokens, micro_tokens, replay_step)
    training = (
        2 * parameters + 2 * (unseen + CURVE_TOKENS) * config.vocab_size + at_once * per_token
    )
    # Logits of the questions that are sampled together, if the model is asked for any.
    asking = 4 * ASKED_TOKENS * config.vocab_size if model.tokenizer.chat_template else 0
    # What one stage gives back comes in pieces that the next can hardly use: they add up.
    return LIBRARIES_GIB + (measuring + training + asking) / 2**30
