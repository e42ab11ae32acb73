"""Tokens a second of a school's training: one thread, two threads, two processes of one thread.

All three in turns, on the same micro model and the same random rows. Time is that of the wall: what
else the machine does counts.

    python benchmarks/school_processes.py
"""

import argparse
import statistics
import time
from contextlib import ExitStack

import numpy as np
import torch

from litho.core.memory import keep_freed_memory
from litho.learn.schooling.helpers import helping
from litho.learn.schooling.loop import Schooling, Teaching
from litho.learn.schooling.rows import PackedRows
from litho.model.learner import new_learner
from litho.model.micro import Shape
from litho.model.placement import ON_CPU

ARMS = {"1 process, 1 thread": (1, 1), "1 process, 2 threads": (1, 2), "2 processes": (2, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=6, help="of each round")
    parser.add_argument("--batch", type=int, default=2048, help="tokens of a step")
    parser.add_argument("--d", type=int, default=128)
    parser.add_argument("--layers", type=int, default=4)
    options = parser.parse_args()
    keep_freed_memory()  # as the command line does
    shape = Shape(1024, 256, options.d, options.layers, 4)
    ids = np.random.default_rng(0).integers(shape.vocabulary, size=options.batch * options.steps)
    edges, one = np.asarray([0, len(ids)]), np.zeros(1, np.int64)
    rows = PackedRows(ids, edges, one, one, 0, shape.context)
    teaching = Teaching(options.batch, 1e-3, warmup=1, average_last=8, average_every=25_000)
    found: dict[str, list[float]] = {name: [] for name in ARMS}
    with ExitStack() as stack:
        schoolings = {}
        for name, (processes, threads) in ARMS.items():
            torch.set_num_threads(threads)
            learner = new_learner(shape, 0, None, ON_CPU)
            helpers = stack.enter_context(helping(learner, processes, 1))
            schoolings[name] = Schooling(learner, teaching, [""], helpers)
            schoolings[name].step("", rows, options.steps)  # makes everything ready
        print(f"{learner.size:,} weights, {options.batch:,} tokens a step")
        for _ in range(options.rounds):
            for name, (processes, threads) in ARMS.items():
                torch.set_num_threads(threads // processes)
                schoolings[name].begin()
                began = time.perf_counter()
                for _ in range(options.steps):
                    schoolings[name].step("", rows, options.steps)
                found[name].append(options.batch * options.steps / (time.perf_counter() - began))
    for name, speeds in found.items():
        median, low, high = statistics.median(speeds), min(speeds), max(speeds)
        print(f"{name:22} {median:8,.0f} tokens/s ({low:,.0f} to {high:,.0f})")


if __name__ == "__main__":
    main()
