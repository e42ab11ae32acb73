"""What the capture test and the printing of trails will cost, estimated before they begin."""

from collections.abc import Sequence

from litho.jobs.cost import (
    BFLOAT_RATIO,
    LIBRARIES_GIB,
    READ_RATIO,
    STEP_RATIO,
    Cost,
    seconds_per_token,
)
from litho.jobs.trails.config import CaptureConfig, PrintConfig
from litho.jobs.trails.pairs import Planned
from litho.model.loaded import LanguageModel

SHARED = 0.6  # of the tokens of a pair are read: what its contexts have in common is read once


def capture_cost(
    model: LanguageModel, planned: Sequence[Planned], config: CaptureConfig, states: int
) -> Cost:
    """Time and memory of reading all pairs in so many states."""
    read = states * SHARED * _tokens(planned) + (states - 1) * 2 * config.retention_tokens
    read += min(states, 2) * _read_in_depth(model, planned, config)
    return Cost(seconds=15 + read * seconds_per_token(model), gib=_memory(model, 1024))


def print_cost(
    model: LanguageModel, planned: Sequence[Planned], config: PrintConfig, unseen: int
) -> Cost:
    """`unseen`: passages on which drift is checked."""
    arms = 2 if config.control == "shuffled" or config.objective == "teacher" else 1
    rows = [row for each in planned if each.cell != "shots" for row in each.asked.rows[:2]]
    chain = sum(map(len, rows)) / len(rows)
    replayed = config.replay_rows * config.replay_length
    step = (config.chains * chain + replayed) * STEP_RATIO + replayed * READ_RATIO
    curve = SHARED * _tokens(planned) * config.curve_pairs / config.pairs
    checks = config.presentations / config.check_every
    training = config.presentations * step
    training += checks * (curve + unseen * config.replay_length) * READ_RATIO
    if config.dtype == "float32":
        training *= BFLOAT_RATIO
    tested = capture_cost(model, planned, config, 1 + arms)
    at_once = max(config.micro_tokens, replayed)
    return Cost(
        seconds=tested.seconds + arms * training * seconds_per_token(model),
        gib=max(tested.gib, _memory(model, at_once)),
    )


def _read_in_depth(
    model: LanguageModel, planned: Sequence[Planned], config: CaptureConfig
) -> float:
    """Tokens: of each context the row itself, and its last place at each depth, twice."""
    deep = [each for each in planned if each.cell == "W"]
    forms = len({each.pair.form for each in deep})
    if not forms:
        return 0.0
    row = sum(len(each.asked.rows[0]) for each in deep) / len(deep)
    depth = model.network.config.get_text_config().num_hidden_layers
    layer_by_layer = 2 * config.depth_pairs * forms * 2 * (2 * row + 2 * depth)
    # There and back, in one state.
    return layer_by_layer + 2 * config.map_pairs * forms * 2 * row * STEP_RATIO / 2


def _tokens(planned: Sequence[Planned]) -> int:
    return sum(len(row) for each in planned for row in each.asked.rows)


def _memory(model: LanguageModel, tokens: int) -> float:
    shape = model.network.config.get_text_config()
    width = 110 * shape.hidden_size * shape.num_hidden_layers + 4 * shape.vocab_size
    return LIBRARIES_GIB + (4 * model.network.num_parameters() + tokens * width) / 2**30
