"""Is depth that is gone through again worth depth that is there? results/school-depth.md.

Small models of a school (`model: {layers, loops}`) learn to follow facts that stand in the context:

    ce ac fa eb ... 4f b        each name leads to one other; four steps lead from f to b

The facts, a ring of all names, are drawn anew in each row, so that nothing can be remembered, and
the loss counts answers alone, for nothing else can be foretold. Arms:
2 blocks gone through 4 times, 8 blocks, 2 blocks. Prints how often the first question of an unseen
row is answered rightly, by the number of steps, as means over seeds with 95 % intervals.

    OMP_NUM_THREADS=1 python benchmarks/school_depth.py --out runs/depth --tokens 4000000

Finished arms are not done again, so that several processes may share the work.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout

from litho.core.stats import mean
from litho.learn.schooling.loop import Schooling, Teaching
from litho.learn.schooling.rows import PackedRows, Weights
from litho.model.learner import Learner, new_learner
from litho.model.micro import Shape
from litho.model.placement import Placement
from litho.show.wording import cell

ARMS = {"2 blocks x 4 loops": (2, 4), "8 blocks": (8, 1), "2 blocks": (2, 1)}
END = 0  # names follow, then the numbers of steps
ASKED = 256  # rows of an exam, for each number of steps
FIRST_SEED_OF_EXAMS = 10_000


def rows_of(count: int, names: int, hops: int, questions: int, seed: int) -> np.ndarray:
    """Rows of facts and questions, each question: number of steps, name, answer."""
    chance = np.random.default_rng(seed)
    length = 2 * names + 3 * questions + 1
    found = np.empty((count, length), np.int64)
    for row in found:
        ring = chance.permutation(names)  # one ring; of nine, no way back is as short as four steps
        leads = np.empty(names, np.int64)
        leads[ring] = np.roll(ring, -1)
        shown = chance.permutation(names)
        row[: 2 * names] = 1 + np.stack((shown, leads[shown]), 1).reshape(-1)
        for number in range(questions):
            steps, name = chance.integers(1, hops + 1), chance.integers(names)
            answer = name
            for _ in range(steps):
                answer = leads[answer]
            begin = 2 * names + 3 * number
            row[begin : begin + 3] = names + steps, 1 + name, 1 + answer
        row[-1] = END
    return found


@torch.no_grad()
def accuracy(learner: Learner, options: argparse.Namespace) -> dict[str, float]:
    """How often the first question of a row is answered rightly, by number of steps."""
    names, found = options.names, {}
    seed = FIRST_SEED_OF_EXAMS
    rows = rows_of(ASKED * options.hops * 2, names, options.hops, 1, seed)
    ids = np.concatenate((np.full((len(rows), 1), END), rows[:, : 2 * names + 2]), 1)
    ids_BT = torch.from_numpy(ids).to(learner.device)
    logits_BTV = learner.logits(ids_BT).view(*ids_BT.shape, -1)
    said = 1 + logits_BTV[:, -1, 1 : names + 1].argmax(-1).cpu().numpy()
    right = said == rows[:, 2 * names + 2]
    for steps in range(1, options.hops + 1):
        found[str(steps)] = float(right[rows[:, 2 * names] == names + steps].mean())
    return found


def raised(arm: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """A model of one arm, and what it can."""
    layers, loops = ARMS[arm]
    began = time.process_time()
    count = options.tokens // (2 * options.names + 3 * options.questions + 1)
    rows = rows_of(count, options.names, options.hops, options.questions, seed)
    length = rows.shape[1]
    vocabulary = 1 + options.names + options.hops
    shape = Shape(vocabulary, length, options.d, layers, options.heads, loops)
    learner = new_learner(shape, seed, None, Placement.parse(options.device))
    edges, one = np.arange(count + 1) * length, np.zeros(count, np.int64)
    answers = np.zeros_like(rows, np.float32)
    answers[:, 2 * options.names + 2 : -1 : 3] = 1
    weights = Weights(np.arange(answers.size), answers.reshape(-1))
    packed = PackedRows(rows.reshape(-1), edges, np.arange(count), one, END, length, weights)
    steps = packed.steps(options.batch * length)
    teaching = Teaching(options.batch * length, options.lr, 100, 8, 8 * options.batch * length)
    schooling = Schooling(learner, teaching, [""])
    schooling.begin()
    for _ in range(steps):
        schooling.step(arm, packed, steps)
    schooling.take_mean()
    return {
        "arm": arm,
        "seed": seed,
        "weights": learner.size,
        "steps": steps,
        "losses": [record["loss"] for record in schooling.progress.records],
        "right": accuracy(learner, options),
        "seconds": round(time.process_time() - began, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--arms", default=",".join(ARMS), help="with commas")
    parser.add_argument("--seeds", default="0,1,2,3,4,5", help="with commas")
    parser.add_argument("--tokens", type=int, default=4_000_000)
    parser.add_argument("--names", type=int, default=9)
    parser.add_argument("--hops", type=int, default=4)
    parser.add_argument("--questions", type=int, default=6)
    parser.add_argument("--d", type=int, default=64)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--batch", type=int, default=64, help="rows of a step")
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    arms = options.arms.split(",")
    if unknown := [arm for arm in arms if arm not in ARMS]:
        parser.error(f"unknown arms: {', '.join(unknown)} (known: {', '.join(ARMS)})")
    seeds = [int(seed) for seed in options.seeds.split(",")]
    options.out.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        for arm in arms:
            path = options.out / f"{arm.replace(' ', '-')}-{seed}.json"
            try:
                with FileLock(path.with_suffix(".lock"), timeout=0):
                    if not path.exists():
                        said = raised(arm, seed, options)
                        path.write_text(json.dumps(said, indent=1), encoding="utf-8")
                        print(arm, seed, said["right"], said["seconds"], flush=True)
            except Timeout:
                continue  # another process is at it
    _print_table(options.out, arms, seeds, options.hops)


def _print_table(out: Path, arms: list[str], seeds: list[int], hops: int) -> None:
    print("| arm | weights | seeds |", " | ".join(f"{n} steps" for n in range(1, hops + 1)), "|")
    print("| --- " * (hops + 3) + "|")
    for arm in arms:
        paths = [out / f"{arm.replace(' ', '-')}-{seed}.json" for seed in seeds]
        done = [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.exists()]
        if done:
            right = [mean([each["right"][str(n)] for each in done]) for n in range(1, hops + 1)]
            print(
                f"| {arm} | {done[0]['weights']:,} | {len(done)} |",
                " | ".join(map(cell, right)),
                "|",
            )


if __name__ == "__main__":
    main()
