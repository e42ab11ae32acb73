"""What it will cost, estimated before it begins."""

from collections.abc import Sequence

from litho.jobs.cost import LIBRARIES_GIB, TRAIN_RATIO, Cost, seconds_per_token
from litho.model.loaded import LanguageModel

SHARED_RATIO = 0.6  # a variant read and compared, what it shares left out
RESTATED_RATIO = 60.0  # asking the model to restate the text's sentences
RESTATED_TOKENS = 600  # of the text, after which enough of them have been asked for
RUNGS_RATIO = 0.6  # readings for a ladder, for each token of its text


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
    return Cost(seconds=20 + work * seconds_per_token(model), gib=gib)
