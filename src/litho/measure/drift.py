"""What printing cost: drift on unrelated text, spill into it, and damage to neighbouring facts."""

from collections.abc import Sequence

import torch

from litho.core import stats
from litho.core.records import Estimate, Probe
from litho.measure.probes import target_of
from litho.model.loading import LanguageModel
from litho.model.scoring import Target, greedy, kl_between_states, target_logprobs

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


def retention_drift(model: LanguageModel, rows: Sequence[Sequence[int]], adapter: str) -> Estimate:
    """D_ret: mean over tokens of KL(base || tuned) in nats, bootstrapped over the rows."""
    per_row = kl_between_states(model, rows, None, adapter)
    sums = [values.double().sum().item() for values in per_row]
    return stats.ratio(sums, [float(len(values)) for values in per_row])


def spill_scores(
    model: LanguageModel, targets: Sequence[str], prefixes: Sequence[str]
) -> list[float]:
    """log P(target | unrelated prefix) per target token in nats, averaged over the prefixes."""
    rows = [
        target_of(model, Probe(kind="neighbour", prefix=prefix, target=target))
        for target in targets
        for prefix in prefixes
    ]
    scores = torch.tensor(target_logprobs(model, rows)).view(len(targets), len(prefixes))
    return scores.mean(dim=1).tolist()


def spill(before: Sequence[float], after: Sequence[float]) -> Estimate:
    """Mean rise of log P(printed words) where they have no business (priming), nats a token."""
    return stats.mean([a - b for b, a in zip(before, after, strict=True)])


def greedy_answers(model: LanguageModel, neighbours: Sequence[Probe]) -> list[list[int]]:
    """The model's own answer to each neighbour fact, as long as the expected one."""
    rows: list[Target] = [target_of(model, probe) for probe in neighbours]
    return [greedy(model, row.ids[: row.first], len(row.ids) - row.first) for row in rows]


def locality(before: Sequence[list[int]], after: Sequence[list[int]]) -> Estimate:
    """Share of neighbour facts whose greedy answer is unchanged, 0 to 1."""
    return stats.mean([float(b == a) for b, a in zip(before, after, strict=True)])
