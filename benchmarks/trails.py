"""Is attention the better place to print trails? Arms and controls, side by side, seed by seed.

Prints the trails of a library in every arm and seed, at an equal number of weights and within the
same budget of drift, tests each adapter, and prints a table: kappa by cell, selectivity, wrong
capture, drift, and the share of right answers in two files of questions. Intervals are over forms,
then pairs, within one seed. Finished runs are not done again, so that several processes may share
the arms.

    OMP_NUM_THREADS=1 python benchmarks/trails.py --out runs/trails-arms --protocol quick
    python benchmarks/trails.py --out runs/trails-arms --arms qk,mlp --seeds 0,1,2 \\
        --retention lectures.txt
"""

import argparse
from pathlib import Path
from typing import Any

import litho
from litho.cli.console import Bars
from litho.core.config import load_config
from litho.core.runs import PARTIAL, RunDirectory
from litho.jobs.trails.config import PrintConfig
from litho.jobs.trails.result import PrintResult
from litho.model.loading import load
from litho.model.placement import Placement
from litho.model.sources import DEFAULT, locate
from litho.show.wording import cell

ARMS: dict[str, dict[str, Any]] = {
    "qk": {},
    "mlp": {"channels": "mlp"},
    "qkvo": {"channels": "qkvo"},
    "all": {"channels": "all"},
    "text": {"objective": "text"},
    "routing": {"objective": "routing"},
    "routing+answer": {"objective": "routing+answer"},
    "teacher": {"objective": "teacher"},
    "routing, any heads": {"objective": "routing", "heads": "random"},
    "routing, turned": {"objective": "routing", "shown": "turned"},  # D must fall below 0
    "shuffled": {"shown": "shuffled"},
    "scrambled": {"shown": "scrambled"},
    "bare": {"shown": "bare"},
    "fixed": {"shown": "fixed"},
}
# Written for this: rules with yes and no, and short arguments; one premise turns what is right.
EXTERNAL = sorted((Path(__file__).parent / "trails_external").glob("*.jsonl"))
PROTOCOLS = {"quick": "0", "full": "0,1,2"}  # seeds
COLUMNS = ("kappa M", "kappa F", "kappa W", "kappa G", "selectivity", "wrong capture", "drift")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("library", type=Path, nargs="?", help="none: the one of Litho")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--protocol", choices=sorted(PROTOCOLS), default="quick")
    parser.add_argument("--arms", default=",".join(ARMS), help="names, with commas")
    parser.add_argument("--seeds", help="with commas; none: those of the protocol")
    parser.add_argument("--retention", type=Path)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    seeds = [int(seed) for seed in (options.seeds or PROTOCOLS[options.protocol]).split(",")]
    arms = options.arms.split(",")
    if unknown := [arm for arm in arms if arm not in ARMS]:
        parser.error(f"unknown arms: {', '.join(unknown)} (known: {', '.join(ARMS)})")
    given = load_config(PrintConfig, None, options.set)
    model = load(locate(DEFAULT), Placement.parse(options.device))
    for seed in seeds:
        for arm in arms:
            path = options.out / f"{arm}-{seed}"
            if path.exists() or path.with_name(path.name + PARTIAL).exists():
                continue  # done, or another process is at it
            with Bars() as bars:
                litho.print_trails(
                    options.library,
                    model,
                    external=EXTERNAL,
                    retention=options.retention,
                    out=path,
                    config=given.model_copy(update={**ARMS[arm], "seed": seed}),
                    progress=bars,
                )
    _print_table(options.out, arms, seeds)


def _print_table(out: Path, arms: list[str], seeds: list[int]) -> None:
    columns = [*COLUMNS, *(path.stem for path in EXTERNAL)]
    print("| arm | seed | verdict |", " | ".join(columns), "|")
    print("| --- " * (3 + len(columns)), "|", sep="")
    for arm in arms:
        for seed in seeds:
            path = out / f"{arm}-{seed}"
            if path.exists():
                read = RunDirectory.opened(path).read_json("metrics.json")
                shown = PrintResult(**read)
                kappas = [shown.cells[c].kappa if c in shown.cells else None for c in "MFWG"]
                values = [cell(value) for value in (*kappas, shown.selectivity)]
                values += [cell(shown.wrong_capture), cell(shown.drift.retention, 4)]
                values += [cell(each.premises["after"]) for each in shown.external]
                print(f"| {arm} | {seed} | {shown.verdict} |", " | ".join(values), "|")


if __name__ == "__main__":
    main()
