"""What training several adapters at once on one base could gain on this machine, at best.

Sixteen plain PEFT runs one after another take sixteen small steps where one batch takes one large
step. A batch of sixteen rows through ONE adapter does less work than sixteen adapters would: its
time is the floor of any way to batch them. Rounds take turns, so that noise hits
both alike.

    python benchmarks/batched_adapters.py
"""

import argparse
import statistics
import time

import torch
from peft import LoraConfig, get_peft_model

from litho.core.memory import keep_freed_memory
from litho.model.loading import load
from litho.model.sources import DEFAULT, locate

SIZES = (1, 4, 16)  # rows in a batch
LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tokens", type=int, default=112, help="of a row")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    keep_freed_memory()
    base = load(locate(DEFAULT), torch.float32).network
    config = LoraConfig(task_type="CAUSAL_LM", r=8, lora_alpha=16, target_modules=LINEAR)
    network = get_peft_model(base, config)
    trained = [p for p in network.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=5e-4, weight_decay=0.0)
    took: dict[int, list[float]] = {size: [] for size in SIZES}
    for _ in range(options.rounds + 1):  # the first is not counted
        for size in SIZES:
            ids_BT = torch.randint(1000, 40000, (size, options.tokens))
            began = time.perf_counter()
            network(input_ids=ids_BT, labels=ids_BT).loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            took[size].append((time.perf_counter() - began) / size)
    medians = {size: statistics.median(times[1:]) for size, times in took.items()}
    parameters = sum(p.numel() for n, p in base.named_parameters() if "lora" not in n)
    print("| rows at once | s a row and step | throughput against one | GFLOP/s of the base |")
    print("| --- | --- | --- | --- |")
    for size, median in medians.items():
        done = 4e-9 * parameters * options.tokens / median  # forward, and backward to the inputs
        print(f"| {size} | {median:.3f} | {medians[1] / median:.2f} | {done:.0f} |")
    print(f"\n{torch.get_num_threads()} threads, {options.tokens} tokens a row")


if __name__ == "__main__":
    main()
