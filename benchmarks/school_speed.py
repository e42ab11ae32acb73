"""Tokens a second of a school's training step, of its matrix products alone, and of the Trainer.

All on the same micro model, the same random rows and one thread, in turns within one process. Time
is that of the processor, so that other work on the machine does not count in full. A step is all
that lies between the ends of two steps: rows are made in it, and losses told apart by subject.

    OMP_NUM_THREADS=1 python benchmarks/school_speed.py
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, Trainer, TrainerCallback, TrainingArguments

from litho.core.memory import keep_freed_memory
from litho.learn.schooling.gradients import PASS_TOKENS
from litho.learn.schooling.loop import Schooling, Teaching
from litho.learn.schooling.rows import PackedRows
from litho.model.codec import of_bytes
from litho.model.learner import new_learner
from litho.model.micro import MicroModel, Shape
from litho.model.placement import ON_CPU

BATCH, RATE = 4096, 1e-3
TEACHING = Teaching(BATCH, RATE, warmup=1, average_last=8, average_every=25_000)


def timed(act: Callable[[], object]) -> float:
    began = time.process_time()
    act()
    return time.process_time() - began


def products(shape: Shape, tokens: int) -> list[tuple[int, Callable[[], object]]]:
    """Each matrix product of a step on so many tokens, with how often it comes."""
    found: list[tuple[int, Callable[[], object]]] = []
    linear = [
        (shape.depth, shape.d, 3 * shape.d),
        (shape.depth, shape.d, shape.d),
        (shape.depth, shape.d, 2 * shape.hidden),
        (shape.depth, shape.hidden, shape.d),
        (1, shape.d, shape.vocabulary),
    ]
    for times, inner, outer in linear:
        x, w, g = (torch.randn(*s) for s in ((tokens, inner), (outer, inner), (tokens, outer)))
        found += [
            (times, partial(F.linear, x, w)),
            (times, partial(torch.matmul, g, w)),
            (times, partial(torch.matmul, g.T, x)),
        ]
    heads, head = tokens // shape.context * shape.heads, shape.d // shape.heads
    q = torch.randn(heads, shape.context, head)
    p = torch.randn(heads, shape.context, shape.context)
    # Queries by keys, and what comes back of what was seen; the four others have two such sides.
    return [*found, (2 * shape.depth, lambda: q @ q.mT), (4 * shape.depth, lambda: p @ q)]


def floor_seconds(shape: Shape) -> float:
    """Time of the products alone of a batch, in passes of the size that the training has."""
    tokens = PASS_TOKENS // shape.context * shape.context
    once = sum(times * timed(product) for times, product in products(shape, tokens))
    return once * BATCH / tokens


class Stopwatch(TrainerCallback):
    """Processor time from the end of a Trainer's step to that of the next."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_step_end(self, *_: Any, **__: Any) -> None:  # noqa: ANN401
        self.ends.append(time.process_time())


def trainer_seconds(
    folder: Path, ids: np.ndarray, length: int, rows: int, steps: int
) -> list[float]:
    """Steps of the Trainer, with `rows` in a pass."""
    network = AutoModelForCausalLM.from_pretrained(folder)
    some = [ids[i : i + length].tolist() for i in range(0, len(ids), length)]
    watch = Stopwatch()
    arguments = TrainingArguments(
        output_dir=str(folder / "trainer"),
        per_device_train_batch_size=rows,
        gradient_accumulation_steps=BATCH // length // rows,
        max_steps=steps,
        learning_rate=RATE,
        lr_scheduler_type="constant",
        optim="adamw_torch_fused",
        max_grad_norm=1.0,
        save_strategy="no",
        logging_strategy="no",
        report_to=[],
        disable_tqdm=True,
        use_cpu=True,
    )
    rows_of = [{"input_ids": row, "labels": row} for row in some]
    Trainer(network, arguments, train_dataset=rows_of, callbacks=[watch]).train()
    return [end - begin for begin, end in pairwise(watch.ends)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=4, help="of each round")
    parser.add_argument("--d", type=int, default=128)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--seq", type=int, default=256)
    parser.add_argument("--vocabulary", type=int, default=1024)
    options = parser.parse_args()
    keep_freed_memory()  # as the command line does
    shape = Shape(options.vocabulary, options.seq, options.d, options.layers, options.heads)
    ids = np.random.default_rng(0).integers(shape.vocabulary, size=BATCH * options.steps)
    edges, one = np.asarray([0, len(ids)]), np.zeros(1, np.int64)
    rows = PackedRows(ids, edges, one, one, 0, shape.context)
    schooling = Schooling(new_learner(shape, 0, None, ON_CPU), TEACHING, [""])
    print(f"{schooling.learner.size:,} weights, {torch.get_num_threads()} thread(s)")
    found: dict[str, list[float]] = {"products alone": [], "litho school": []}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "model")
        MicroModel(shape, 0).save(folder, of_bytes())
        floor_seconds(shape)  # kernels are made for each shape when it first comes
        for _ in range(options.rounds):
            found["products alone"].append(min(floor_seconds(shape) for _ in range(3)))
            schooling.begin()
            for _ in range(options.steps):
                found["litho school"].append(timed(lambda: schooling.step("", rows, options.steps)))
            for each in (4, BATCH // shape.context):
                seconds = trainer_seconds(folder, ids, shape.context, each, options.steps)
                found.setdefault(f"Trainer, {each} rows in a pass", []).extend(seconds)
    floor = statistics.median(found["products alone"])
    for name, seconds in found.items():
        median = statistics.median(seconds)
        print(
            f"{name:28} {BATCH / median:8,.0f} tokens/s ({BATCH / max(seconds):,.0f} to "
            f"{BATCH / min(seconds):,.0f}), {floor / median:.2f} of the products"
        )


if __name__ == "__main__":
    main()
