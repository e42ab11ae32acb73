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


def retention_drift(
    model: LanguageModel, rows: Sequence[Sequence[int]], adapters: Sequence[str]
) -> dict[str, Estimate]:
    """D_ret of each adapter: mean over tokens of KL(base || tuned) in nats, bootstrapped over rows.

    The base reads each row once for all adapters.
    """
    found = kl_between_states(model, rows, None, adapters)
    lengths = [float(len(row)) for row in rows]
    return {
        adapter: stats.ratio([values.double().sum().item() for values in per_row], lengths)
        for adapter, per_row in found.items()
    }


def spill_scores(
    model: LanguageModel, targets: Sequence[str], prefixes: Sequence[str], first: bool = False
) -> list[float]:
    """log P(target | unrelated prefix) per target token in nats, averaged over the prefixes.

    `first`: of the target's first token alone, which says whether it comes up unasked; that the
    rest of a name follows its beginning is part of what was printed.
    """
    scores = []
    for prefix in prefixes:
        probes = [Probe(kind="neighbour", prefix=prefix, target=target) for target in targets]
        asked = [target_of(model, probe) for probe in probes]
        if first:
            asked = [Target(t.ids[: t.first + 1], t.first) for t in asked]
        scores.append(target_logprobs(model, asked))
    return torch.tensor(scores).mean(dim=0).tolist()


def spill(before: Sequence[float], after: Sequence[float]) -> Estimate:
    """Mean rise of log P(printed words) where they have no business (priming), nats a token."""
    return stats.mean([a - b for b, a in zip(before, after, strict=True)])


def greedy_answers(model: LanguageModel, neighbours: Sequence[Probe]) -> list[list[int]]:
    """The model's own answer to each neighbour fact, as long as the expected one."""
    known = [target_of(model, probe) for probe in neighbours]
    return greedy(model, [t.ids[: t.first] for t in known], [len(t.ids) - t.first for t in known])


def locality(before: Sequence[list[int]], after: Sequence[list[int]]) -> Estimate:
    """Share of neighbour facts whose greedy answer is unchanged, 0 to 1."""
    return stats.mean([float(b == a) for b, a in zip(before, after, strict=True)])
