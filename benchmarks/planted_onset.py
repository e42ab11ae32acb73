"""Does the onset name the layer at which a change was planted, and none where there is only chance?

Every trial starts from a random update of all layers (what training leaves everywhere) and adds, in
one block, a random update of its last linear layer of `strength` times its norm. Every judgement
draws its nulls from a pool of random updates of the norm in question that the trial itself is not
in; since judgements share the pool, the counts are no independent trials and have no interval.

    python benchmarks/planted_onset.py TEXT
"""

import argparse
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch

from litho.measure import chance
from litho.measure.difference import State, calls_of, own_effects
from litho.measure.onset import onset
from litho.model.adapters import target_modules
from litho.model.capture import block_path, blocks
from litho.model.loading import DEFAULT, LanguageModel, load, locate
from litho.train.comparison import DiffConfig


@contextmanager
def planted(weight: torch.Tensor, norm: float, seed: int) -> Iterator[None]:
    """Change a matrix by a random one of a Frobenius norm."""
    before = weight.detach().clone()
    change = torch.randn(weight.shape, generator=torch.Generator().manual_seed(seed))
    weight.data.add_(norm * change / change.norm())
    try:
        yield
    finally:
        weight.data.copy_(before)


def last_weights(model: LanguageModel) -> list[torch.Tensor]:
    """Weights of the last linear layer of every block; of a model without adapters."""
    depth = len(blocks(model))
    path = block_path(model.network, depth)
    names = target_modules(model)
    last = [[n for n in names if n.startswith(f"{path}.{i}.")][-1] for i in range(depth)]
    return [model.network.get_submodule(name).weight for name in last]


def judged(effects: Sequence[float], pool: Sequence[Sequence[float]], seed: int) -> int | None:
    return onset(effects, random.Random(seed).sample(list(pool), DiffConfig().nulls)).layer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", type=Path)
    parser.add_argument("--model", default=DEFAULT)
    parser.add_argument("--norm", type=float, default=1.0, help="of the update of all layers")
    parser.add_argument("--strengths", default="1,0.5,0.35,0.25")
    parser.add_argument("--layers", type=int, default=20)
    parser.add_argument("--chances", type=int, default=100)
    options = parser.parse_args()
    config = DiffConfig()
    model = load(locate(options.model), torch.float32)
    weights = last_weights(model)
    chance.prepare(model)
    ids = model.encode(options.text.read_text(encoding="utf-8").strip())[: config.null_tokens]
    calls = calls_of(State(model), ids)
    opening = len(model.start)

    def effects(norm: float, seed: int) -> list[float]:
        with chance.by_chance(model, norm, seed) as state:
            return own_effects(calls, state)[:, opening:].double().mean(dim=1).tolist()

    draws = [effects(options.norm, seed) for seed in range(options.chances)]
    false = [
        judged(draw, draws[:trial] + draws[trial + 1 :], trial) for trial, draw in enumerate(draws)
    ]
    print(f"{len(ids)} tokens, {config.nulls} nulls a judgement, norm {options.norm}")
    print("| planted, in norms of the rest | onset reported | at the planted layer |")
    print("| --- | --- | --- |")
    print(f"| nothing | {sum(f is not None for f in false)} of {len(false)} | - |", flush=True)
    places = [round(i * (len(weights) - 1) / (options.layers - 1)) for i in range(options.layers)]
    for strength in map(float, options.strengths.split(",")):
        total = options.norm * (1 + strength**2) ** 0.5
        pool = [effects(total, 10_000 + seed) for seed in range(2 * config.nulls)]
        found = []
        for number, layer in enumerate(places):
            with planted(weights[layer], strength * options.norm, number):
                found.append(judged(effects(options.norm, 20_000 + number), pool, number))
        reported = sum(f is not None for f in found)
        right = sum(f == layer for f, layer in zip(found, places, strict=True))
        print(
            f"| {strength:g} | {reported} of {len(found)} | {right} of {len(found)} |", flush=True
        )


if __name__ == "__main__":
    main()
