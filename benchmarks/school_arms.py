"""Do the order, and how bridges are practised, matter? Results: bridging.md and order.md.

Raises small models by variants of a short genome (names, facts, facts with practice, all mixed) of
invented worlds, the same worlds and seeds in every arm, and prints what their exams say: means over
seeds with 95 % t intervals, and in how many seeds at least half of the bridges over hidden facts
are right (Wilson's interval). `--canonical`: variants of the canonical genome, which takes five
times as long.

    OMP_NUM_THREADS=1 python benchmarks/school_arms.py --out runs/bridging --experiment bridging
    OMP_NUM_THREADS=1 python benchmarks/school_arms.py --out runs/order --experiment order

Finished runs are not done again, so that several processes may share the work.
"""

import argparse
import copy
import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from school_runs import over, raise_once, result_of
from scipy import stats

from litho.jobs.school.result import SchoolResult
from litho.text.school.canonical import of_world, written
from litho.text.school.world import World

Genome = dict[str, Any]
Found = Mapping[str, Mapping[int, Mapping[str, float]]]  # measures, by arm and seed
WORLDS = 100  # the world of seed 0; nothing was chosen on these
TWO_HOPS = ("two_hop_L1", "two_hop_L2", "two_hop_L3")
L3 = TWO_HOPS[-1]
KINDS = ("fluency", "memorised", "paraphrase", *TWO_HOPS)
LEARNED = 0.5


def short(world: World, tokens: int) -> Genome:
    """Names, facts, facts with practice over two of them, and a tail of everything."""
    genome = of_world(world, tokens)
    names, facts = genome["stages"][:2]
    practice = {"hops": 2, "within_book": False, "per_fact": 1.0, "form": "restated"}
    genome["stages"] = [
        {"id": "primer", "layer": "lexicon", "share": 0.1, "books": names["books"]},
        {"id": "school", "layer": "school", "share": 0.3, "books": facts["books"]},
        {"id": "science", "layer": "science", "share": 0.4, "books": facts["books"],
         "practice": practice},
    ]  # fmt: skip
    del genome["scenes"], genome["crossrefs"]
    genome["budget"]["tail"] = 0.2
    genome["tokenizer"]["vocab"] = 512
    genome["model"] |= {"d": 96, "layers": 3}
    genome["train"] |= {"seq": 128, "batch_tokens": 512, "peak_lr": 3e-3}
    return genome


def practised(form: str, times: float = 1.0) -> Callable[[Genome], None]:
    """Practice over two facts in one form, so many times as often."""

    def change(genome: Genome) -> None:
        for stage in genome["stages"]:
            if stage.get("practice", {}).get("hops") == 2:
                stage["practice"]["form"] = form
                stage["practice"]["per_fact"] *= times

    return change


def asked(hidden: bool) -> Callable[[Genome], None]:
    """Facts are also asked one by one, in the first stage that tells them, answers in full."""

    def change(genome: Genome) -> None:
        practice = {"hops": 1, "per_fact": 1.0, "form": "restated", "hidden_facts": hidden}
        genome["stages"][1]["practice"] = practice

    return change


def conflicts(genome: Genome) -> None:
    """The last stage also reads the surveys, and plays scenes about what they dispute."""
    names, last = list(genome["library"]), genome["stages"][-1]
    genome["scenes"] = [
        {"id": f"conflict-{name}", "kind": "conflict", "book": name, "rate": 0.02} for name in names
    ]
    last["books"] = [*last["books"], *(f"{name}#surveys x4" for name in names)]
    last["scenes"] = [scene["id"] for scene in genome["scenes"]]


def references(genome: Genome) -> None:
    """Pages cite the section whose facts are hidden together with theirs."""
    genome["crossrefs"] = [
        {"id": f"reference-{gap['id']}", "from": gap["between"][0], "to": gap["between"][1],
         "kind": "cite", "rate": 0.1}
        for gap in genome["gaps"]
        if gap["level"] == "L3"
    ]  # fmt: skip


def in_order(*places: int) -> Callable[[Genome], None]:
    def change(genome: Genome) -> None:
        genome["stages"] = [genome["stages"][place] for place in places]

    return change


def without_tail(genome: Genome) -> None:
    """The same stages, byte for byte, and nothing behind them: their checkpoints serve again."""
    rest = 1 - genome["budget"]["tail"]
    genome["budget"] = {"tokens": round(genome["budget"]["tokens"] * rest), "tail": 0.0}
    for stage in genome["stages"]:
        stage["share"] = round(stage["share"] / rest, 6)


def probed(genome: Genome) -> None:
    """It is looked at while it trains, and nothing is done about what is seen."""
    genome["pacing"] = {"probe": 100_000, "advance": {"patience": 1000}, "on_alarm": []}


def both(*changes: Callable[[Genome], None]) -> Callable[[Genome], None]:
    def change(genome: Genome) -> None:
        for each in changes:
            each(genome)

    return change


