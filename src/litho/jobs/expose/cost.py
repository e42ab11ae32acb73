"""What it will cost, estimated before it begins."""

from litho.jobs.cost import LIBRARIES_GIB, TRAIN_RATIO, Cost, seconds_per_token
from litho.model.loaded import LanguageModel

READING_RATIO = 1.5  # hidden states and distributions of one state


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
    return Cost(seconds=15 + passes * tokens * seconds_per_token(model), gib=gib)
