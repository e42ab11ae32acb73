"""Does the onset name the layer at which a change was planted, and none where there is chance only?

A trial starts from a random update of all layers (what training leaves everywhere) and adds a
random update of one block: of all its matrices, or of a single one, whose kind goes round from
trial to trial. `strength` is the Frobenius norm of what is planted over that of all the rest
together. A lone plant has no rest. Every judgement draws its nulls from a pool of random updates
that the trial itself is not in; since judgements share the pool, intervals are a little too narrow.

    python benchmarks/planted_onset.py TEXT
"""

import argparse
import math
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from scipy import stats

from litho.jobs.diff.config import DiffConfig
from litho.measure.inside import chance
from litho.measure.inside.difference import own_effects
from litho.measure.inside.onset import onset
from litho.measure.inside.states import read_state
from litho.model.adapters.targets import target_modules
from litho.model.adapters.updates import kind
from litho.model.loaded import LanguageModel
from litho.model.loading import load
from litho.model.sources import DEFAULT, locate
from litho.model.state import State
from litho.model.watch.capture import block_path, blocks

Effects = list[float]


@contextmanager
def planted(weights: Sequence[torch.Tensor], norm: float, seed: int) -> Iterator[None]:
    """Change matrices by random ones of equal Frobenius norms, `norm` all together."""
    before = [weight.detach().clone() for weight in weights]
    generator = torch.Generator().manual_seed(seed)
    for weight in weights:
        change = torch.randn(weight.shape, generator=generator)
        weight.data.add_(norm / math.sqrt(len(weights)) * change / change.norm())
    try:
        yield
    finally:
        for weight, kept in zip(weights, before, strict=True):
            weight.data.copy_(kept)


def matrices(model: LanguageModel) -> list[list[tuple[str, torch.Tensor]]]:
    """Kind and weight of the linear layers of every block; of a model without adapters."""
    depth = len(blocks(model))
    path = block_path(model.network, depth)
    return [
        [
            (kind(name), model.network.get_submodule(name).weight)
            for name in target_modules(model)
            if name.startswith(f"{path}.{i}.")
        ]
        for i in range(depth)
    ]


def judged(effects: Effects, pool: Sequence[Effects], seed: int) -> int | None:
    return onset(effects, random.Random(seed).sample(list(pool), DiffConfig().nulls)).layer


def share(count: int, total: int) -> str:
    found = stats.binomtest(count, total).proportion_ci(method="wilson")
    return f"{count} of {total} [{found.low:.2f}, {found.high:.2f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", type=Path)
    parser.add_argument("--model", default=DEFAULT)
    parser.add_argument("--norm", type=float, default=1.0, help="of the update of all layers")
    parser.add_argument("--strengths", default="2,1,0.7,0.5,0.35")
    parser.add_argument("--layers", type=int, default=20)
    parser.add_argument("--chances", type=int, default=100)
    options = parser.parse_args()
    config = DiffConfig()
    model = load(locate(options.model), torch.float32)
    stack = matrices(model)
    kinds = [name for name, _ in stack[0]]
    chance.prepare(model, rank=8)
    ids = model.encode(options.text.read_text(encoding="utf-8").strip())[: config.null_tokens]
    base = read_state(State(model), ids)
    rest = dict.fromkeys(kinds, options.norm / math.sqrt(len(kinds)))

    def effects(norms: dict[str, float], seed: int) -> Effects:
        with chance.by_chance(State(model), norms, seed) as state:
            return own_effects(base, state).double().mean(dim=1).tolist()

    draws = [effects(rest, seed) for seed in range(options.chances)]
    false = [
        judged(draw, draws[:trial] + draws[trial + 1 :], trial) for trial, draw in enumerate(draws)
    ]
    print(f"{len(ids)} tokens, {config.nulls} nulls a judgement, norm {options.norm}")
    print("| planted in | strength | onset reported | at the planted layer |")
    print("| --- | --- | --- | --- |")
    reported = sum(f is not None for f in false)
    print(f"| nothing | 0 | {share(reported, len(false))} | - |", flush=True)
    places = [round(i * (len(stack) - 1) / (options.layers - 1)) for i in range(options.layers)]

    def show(where: str, strength: str, rest: dict[str, float], added: float) -> None:
        pools: dict[str, list[Effects]] = {}
        found = []
        for number, layer in enumerate(places):
            chosen = stack[layer]
            if where == "one matrix":
                chosen = [chosen[number % len(kinds)]]
            names, key = [name for name, _ in chosen], chosen[0][0]
            if key not in pools:
                share_of_each = added / math.sqrt(len(names))
                norms = rest | {name: math.hypot(rest[name], share_of_each) for name in names}
                pools[key] = [effects(norms, 10_000 + seed) for seed in range(config.nulls)]
            with planted([weight for _, weight in chosen], added, number):
                found.append(judged(effects(rest, 20_000 + number), pools[key], number))
        reported = share(sum(f is not None for f in found), len(found))
        right = share(sum(f == k for f, k in zip(found, places, strict=True)), len(found))
        print(f"| {where} | {strength} | {reported} | {right} |", flush=True)

    for where in ("one block", "one matrix"):
        for norm in (options.norm, options.norm / 100):
            show(where, f"alone, norm {norm:g}", dict.fromkeys(kinds, 0.0), norm)
        for strength in map(float, options.strengths.split(",")):
            show(where, f"{strength:g}", rest, strength * options.norm)


if __name__ == "__main__":
    main()
