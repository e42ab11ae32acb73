"""What a training step costs whose adapter is on the top third of the layers.

The same rows, adapter and optimizer in turns: plain transformers and PEFT (loss from `labels`,
autograd all through); Litho's losses, all layers computed; Litho's with the lower layers kept from
the first time. The losses are compared, too. The base is in float32 and in bfloat16, where Litho
multiplies by the adapters in bfloat16 as well, as its main job does.

    python benchmarks/depth_step.py TEXT
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch

from litho.app.memory import keep_freed_memory
from litho.model import adapters
from litho.model.frozen import FrozenBelow
from litho.model.loading import DEFAULT, LanguageModel, load, locate
from litho.train.losses import backward_text

ARM = "top"


def compare(model: LanguageModel, rows: list[list[int]], rounds: int) -> None:
    layers = model.network.config.num_hidden_layers
    adapters.attach(model, ARM, 8, 16, seed=0, layers=range(layers - layers // 3, layers))
    weights = list(adapters.weights(model, ARM).values())
    optimizer = torch.optim.AdamW(weights, lr=0.0, weight_decay=0.0)  # so that losses stay alike
    ids_BT = torch.tensor(rows)
    frozen = FrozenBelow(model, ARM)

    def plain() -> float:
        loss = model.network(input_ids=ids_BT, labels=ids_BT).loss
        loss.backward()
        return float(loss.detach())

    def whole() -> float:
        with adapters.mixed_precision(model):
            return backward_text(model, rows, ids_BT.numel())

    def upper() -> float:
        with frozen.active(), adapters.mixed_precision(model):
            return backward_text(model, rows, ids_BT.numel())

    ways: dict[str, Callable[[], float]] = {"peft": plain, "litho": whole, "litho, kept": upper}
    times: dict[str, list[float]] = {name: [] for name in ways}
    losses = {}
    for round_ in range(rounds + 2):
        for name, way in ways.items():
            began = time.perf_counter()
            losses[name] = way()
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            if round_ >= 2:  # the first rounds compile kernels and fill what is kept
                times[name].append(time.perf_counter() - began)
    for name, values in times.items():
        ratios = [a / b for a, b in zip(values, times["peft"], strict=True)]
        print(
            f"  {name}: {statistics.median(values):.3f} s, {statistics.median(ratios):.2f} times "
            f"peft ({min(ratios):.2f} to {max(ratios):.2f}), loss {losses[name]:.5f}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("text", type=Path)
    parser.add_argument("--rows", type=int, default=4)
    parser.add_argument("--tokens", type=int, default=128, help="of a row")
    parser.add_argument("--rounds", type=int, default=8)
    options = parser.parse_args()
    keep_freed_memory()
    for dtype in (torch.float32, torch.bfloat16):
        model = load(locate(DEFAULT), dtype)
        size = options.tokens - len(model.start)
        ids = model.tokens(options.text.read_text(encoding="utf-8"))
        rows = [model.start + ids[i * size : (i + 1) * size] for i in range(options.rows)]
        print(f"{dtype}, {options.rows} x {options.tokens}, {torch.get_num_threads()} threads")
        compare(model, rows, options.rounds)


if __name__ == "__main__":
    main()