ORDERS = {  # all orders of the three stages; they permute the same documents
    "names, facts, practice": (0, 1, 2),
    "names, practice, facts": (0, 2, 1),
    "facts, names, practice": (1, 0, 2),
    "facts, practice, names": (1, 2, 0),
    "practice, names, facts": (2, 0, 1),
    "practice, facts, names": (2, 1, 0),
}
EXPERIMENTS: Mapping[str, Mapping[str, Callable[[Genome], None]]] = {
    "bridging": {
        "restated": practised("restated"),  # what the others are compared with
        "direct": practised("direct"),
        "terse": practised("terse"),
        "restated x4": practised("restated", 4),
        "restated, facts asked": asked(hidden=False),
        "restated, all facts asked": asked(hidden=True),
        "direct, all facts asked": both(asked(hidden=True), practised("direct")),
        "all facts asked, conflicts": both(asked(hidden=True), conflicts),
        "all facts asked, references": both(asked(hidden=True), references),
        "all facts asked last": both(asked(hidden=True), in_order(0, 2, 1)),
    },
    "order": {
        f"{name}{said}": both(asked(hidden=True), probed, in_order(*order), *cut)
        for name, order in ORDERS.items()
        for said, cut in (("", ()), (", no tail", (without_tail,)))
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--experiment", choices=sorted(EXPERIMENTS), required=True)
    parser.add_argument("--arms", help="names, with semicolons")
    parser.add_argument("--seeds", default="0,1,2,3,4", help="with commas")
    parser.add_argument("--tokens", type=int, default=3_000_000)
    parser.add_argument("--world", default="4x24x2", help="sciences x entities x relations")
    parser.add_argument("--canonical", action="store_true", help="variants of the canonical genome")
    parser.add_argument("--csv", type=Path, help="file for what each school said")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    arms = EXPERIMENTS[options.experiment]
    chosen = options.arms.split(";") if options.arms else [*arms]
    if unknown := [arm for arm in chosen if arm not in arms]:
        parser.error(f"unknown arms: {', '.join(unknown)} (known: {', '.join(arms)})")
    seeds = [int(seed) for seed in options.seeds.split(",")]
    options.out.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        genome = _genome(seed, options)
        for arm in chosen:
            _raise(genome, arms[arm], options.out / f"{arm.replace(', ', '-')}-{seed}", options)
    found = {arm: _done(options.out, arm, seeds) for arm in chosen}
    if not any(found.values()):
        return  # other processes are at all of them
    if options.csv:
        _write_rows(options.csv, found)
    _print_tables(found)


def _genome(seed: int, options: argparse.Namespace) -> Genome:
    sciences, entities, relations = map(int, options.world.split("x"))
    world = World(WORLDS + seed, sciences, entities, relations)
    return (of_world if options.canonical else short)(world, options.tokens)


def _raise(
    canonical: Genome, change: Callable[[Genome], None], out: Path, options: argparse.Namespace
) -> None:
    genome = copy.deepcopy(canonical)
    change(genome)
    raise_once(
        out.with_suffix(".yaml"),
        written(genome),
        out,
        checkpoints=options.out / "checkpoints",
        device=options.device,
    )


def _write_rows(path: Path, found: Found) -> None:
    rows = [
        {"arm": arm, "seed": seed, **{name: round(value, 4) for name, value in said.items()}}
        for arm, by_seed in found.items()
        for seed, said in by_seed.items()
    ]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _print_tables(found: Found) -> None:
    """Means over seeds, and differences from the first arm on the same seeds; t intervals."""
    names = list(next(iter(next(some for some in found.values() if some).values())))
    print("| arm | seeds |", " | ".join(names), "| L3 learned |")
    print("| --- " * (len(names) + 3) + "|")
    for arm, by_seed in found.items():
        cells = [over([said[name] for said in by_seed.values()]) for name in names]
        hidden = [max(said[L3], said[f"{L3} aloud"]) for said in by_seed.values()]
        learned = sum(value >= LEARNED for value in hidden)
        if hidden:
            low, high = stats.binomtest(learned, len(hidden)).proportion_ci(method="wilson")
            cells.append(f"{learned} of {len(hidden)} [{low:.2f}, {high:.2f}]")
        print(f"| {arm} | {len(by_seed)} |", " | ".join(cells), "|")
    base, *others = found
    for arm in others:
        both = [seed for seed in found[arm] if seed in found[base]]
        cells = [over([found[arm][i][name] - found[base][i][name] for i in both]) for name in names]
        print(f"| {arm} less {base} | {len(both)} |", " | ".join(cells), "|")


def _done(out: Path, arm: str, seeds: Sequence[int]) -> dict[int, dict[str, float]]:
    """What the finished schools of an arm said, by seed."""
    folders = {seed: out / f"{arm.replace(', ', '-')}-{seed}" for seed in seeds}
    results = {seed: result_of(folder) for seed, folder in folders.items()}
    return {seed: measures(result) for seed, result in results.items() if result}


def measures(result: SchoolResult) -> dict[str, float]:
    """What the exam of a school said."""
    assert result.exam
    tests = result.exam.tests
    said = {kind: tests[kind].accuracy.value for kind in KINDS}
    said |= {f"{L3} bits": tests[L3].bits}
    for kind in TWO_HOPS:
        if spoken := tests[kind].spoken:
            said[f"{kind} aloud"] = spoken.accuracy.value
    if (spoken := tests[L3].spoken) and spoken.chain:
        said |= {f"{L3} {link}": estimate.value for link, estimate in spoken.chain}
    return {name: value for name, value in said.items() if value is not None}


if __name__ == "__main__":
    main()
