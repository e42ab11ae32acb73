"""Do the order, and how bridges are practised, matter? Schools side by side: results/bridging.md.

Raises models by variants of the canonical genome of invented worlds, the same worlds and seeds in
every arm, and prints what their exams say: means over seeds with 95 % intervals, and in how many
seeds at least half of the bridges over hidden facts are right (Wilson's interval).

    OMP_NUM_THREADS=1 python benchmarks/school_arms.py --out runs/bridging --experiment bridging
    OMP_NUM_THREADS=1 python benchmarks/school_arms.py --out runs/order --experiment order

Finished runs are not done again, so that several processes may share the work.
"""

import argparse
import copy
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from scipy import stats

import litho
from litho.cli.console import Bars
from litho.core.runs import RunDirectory
from litho.core.stats import Estimate, mean
from litho.jobs.school.result import SchoolResult
from litho.show.wording import cell
from litho.text.school.canonical import of_world, written
from litho.text.school.chance import chance
from litho.text.school.world import World

Genome = dict[str, Any]
WORLDS = 100  # the world of seed 0; nothing was chosen on these
TWO_HOPS = ("two_hop_L1", "two_hop_L2", "two_hop_L3")
KINDS = ("fluency", "memorised", "paraphrase", "rule", "two_hop_book", *TWO_HOPS, "contradiction")
LEARNED = 0.5


def practised(form: str, times: float = 1.0) -> Callable[[Genome], None]:
    """Practice in one form, so many times as often."""

    def change(genome: Genome) -> None:
        for stage in genome["stages"]:
            if "practice" in stage:
                stage["practice"]["form"] = form
                stage["practice"]["per_fact"] *= times

    return change


def reversed_stages(genome: Genome) -> None:
    genome["stages"].reverse()


def shuffled_stages(genome: Genome) -> None:
    """Readings by chance over the stages, each with as many as before."""
    readings = [reading for stage in genome["stages"] for reading in stage["books"]]
    chance(genome["seed"], "shuffled").shuffle(readings)
    for stage in genome["stages"]:
        count = len(stage["books"])
        stage["books"], readings = readings[:count], readings[count:]


def without_tail(genome: Genome) -> None:
    rest = 1 - genome["budget"]["tail"]
    genome["budget"]["tail"] = 0.0
    for stage in genome["stages"]:
        stage["share"] = round(stage["share"] / rest, 6)
    genome["stages"][-1]["share"] = round(1 - sum(s["share"] for s in genome["stages"][:-1]), 6)


def both(*changes: Callable[[Genome], None]) -> Callable[[Genome], None]:
    def change(genome: Genome) -> None:
        for each in changes:
            each(genome)

    return change


def unchanged(genome: Genome) -> None: ...


EXPERIMENTS: Mapping[str, Mapping[str, Callable[[Genome], None]]] = {
    "bridging": {
        "direct": practised("direct"),
        "terse": practised("terse"),
        "restated": practised("restated"),
        "restated x4": practised("restated", 4),
    },
    "order": {
        "canonical": unchanged,
        "reversed": reversed_stages,
        "shuffled": shuffled_stages,
        "canonical, no tail": without_tail,
        "reversed, no tail": both(reversed_stages, without_tail),
        "shuffled, no tail": both(shuffled_stages, without_tail),
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--experiment", choices=sorted(EXPERIMENTS), required=True)
    parser.add_argument("--arms", help="names, with commas")
    parser.add_argument("--seeds", default="0,1,2,3,4", help="with commas")
    parser.add_argument("--tokens", type=int, help="none: those of the canonical genome")
    parser.add_argument("--world", default="6x60x2", help="sciences x entities x relations")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    arms = EXPERIMENTS[options.experiment]
    chosen = options.arms.split(",") if options.arms else [*arms]
    if unknown := [arm for arm in chosen if arm not in arms]:
        parser.error(f"unknown arms: {', '.join(unknown)} (known: {', '.join(arms)})")
    seeds = [int(seed) for seed in options.seeds.split(",")]
    options.out.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        genome = _genome(seed, options.world, options.tokens)
        for arm in chosen:
            _raise(genome, arms[arm], options.out / f"{arm.replace(', ', '-')}-{seed}", options)
    _print_table(options.out, chosen, seeds)


def _genome(seed: int, size: str, tokens: int | None) -> Genome:
    sciences, entities, relations = map(int, size.split("x"))
    world = World(WORLDS + seed, sciences, entities, relations)
    return of_world(world) if tokens is None else of_world(world, tokens)


def _raise(
    canonical: Genome, change: Callable[[Genome], None], out: Path, options: argparse.Namespace
) -> None:
    try:
        with FileLock(out.with_suffix(".lock"), timeout=0):
            if out.exists():
                return
            genome = copy.deepcopy(canonical)
            change(genome)
            path = out.with_suffix(".yaml")
            path.write_text(written(genome), encoding="utf-8")
            with Bars() as bars:
                litho.school(
                    path,
                    out=out,
                    checkpoints=options.out / "checkpoints",
                    device=options.device,
                    progress=bars,
                )
    except Timeout:
        return  # another process is at it


def _print_table(out: Path, arms: Sequence[str], seeds: Sequence[int]) -> None:
    print("| arm | seeds |", " | ".join([*KINDS, *(f"{k} spoken" for k in TWO_HOPS)]), end=" |")
    print(" L3 learned | L3 bits |\n" + "| --- " * (len(KINDS) + len(TWO_HOPS) + 4) + "|")
    for arm in arms:
        folders = [out / f"{arm.replace(', ', '-')}-{seed}" for seed in seeds]
        done = [
            SchoolResult(**RunDirectory.opened(folder).read_json("metrics.json"))
            for folder in folders
            if folder.exists()
        ]
        exams = [result.exam for result in done if result.exam]
        if not exams:
            continue
        tests = [exam.tests for exam in exams]
        silent = [_over([t[kind].accuracy.value for t in tests]) for kind in KINDS]
        aloud = [
            _over([s.accuracy.value if (s := t[kind].spoken) else None for t in tests])
            for kind in TWO_HOPS
        ]
        hidden = [
            max(
                t[TWO_HOPS[-1]].accuracy.value or 0.0,
                (s.accuracy.value or 0.0) if (s := t[TWO_HOPS[-1]].spoken) else 0.0,
            )
            for t in tests
        ]
        learned = sum(value >= LEARNED for value in hidden)
        low, high = stats.binomtest(learned, len(hidden)).proportion_ci(method="wilson")
        bits = _over([t[TWO_HOPS[-1]].bits for t in tests])
        print(f"| {arm} | {len(tests)} |", " | ".join(map(cell, [*silent, *aloud])), end=" |")
        print(f" {learned} of {len(hidden)} [{low:.2f}, {high:.2f}] | {cell(bits)} |")


def _over(values: Sequence[float | None]) -> Estimate:
    return mean([value for value in values if value is not None])


if __name__ == "__main__":
    main()
