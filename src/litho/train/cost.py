"""What a run will cost, estimated before it begins.

One forward in float32 is timed. Everything else is counted in tokens and weighed with ratios that
were measured on CPU: they make the estimate good to about a factor of 1.5.
"""

import time
from collections.abc import Sequence

import torch
from pydantic import BaseModel

from litho.model.capture import PLACES
from litho.model.loading import LanguageModel
from litho.model.scoring import logits
from litho.train.inputs import unrelated_prefixes
from litho.train.judgement import DiffConfig

BFLOAT_RATIO = 2.0  # time of a forward in float32 over that of one in bfloat16
# Against a forward in float32, per token, in bfloat16:
STEP_RATIO = 1.7  # forward and backward
READ_RATIO = 0.8  # forward, and comparing the distributions
TALK_RATIO = 2.5  # sampling
PROBE_TOKENS = 32  # a probe with its padding
COMPARE_RATIO = 5.5  # both states read and compared
NULL_RATIO = 3.5  # a random update read and judged
READING_RATIO = 1.5  # hidden states and distributions of one state
TRAIN_RATIO = 3.0  # forward and backward in float32
SHARED_RATIO = 0.6  # a variant read and compared, what it shares left out
RESTATED_RATIO = 60.0  # asking the model to restate the text's sentences
RESTATED_TOKENS = 600  # of the text, after which enough of them have been asked for
RUNGS_RATIO = 0.6  # readings for a ladder, for each token of its text
BEHAVIOUR_TOKENS = 2000  # what scoring words and letting the model speak is worth
ATTACH_SECONDS = 1.0  # an adapter hung on and taken off
ASK_RATIO = 0.8  # questions: only what is scored goes through the output head
HOUR = 3600
LIBRARIES_GIB = 0.7  # Python, torch and transformers


class Cost(BaseModel):
    """Expected time and peak memory of a run."""

    seconds: float
    gib: float

    def described(self) -> str:
        """`all in all about 60 s and 1.5 GiB`."""
        long = self.seconds >= HOUR
        said = f"{self.seconds / HOUR:.1f} h" if long else f"{self.seconds:.0f} s"
        return f"all in all about {said} and {self.gib:.1f} GiB"


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
    dtype: str,
) -> Cost:
    """Time and memory of an imprint; `replay_tokens` are those of a step and of all samples."""
    in_step, in_all = replay_tokens
    checks = presentations / check_every
    before = (
        text_tokens + probes * PROBE_TOKENS * 2 + probes * len(unrelated_prefixes()) * PROBE_TOKENS
    )
    after = arms * before + (arms + 1) * retention_tokens + 6 * text_tokens
    varying = 1.2 * presentations * text_tokens * READ_RATIO
    steps = presentations * (arms * text_tokens + in_step) * STEP_RATIO
    checking = (arms + 1) / 2 * checks * (2 * probes * PROBE_TOKENS + 2048) * READ_RATIO
    talking = in_all * TALK_RATIO
    training = varying + steps + checking + talking
    tokens = before + after + training * (BFLOAT_RATIO if dtype == "float32" else 1)
    return Cost(
        seconds=tokens * _seconds_per_token(model) + 15,
        gib=_memory(model, text_tokens, in_step, in_all, micro_tokens),
    )


@torch.no_grad()
def _seconds_per_token(model: LanguageModel) -> float:
    """Time of a float32 forward, with what the first one of a length costs left out."""
    length = min(128, model.context)
    ids_BT = torch.full((1, length), model.pad)
    logits(model, ids_BT, places=[0])
    began = time.perf_counter()
    logits(model, ids_BT)
    return (time.perf_counter() - began) / length


def _memory(
    model: LanguageModel, text_tokens: int, replay_step: int, samples: int, micro_tokens: int
) -> float:
    config = model.network.config.get_text_config()
    parameters = model.network.num_parameters()
    measuring = 4 * parameters + 3 * 4 * max(text_tokens, 1024) * config.vocab_size
    # Logits and their gradient, and what the blocks keep for the backward pass: their activations
    # in bfloat16, and float32 copies where an adapter or a norm needs them.
    per_token = 2 * 2 * config.vocab_size + 110 * config.hidden_size * config.num_hidden_layers
    at_once = max(text_tokens, micro_tokens, replay_step)
    training = 2 * parameters + 2 * (samples + 512) * config.vocab_size + at_once * per_token
    return LIBRARIES_GIB + max(measuring, training) / 2**30


