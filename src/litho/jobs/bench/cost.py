"""What it will cost, estimated before it begins."""

from litho.jobs.cost import (
    BFLOAT_RATIO,
    LIBRARIES_GIB,
    READ_RATIO,
    STEP_RATIO,
    Cost,
    seconds_per_token,
)
from litho.model.loaded import LanguageModel


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
    return Cost(seconds=30 + work * seconds_per_token(model), gib=gib)
