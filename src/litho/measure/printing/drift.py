"""Drift on unrelated text."""

from collections.abc import Sequence

from litho.core import stats
from litho.core.stats import Estimate
from litho.model.loaded import LanguageModel
from litho.model.read.scoring import kl_between_states

BLOCK = 128  # tokens


def retention_blocks(model: LanguageModel, text: str, tokens: int) -> list[list[int]]:
    """Sequences of `BLOCK` tokens, spread evenly over `text`, about `tokens` in all."""
    ids = model.tokens(text)
    size = min(BLOCK, model.context) - len(model.start)
    blocks = [ids[i : i + size] for i in range(0, len(ids), size)]
    blocks = [block for block in blocks if len(block) == size] or blocks[:1]
    count = max(1, min(len(blocks), tokens // size))
    places = [i * len(blocks) // count for i in range(count)]
    return [model.start + blocks[place] for place in places]


def retention_drift(
    model: LanguageModel, rows: Sequence[Sequence[int]], adapters: Sequence[str]
) -> dict[str, Estimate]:
    """D_ret of each adapter: mean over tokens of KL(base || tuned) in nats, bootstrapped over rows.

    The base reads each row once for all adapters.
    """
    divergences = kl_between_states(model, rows, None, adapters)
    lengths = [float(len(row)) for row in rows]
    return {
        adapter: stats.ratio([values.double().sum().item() for values in per_row], lengths)
        for adapter, per_row in divergences.items()
    }
