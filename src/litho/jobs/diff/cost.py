"""What it will cost, estimated before it begins."""

from litho.jobs.cost import LIBRARIES_GIB, TRAIN_RATIO, Cost, seconds_per_token
from litho.jobs.diff.config import DiffConfig
from litho.model.loaded import LanguageModel
from litho.model.watch.capture import PLACES

COMPARE_RATIO = 5.5  # both states read and compared
NULL_RATIO = 3.5  # a random update read and judged
BEHAVIOUR_TOKENS = 2000  # what scoring words and letting the model speak is worth


def diff_cost(
    model: LanguageModel, models: int, tokens: int, config: DiffConfig, unrelated: bool
) -> Cost:
    """Time and memory of comparing two states, of one model or of two, on a text."""
    second, short = seconds_per_token(model), config.null_tokens
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
