"""Drift on unrelated text."""

from collections.abc import Sequence
from dataclasses import dataclass

from litho.core import stats
from litho.core.stats import Estimate
from litho.measure.printing.moved import MovedTokens
from litho.model.loaded import LanguageModel
from litho.model.read.scoring import kl, read_in_states

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


@dataclass(frozen=True)
class RetentionDrift:
    """KL(base || tuned) in nats per token: over all rows, bootstrapped over them, and of each."""

    mean: Estimate
    by_row: list[float]
    moved: MovedTokens


def retention_drift(
    model: LanguageModel, rows: Sequence[Sequence[int]], adapters: Sequence[str]
) -> dict[str, RetentionDrift]:
    """D_ret of each adapter; the base reads each row once for all of them."""
    lengths = [float(len(row)) for row in rows]
    sums: dict[str, list[float]] = {adapter: [] for adapter in adapters}
    moved = {adapter: MovedTokens(model) for adapter in adapters}
    for adapter, number, base_TV, tuned_TV in read_in_states(model, rows, None, adapters):
        kl_T = kl(base_TV, tuned_TV)
        sums[adapter].append(kl_T.double().sum().item())
        moved[adapter].add(rows[number], kl_T, base_TV, tuned_TV)
    return {
        adapter: RetentionDrift(
            stats.ratio(own, lengths),
            [total / length for total, length in zip(own, lengths, strict=True)],
            moved[adapter],
        )
        for adapter, own in sums.items()
    }
