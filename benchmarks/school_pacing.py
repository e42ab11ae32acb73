"""Does a curriculum that adapts do better than one that does not? results/school-pacing.md.

Raises models by the short genome of school_arms.py, the same worlds and seeds in every arm:

    fixed          every stage whole; probed, and alarms noted, but nothing is done about them
    adaptive       with the key pacing: alarms are answered, and stages may end early
    short          fixed, with as many tokens as the adaptive school of the same seed read
    yoked          what happened in the adaptive school of the next seed happens here
    advance SLOPE  stages end once their books get easier by less than so many bits per byte from
                   probe to probe; alarms are noted alone

Prints what exams say, as means over seeds with 95 % t intervals, and differences from `fixed` on
the same seeds; and how often a probe of a fixed school raised an alarm.

    OMP_NUM_THREADS=1 python benchmarks/school_pacing.py --out runs/pacing

Finished schools are not raised again, so that several processes may share the work.
"""

import argparse
import copy
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from school_arms import WORLDS, asked, measures, probed, short
from school_runs import over, raise_once, result_of

from litho.jobs.school.result import SchoolResult
from litho.learn.schooling.alarms import alarms
from litho.text.school.canonical import written
from litho.text.school.training import Alarm
from litho.text.school.world import World

KINDS = (
    "memorised", "paraphrase", "two_hop_L1 aloud", "two_hop_L2 aloud", "two_hop_L3 aloud",
)  # fmt: skip
SLOPE = 0.05  # of the adaptive schools
ALARMS = {"forget": "forget", "gap": "gap_rise"}  # kinds, and the settings that raise them


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", default="0,1,2,3,4,5", help="with commas")
    parser.add_argument("--world", default="4x24x2", help="sciences x entities x relations")
    parser.add_argument("--tokens", type=int, default=2_000_000)
    parser.add_argument("--slopes", default="0.05,0.02,0.1", help="of the arms 'advance'")
    options = parser.parse_args()
    seeds = [int(seed) for seed in options.seeds.split(",")]
    slopes = [f"advance {slope}" for slope in options.slopes.split(",")]
    arms = ["fixed", "adaptive", "short", "yoked", *slopes]
    options.out.mkdir(parents=True, exist_ok=True)
    for arm in arms:
        for number, seed in enumerate(seeds):
            like = _run(options.out, "adaptive", seed)
            other = _run(options.out, "adaptive", seeds[(number + 1) % len(seeds)])
            _raise(options, arm, seed, like, other)
    _print_table(options.out, arms, seeds)


def _run(out: Path, arm: str, seed: int) -> Path:
    return out / f"{arm.replace(' ', '-')}-{seed}"


def _genome(options: argparse.Namespace, seed: int) -> dict[str, Any]:
    sciences, entities, relations = map(int, options.world.split("x"))
    genome = short(World(WORLDS + seed, sciences, entities, relations), options.tokens)
    asked(hidden=True)(genome)
    probed(genome)
    return genome


def _raise(options: argparse.Namespace, arm: str, seed: int, like: Path, other: Path) -> None:
    genome, replay = copy.deepcopy(_genome(options, seed)), None
    advance = {"slope_bpb": SLOPE, "patience": 2}
    if arm == "adaptive":
        genome["pacing"] = {"probe": genome["pacing"]["probe"], "advance": advance}
    elif arm.startswith("advance"):
        genome["pacing"]["advance"] = advance | {"slope_bpb": float(arm.split()[1])}
    elif arm == "short":
        if (adaptive := result_of(like)) is None:
            return
        genome["budget"]["tokens"] = adaptive.tokens
    elif arm == "yoked":
        replay = other
        if not replay.exists():
            return
    out = _run(options.out, arm, seed)
    checkpoints = options.out / "checkpoints"
    raise_once(Path(f"{out}.yaml"), written(genome), out, replay=replay, checkpoints=checkpoints)


def _print_table(out: Path, arms: Sequence[str], seeds: Sequence[int]) -> None:
    found = {
        arm: {seed: run for seed in seeds if (run := result_of(_run(out, arm, seed)))}
        for arm in arms
    }
    names = ["tokens, millions", "bits per byte", *KINDS]
    print("| arm | seeds |", " | ".join(names), "| what happened |")
    print("| --- " * (len(names) + 3) + "|")
    for arm, runs in found.items():
        said = [_measures(run) for run in runs.values()]
        cells = [over([each[name] for each in said]) for name in names]
        print(f"| {arm} | {len(runs)} |", " | ".join(cells), f"| {_happened(runs.values())} |")
    for arm in arms[1:]:
        both = [seed for seed in found[arm] if seed in found["fixed"]]
        pairs = [(_measures(found[arm][i]), _measures(found["fixed"][i])) for i in both]
        cells = [over([one[name] - base[name] for one, base in pairs]) for name in names]
        print(f"| {arm} less fixed | {len(both)} |", " | ".join(cells), "| |")
    for kind in ALARMS:
        _print_alarms(kind, found["fixed"].values())


def _measures(school: SchoolResult) -> dict[str, float]:
    assert school.probes
    last = school.probes[-1]  # before the mean of snapshots is taken
    pages = fmean(bits for books in last.bpb.values() for bits in books.values())
    said = measures(school)
    told = {"tokens, millions": school.tokens / 1e6, "bits per byte": pages}
    return told | {name: said[name] for name in KINDS if name in said}


def _happened(schools: Iterable[SchoolResult]) -> str:
    counted = Counter(e.action for each in schools for e in each.events or ())
    del counted["alarm"]
    return ", ".join(f"{n} x {action}" for action, n in sorted(counted.items())) or "nothing"


def _print_alarms(kind: str, plain: Iterable[SchoolResult]) -> None:
    """How often a probe of a plain school raises an alarm, and what would raise one at 5 %."""
    rises = []
    for each in plain:
        probes = each.probes or ()
        for number in range(1, len(probes) + 1):
            found = alarms(probes[:number], Alarm(gap_rise=1e-9, forget=1e-9))
            rises.append(max((one.rise for one in found if one.kind == kind), default=0.0))
    if rises:
        raised = sum(rise > getattr(Alarm(), ALARMS[kind]) for rise in rises)
        at = np.quantile(rises, 0.95)
        print(f"{kind}: alarm at {raised} of {len(rises)} probes of fixed schools; 5 % at {at:.2f}")


if __name__ == "__main__":
    main()
