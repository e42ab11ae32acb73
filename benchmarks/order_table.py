"""The tables of results/order.md from results/order.csv, which school_arms.py --csv writes.

    python benchmarks/order_table.py benchmarks/results/order.csv

Intervals are t intervals over seeds, each with its world. Whether orders differ at all is asked by
Friedman's test over the seeds that have all of them.
"""

import argparse
import csv
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean

from school_runs import over
from scipy import stats

CUT = ", no tail"
COLUMNS = ("memorised", "paraphrase", "two_hop_L1 aloud", "two_hop_L2 aloud", "two_hop_L3 aloud")
SPLITS: Mapping[str, Callable[[str], bool]] = {
    "names first": lambda order: order.startswith("names"),
    "practice before facts": lambda order: order.index("practice") < order.index("facts"),
}
By = Mapping[str, Mapping[int, Mapping[str, float]]]  # order, seed, measure


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", type=Path)
    found = read(parser.parse_args().rows)
    cut = {arm.removesuffix(CUT): by for arm, by in found.items() if arm.endswith(CUT)}
    whole = {arm: by for arm, by in found.items() if not arm.endswith(CUT)}
    for title, by_order in (("Stopped before the tail", cut), ("With the tail", whole)):
        print(f"\n**{title}**\n")
        _print_orders(by_order)
    _print_row("the tail adds", [_paired(whole[order], cut[order]) for order in whole])


def read(path: Path) -> dict[str, dict[int, dict[str, float]]]:
    found: dict[str, dict[int, dict[str, float]]] = defaultdict(dict)
    with path.open(encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            found[row["arm"]][int(row["seed"])] = {name: float(row[name]) for name in COLUMNS}
    return found


def _print_orders(by_order: By) -> None:
    print("| order | seeds |", " | ".join(COLUMNS), "|")
    print("| --- " * (len(COLUMNS) + 2) + "|")
    for order, by_seed in by_order.items():
        _print_row(f"{order} | {len(by_seed)}", [by_seed])
    first, *others = by_order
    for order in others:
        less = _paired(by_order[order], by_order[first])
        _print_row(f"{order}, less the first | {len(less)}", [less])
    shared = sorted(set.intersection(*(set(by) for by in by_order.values())))
    for title, chosen in SPLITS.items():
        less = {seed: _split(by_order, seed, chosen) for seed in shared}
        _print_row(f"{title}, less all others | {len(less)}", [less])
    print("| Friedman's test, p |", len(shared), end=" |")
    for name in COLUMNS:
        values = [[by_order[order][seed][name] for seed in shared] for order in by_order]
        print(f" {stats.friedmanchisquare(*values).pvalue:.2g} |", end="")
    print()


def _split(by_order: By, seed: int, chosen: Callable[[str], bool]) -> dict[str, float]:
    """Mean over the chosen orders, less the mean over the others."""
    some = [by[seed] for order, by in by_order.items() if chosen(order)]
    others = [by[seed] for order, by in by_order.items() if not chosen(order)]
    return {
        name: fmean(each[name] for each in some) - fmean(each[name] for each in others)
        for name in COLUMNS
    }


def _paired(
    one: Mapping[int, Mapping[str, float]], other: Mapping[int, Mapping[str, float]]
) -> dict[int, dict[str, float]]:
    return {
        seed: {name: one[seed][name] - other[seed][name] for name in COLUMNS}
        for seed in one
        if seed in other
    }


def _print_row(name: str, groups: Sequence[Mapping[int, Mapping[str, float]]]) -> None:
    """Means over seeds, first over the groups that have a seed."""
    seeds = sorted({seed for group in groups for seed in group})
    cells = [
        over([fmean(group[seed][column] for group in groups if seed in group) for seed in seeds])
        for column in COLUMNS
    ]
    print(f"| {name} |", " | ".join(cells), "|")


if __name__ == "__main__":
    main()
