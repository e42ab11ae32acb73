"""What a training step costs whose adapter is on the top third of the layers.

The same rows, adapter and optimizer in turns: plain transformers and PEFT (loss from `labels`,
autograd all through); Litho's losses, all layers computed; Litho's with the lower layers kept from
the first time. The losses are compared, too. The base is in float32 and in bfloat16, where Litho
multiplies by the adapters in bfloat16 as well, as its main job does.

    python benchmarks/depth_step.py TEXT
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from turns import show_ratios, time_in_turns

from litho.core.memory import keep_freed_memory
from litho.learn.losses import backward_text
from litho.model.adapters import lora
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel
from litho.model.loading import load
from litho.model.sources import DEFAULT, locate
from litho.model.watch.frozen import FrozenBelow

ARM = "top"


def compare(model: LanguageModel, rows: list[list[int]], rounds: int) -> None:
    layers = model.network.config.num_hidden_layers
    lora.attach(
        model, ARM, AdapterSpec(8, 16, seed=0, layers=tuple(range(layers - layers // 3, layers)))
    )
    weights = list(lora.weights(model, ARM).values())
    optimizer = torch.optim.AdamW(weights, lr=0.0, weight_decay=0.0)  # so that losses stay alike
    ids_BT = torch.tensor(rows)
    frozen = FrozenBelow(model, ARM)

    def plain() -> float:
        loss = model.network(input_ids=ids_BT, labels=ids_BT).loss
        loss.backward()
        return float(loss.detach())

    def whole() -> float:
        with lora.mixed_precision(model):
            return backward_text(model, rows, ids_BT.numel())

    def upper() -> float:
        with frozen.active(), lora.mixed_precision(model):
            return backward_text(model, rows, ids_BT.numel())

    losses: dict[str, float] = {}

    def step(name: str, way: Callable[[], float]) -> None:
        losses[name] = way()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    ways = {"peft": plain, "litho": whole, "litho, kept": upper}
    steps = {name: partial(step, name, way) for name, way in ways.items()}
    # The first rounds compile kernels and fill what is kept.
    show_ratios(time_in_turns(steps, rounds, warm_up=2), "peft")
    print("  " + ", ".join(f"loss of {name} {loss:.5f}" for name, loss in losses.items()))


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
