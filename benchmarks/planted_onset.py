"""Does the onset name the layer at which a change was planted, and none where there is only chance?

Every trial starts from a random update of all layers (what training leaves everywhere) and adds, in
one block, a random update of one matrix of `strength` times its norm. The null of each norm is
drawn as `litho diff` draws it; trials without a planted change are judged against other draws.

    python benchmarks/planted_onset.py TEXT
"""

import argparse
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from scipy import stats

from litho.measure import chance
from litho.measure.difference import State, calls_of, own_effects
from litho.measure.onset import onset
from litho.model.capture import blocks
from litho.model.loading import DEFAULT, LanguageModel, load, locate
from litho.train.comparison import DiffConfig


@contextmanager
def planted(model: LanguageModel, layer: int, norm: float, seed: int) -> Iterator[None]:
    """Change the last linear layer of a block by a random matrix of a Frobenius norm."""
    linear = [m for m in blocks(model)[layer].modules() if type(m) is torch.nn.Linear]
    # LoRA's own matrices are Linear, too: the widest is one of the model's.
    weight = max((m.weight for m in linear), key=lambda w: w.numel())
    before = weight.detach().clone()
    change = torch.randn(weight.shape, generator=torch.Generator().manual_seed(seed))
    weight.data.add_(norm * change / change.norm())
    try:
        yield
    finally:
        weight.data.copy_(before)


def interval(hits: int, trials: int) -> str:
    found = stats.binomtest(hits, trials).proportion_ci(method="wilson")
    return f"{hits}/{trials} = {hits / trials:.2f} [{found.low:.2f}, {found.high:.2f}]"


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
    chance.prepare(model)
    ids = model.encode(options.text.read_text(encoding="utf-8").strip())[: config.null_tokens]
    calls = calls_of(State(model), ids)
    offset = len(model.start)

    def effects(norm: float, seed: int) -> list[float]:
        with chance.by_chance(model, norm, seed) as state:
            return own_effects(calls, state)[:, offset:].double().mean(dim=1).tolist()

    draws = [effects(options.norm, seed) for seed in range(options.chances + config.nulls)]
    false = 0
    for trial in range(options.chances):
        others = [draw for i, draw in enumerate(draws) if i != trial]
        null = random.Random(trial).sample(others, config.nulls)
        false += onset(draws[trial], null).layer is not None
    print(f"{len(ids)} tokens, {config.nulls} nulls a judgement, norm {options.norm}")
    print("| planted, share of the norm | onset reported | onset at the planted layer |")
    print("| --- | --- | --- |")
    print(f"| none | {interval(false, options.chances)} | - |")
    depth = len(blocks(model))
    layers = [round(i * (depth - 1) / (options.layers - 1)) for i in range(options.layers)]
    for strength in map(float, options.strengths.split(",")):
        total = options.norm * (1 + strength**2) ** 0.5
        null = [effects(total, 10_000 + seed) for seed in range(config.nulls)]
        reported = right = 0
        for number, layer in enumerate(layers):
            with planted(model, layer, strength * options.norm, number):
                found = onset(effects(options.norm, 20_000 + number), null).layer
            reported += found is not None
            right += found == layer
        print(
            f"| {strength:g} | {interval(reported, len(layers))} "
            f"| {interval(right, len(layers))} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
