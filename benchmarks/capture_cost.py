"""What reading a text costs: Litho's capture, a plain forward, transformers' own outputs.

Time: all in turns within one process. Memory: peak resident size of one process each. Capture here
is what `litho map` needs: residual stream of all layers, entropy, distance and first-token share of
every head, surprise, entropy, rank and likeliest tokens of every place.

    python benchmarks/capture_cost.py TEXT
"""

import argparse
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from litho.measure.states import State, read_state
from litho.model.attention import AttentionMap, LayerAttention, attention_map
from litho.model.loading import DEFAULT, LanguageModel, load, locate


@torch.no_grad()
def plain(model: LanguageModel, ids: list[int]) -> object:
    return model.network(input_ids=torch.tensor([ids]), use_cache=False).logits


@torch.no_grad()
def litho(model: LanguageModel, ids: list[int]) -> object:
    found: dict[int, AttentionMap] = {}

    def reduce(layer: int, seen: LayerAttention) -> None:
        found[layer] = attention_map(seen)

    reading = read_state(State(model), ids, reduce)
    return reading, reading.predictions, found


@torch.no_grad()
def outputs(model: LanguageModel, ids: list[int]) -> object:
    """transformers' output_hidden_states and output_attentions, which needs eager attention."""
    model.network.set_attn_implementation("eager")
    found = model.network(
        input_ids=torch.tensor([ids]),
        use_cache=False,
        output_hidden_states=True,
        output_attentions=True,
    )
    model.network.set_attn_implementation("sdpa")
    return found


WAYS: dict[str, Callable[[LanguageModel, list[int]], object]] = {
    "plain": plain,
    "litho": litho,
    "outputs": outputs,
}


def first_tokens(model: LanguageModel, text: Path, count: int) -> list[int]:
    return model.encode(text.read_text(encoding="utf-8"))[:count]


def show_times(text: Path, tokens: int, rounds: int) -> None:
    model = load(locate(DEFAULT), torch.float32)
    ids = first_tokens(model, text, tokens)
    times: dict[str, list[float]] = {name: [] for name in WAYS}
    for round_ in range(rounds + 2):
        for name, way in WAYS.items():
            began = time.perf_counter()
            way(model, ids)
            if round_ >= 2:  # the first rounds compile kernels
                times[name].append(time.perf_counter() - began)
    print(f"{len(ids)} tokens, {torch.get_num_threads()} threads, {rounds} rounds")
    for name, values in times.items():
        ratios = [a / b for a, b in zip(values, times["plain"], strict=True)]
        print(
            f"{name}: {statistics.median(values):.3f} s, {statistics.median(ratios):.2f} times "
            f"plain ({min(ratios):.2f} to {max(ratios):.2f})",
            flush=True,
        )


def show_memory(text: Path, tokens: int) -> None:
    for name in WAYS:
        command = [sys.executable, __file__, str(text), "--tokens", str(tokens), "--only", name]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        print(f"{name}: peak {float(done.stdout):.2f} GiB at {tokens} tokens", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", type=Path)
    parser.add_argument("--tokens", type=int, default=512)
    parser.add_argument("--long", type=int, default=2500)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--only", choices=list(WAYS), help="one way, once; prints its peak memory")
    options = parser.parse_args()
    if options.only:
        model = load(locate(DEFAULT), torch.float32)
        WAYS[options.only](model, first_tokens(model, options.text, options.tokens))
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
        return
    show_times(options.text, options.tokens, options.rounds)
    show_memory(options.text, options.long)


if __name__ == "__main__":
    main()