def diff_cost(
    model: LanguageModel, models: int, tokens: int, config: DiffConfig, unrelated: bool
) -> Cost:
    """Time and memory of comparing two states, of one model or of two, on a text."""
    second, short = _seconds_per_token(model), config.null_tokens
    reading = COMPARE_RATIO * tokens * second
    judging = config.nulls * short * NULL_RATIO * second
    if config.behaviour:
        states = config.nulls + 2 + (config.controls if unrelated else 0)
        judging += states * BEHAVIOUR_TOKENS * second
    if unrelated:
        steps = config.controls * config.control_steps + config.wash_steps
        judging += short * second * (steps * TRAIN_RATIO + config.controls * NULL_RATIO)
    shape = model.network.config.get_text_config()
    kept = 4 * 4 * shape.hidden_size * (shape.num_hidden_layers + 1)  # residual stream, attention
    pieces = 8 * 4 * PLACES * shape.vocab_size
    size = 4 * models * model.network.num_parameters() + min(tokens, model.context) * kept + pieces
    return Cost(seconds=10 + reading + judging, gib=LIBRARIES_GIB + size / 2**30)


def vary_cost(
    model: LanguageModel, scenes: Sequence[int], count: int, restates: bool, ladder: bool
) -> Cost:
    """Time and memory of variants of scenes of so many tokens, and of the ladders up to them."""
    tokens, longest = sum(scenes), max(scenes)
    work = count * tokens * SHARED_RATIO + 2 * TRAIN_RATIO * tokens
    if restates:
        work += RESTATED_RATIO * min(tokens, RESTATED_TOKENS)
    if ladder:  # its rungs grow with the text, and each reads all of it
        work += sum(RUNGS_RATIO * length**2 for length in scenes)
    shape = model.network.config.get_text_config()
    size = 4 * model.network.num_parameters() + 3 * 4 * longest * shape.vocab_size
    gib = LIBRARIES_GIB + size / 2**30
    return Cost(seconds=20 + work * _seconds_per_token(model), gib=gib)


def exposure_cost(
    model: LanguageModel, tokens: int, readings: int, steps: int, longest: int
) -> Cost:
    """Time and memory of so many readings and training steps of `tokens` tokens each.

    `longest`: tokens of the longest sequence.
    """
    passes = readings * READING_RATIO + steps * TRAIN_RATIO
    shape = model.network.config.get_text_config()
    width = 4 * shape.hidden_size * shape.num_hidden_layers
    training = tokens * (14 * width + 3 * 4 * shape.vocab_size)
    kept = max(training, min(longest, model.context) * width)
    gib = LIBRARIES_GIB + (4 * model.network.num_parameters() + kept) / 2**30
    return Cost(seconds=15 + passes * tokens * _seconds_per_token(model), gib=gib)


def comparison_cost(
    model: LanguageModel, trials: int, tokens: int, measured: int, samples: int
) -> Cost:
    """Time and memory of so many trials, each training on and measuring so many tokens.

    `samples`: tokens of which the untouched model's distributions are kept.
    """
    work = trials * (tokens * STEP_RATIO + measured * READ_RATIO)
    work *= BFLOAT_RATIO  # either the forward that is timed is in bfloat16, or the work is not
    vocabulary = model.network.config.get_text_config().vocab_size
    size = 2 * model.network.num_parameters() + 2 * samples * vocabulary
    gib = 2 * LIBRARIES_GIB + size / 2**30
    return Cost(seconds=30 + work * _seconds_per_token(model), gib=gib)


def ensemble_cost(model: LanguageModel, trained: int, asked: int, runs: int) -> Cost:
    """Time and memory of micro fine-tunes in float32: tokens trained on and tokens asked."""
    second = _seconds_per_token(model)
    config = model.network.config.get_text_config()
    size = 4 * model.network.num_parameters() + 8 * 4 * PLACES * config.vocab_size
    return Cost(
        seconds=runs * ATTACH_SECONDS + second * (TRAIN_RATIO * trained + ASK_RATIO * asked),
        gib=LIBRARIES_GIB + size / 2**30,
    )
