"""What it will cost, estimated before it begins."""

from litho.jobs.cost import LIBRARIES_GIB, TRAIN_RATIO, Cost, seconds_per_token
from litho.model.loaded import LanguageModel
from litho.model.watch.capture import PLACES

ATTACH_SECONDS = 1.0  # an adapter hung on and taken off
ASK_RATIO = 0.8  # questions: only what is scored goes through the output head


def ensemble_cost(model: LanguageModel, trained: int, asked: int, runs: int) -> Cost:
    """Time and memory of micro fine-tunes in float32: tokens trained on and tokens asked."""
    second = seconds_per_token(model)
    config = model.network.config.get_text_config()
    size = 4 * model.network.num_parameters() + 8 * 4 * PLACES * config.vocab_size
    return Cost(
        seconds=runs * ATTACH_SECONDS + second * (TRAIN_RATIO * trained + ASK_RATIO * asked),
        gib=LIBRARIES_GIB + size / 2**30,
    )
