"""What is each role's adapter good at, and what do hand-overs gain? Results: results/roles.md.

Raises models in invented worlds as loop_loss.py does, in its arm with random attempts and weights
on repair, trains an adapter for each role and one for all of them at as many weights and tokens,
and prints what each can do: means over seeds with 95 % t intervals.

    OMP_NUM_THREADS=1 python benchmarks/roles.py --out runs/loop-loss --seeds 0,1,2,3,4

Finished runs are not done again; schools of loop_loss.py in the same folder are taken as they are.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock, Timeout
from loop_loss import raised
from school_runs import over

import litho
from litho.cli.console import Bars
from litho.core.runs import RunDirectory
from litho.core.stats import Estimate
from litho.jobs.roles.result import RolesResult
from litho.text.school.training import BASE, SINGLE

ARM = "random, masked, repair x2"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", default="0,1,2,3,4", help="with commas")
    parser.add_argument("--tokens", type=int, default=1_800_000, help="of a school")
    parser.add_argument("--world", default="3x20x2", help="sciences x entities x relations")
    parser.add_argument("--learned", type=int, default=20_000, help="tokens of a role")
    parser.add_argument("--questions", type=int, default=60, help="at most, of a kind")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    found = [_tried(int(seed), options) for seed in options.seeds.split(",")]
    done = [each for each in found if each]
    if done:
        _print_matrix(done)
        _print_transitions(done)


def _tried(seed: int, options: argparse.Namespace) -> RolesResult | None:
    """None while another process is at it."""
    school = raised(seed, ARM, options)
    out = school.with_name(f"roles-{seed}")
    try:
        with FileLock(out.with_suffix(".lock"), timeout=0):
            if not school.exists():
                return None
            if not out.exists():
                with Bars() as bars:
                    litho.roles(
                        school, out=out, device=options.device, progress=bars,
                        tokens=options.learned, questions=options.questions, seed=seed,
                    )  # fmt: skip
    except Timeout:
        return None
    return RolesResult(**RunDirectory.opened(out).read_json("metrics.json"))


def _print_matrix(done: Sequence[RolesResult]) -> None:
    names = [BASE, *(name for name in done[0].matrix if name != BASE), SINGLE]
    print(f"{len(done)} seeds\n\n| test |", " | ".join(names), "|")
    print("| --- " * (len(names) + 1) + "|")
    for test in done[0].matrix[BASE]:
        rows = [each.matrix | {SINGLE: each.single.matrix} for each in done]
        cells = [_over([row[name][test] for row in rows]) for name in names]
        print(f"| {test} |", " | ".join(cells), "|")


def _print_transitions(done: Sequence[RolesResult]) -> None:
    print("\n| policy | handed over | roles | gain | one for all | roles less one |")
    print("| --- " * 6 + "|")
    for policy in done[0].transitions:
        some = [each.transitions[policy] for each in done]
        columns = (
            [each.handed for each in some],
            [each.right for each in some],
            [each.gain for each in some],
            [each.single.transitions[policy].right for each in done],
            [each.difference[policy] for each in done],
        )
        print(f"| {policy} |", " | ".join(map(_over, columns)), "|")


def _over(values: Sequence[Estimate]) -> str:
    return over([each.value for each in values if each.value is not None])


if __name__ == "__main__":
    main()
