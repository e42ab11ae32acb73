"""Does a curriculum that adapts do better than one that does not? results/school-pacing.md.

Raises models in invented worlds, the same worlds and seeds in every arm:

    fixed      every stage whole; probed, and alarms noted, but nothing is done about them
    adaptive   with the key pacing
    short      fixed, with as many tokens as the adaptive school of the same seed read
    yoked      what happened in the adaptive school of the next seed happens here

Prints what exams say, as means over seeds with 95 % intervals, and how often a probe of a fixed
school raised an alarm.

    OMP_NUM_THREADS=1 python benchmarks/school_pacing.py --out runs/pacing

Finished schools are not raised again, so that several processes may share the work.
"""

import argparse
import copy
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from school_runs import raise_once, result_of

from litho.core.stats import mean
from litho.jobs.school.result import SchoolResult
from litho.learn.schooling.alarms import alarms
from litho.show.wording import cell
from litho.text.school.canonical import of_world, written
from litho.text.school.training import Alarm
from litho.text.school.world import World

ARMS = ("fixed", "adaptive", "short", "yoked")
WORLDS = 100  # the world of seed 0; nothing was chosen on these
KINDS = ("fluency", "memorised", "paraphrase", "rule", "two_hop_L1")
SETTINGS = {"forget": "forget", "gap": "gap_rise"}
NEVER = {"slope_bpb": 0.0, "patience": 1000}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", default="0,1,2,3,4,5", help="with commas")
    parser.add_argument("--world", default="6x60x2", help="sciences x entities x relations")
    parser.add_argument("--tokens", type=int, default=4_000_000)
    parser.add_argument("--vocab", type=int, default=1024)
    parser.add_argument("--shape", default="128x4x4", help="width x layers x heads")
    parser.add_argument("--batch", type=int, default=2048, help="tokens of a step")
    parser.add_argument("--probe", type=int, default=100_000)
    parser.add_argument("--slope", type=float, default=0.01)
    parser.add_argument("--questions", type=int, default=400)
    options = parser.parse_args()
    seeds = [int(seed) for seed in options.seeds.split(",")]
    options.out.mkdir(parents=True, exist_ok=True)
    for arm in ARMS:
        for number, seed in enumerate(seeds):
            _raise(options, arm, seed, seeds[(number + 1) % len(seeds)])
    _print_table(options.out, seeds)


def _genome(options: argparse.Namespace, seed: int) -> dict[str, Any]:
    d, layers, heads = map(int, options.shape.split("x"))
    sciences, entities, relations = map(int, options.world.split("x"))
    world = World(WORLDS + seed, sciences, entities, relations)
    genome = of_world(world, options.tokens)
    genome["tokenizer"]["vocab"] = options.vocab
    genome["model"] |= {"d": d, "layers": layers, "heads": heads}
    genome["train"] |= {"seq": 128, "batch_tokens": options.batch}
    genome["tests"]["n"] = options.questions
    advance = {"slope_bpb": options.slope, "patience": 2}
    return genome | {"pacing": {"probe": options.probe, "advance": advance}}


def _raise(options: argparse.Namespace, arm: str, seed: int, other: int) -> None:
    out: Path = options.out / f"{arm}-{seed}"
    genome, replay = copy.deepcopy(_genome(options, seed)), None
    if arm == "fixed":
        genome["pacing"] |= {"advance": NEVER, "on_alarm": []}
    elif arm == "short":
        adaptive = result_of(options.out / f"adaptive-{seed}")
        if adaptive is None:
            return
        genome["budget"]["tokens"] = adaptive.tokens
        del genome["pacing"]
    elif arm == "yoked":
        replay = options.out / f"adaptive-{other}"
        if not replay.exists():
            return
    raise_once(out.with_suffix(".yaml"), written(genome), out, replay=replay)


def _print_table(out: Path, seeds: Sequence[int]) -> None:
    print("| arm | seeds | tokens | bits per byte |", " | ".join(KINDS), "| events |")
    print("| --- " * (len(KINDS) + 5) + "|")
    for arm in ARMS:
        done = [found for seed in seeds if (found := result_of(out / f"{arm}-{seed}"))]
        if not done:
            continue
        tests = [each.exam.tests for each in done if each.exam]
        told = [
            mean([v for t in tests if (v := t[kind].accuracy.value) is not None]) for kind in KINDS
        ]
        ends = mean([_end(each) for each in done if each.probes])
        happened = [e.action for each in done for e in each.events or () if e.action != "alarm"]
        counted = ", ".join(f"{happened.count(a)} {a}" for a in sorted(set(happened))) or "none"
        tokens = mean([float(each.tokens) for each in done]).value
        print(f"| {arm} | {len(done)} | {tokens:,.0f} |", end=" ")
        print(" | ".join(map(cell, [ends, *told])), f"| {counted} |")
    plain = [found for seed in seeds if (found := result_of(out / f"fixed-{seed}"))]
    for kind in ("forget", "gap"):
        _print_alarms(kind, plain)


def _end(school: SchoolResult) -> float:
    """What pages of all stages cost at the end, before the mean of snapshots is taken."""
    last = (school.probes or ())[-1]
    return fmean(bits for books in last.bpb.values() for bits in books.values())


def _print_alarms(kind: str, plain: Sequence[SchoolResult]) -> None:
    """How often a probe of a plain school raises an alarm, and what would raise one at 5 %."""
    rises = []
    for each in plain:
        probes = each.probes or ()
        for number in range(1, len(probes) + 1):
            found = alarms(probes[:number], Alarm(gap_rise=1e-9, forget=1e-9))
            rises.append(max((one.rise for one in found if one.kind == kind), default=0.0))
    if rises:
        raised = sum(rise > getattr(Alarm(), SETTINGS[kind]) for rise in rises)
        at = np.quantile(rises, 0.95)
        print(f"{kind}: alarm at {raised} of {len(rises)} probes of fixed schools; 5 % at {at:.2f}")


if __name__ == "__main__":
    main()
