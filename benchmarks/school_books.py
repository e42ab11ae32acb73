"""Does the order of real books matter to a small model? Results: results/school-books.md.

Raises models on a folder of books by its canonical genome, and by orders in which each stage reads
as many books, drawn from all, each about once in every arm. Prints what the exams say, by kind,
and what books cost each model to read at the end: bits per byte over pages of all sections, means
over the books of a layer, and the canonical order less the shuffled one on the same seeds.

    OMP_NUM_THREADS=1 python benchmarks/school_books.py BOOKS --out runs/books --seeds 0,1,2

Finished runs are not done again, so that several processes may share the work.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from school_runs import over, raise_once, result_of

import litho
from litho.show.wording import cell
from litho.text.school.canonical import of_folder, rewritten, written
from litho.text.school.chance import chance
from litho.text.school.genome import parse_genome, read_genome, read_of
from litho.text.school.variation.children import shuffled

ARMS = ("canonical", "shuffled")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("books", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--arms", default=",".join(ARMS))
    parser.add_argument("--seeds", default="0,1,2", help="with commas")
    parser.add_argument("--tokens", type=int, help="none: each book about once")
    parser.add_argument("--shape", default="128x4x4", help="width x blocks x heads")
    parser.add_argument("--batch", type=int, default=1024, help="tokens of a step")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for seed in map(int, options.seeds.split(",")):
        for arm in options.arms.split(","):
            out = options.out / f"{arm}-{seed}"
            genome = _genome(options, arm, seed)
            raise_once(out.with_suffix(".yaml"), genome, out, device=options.device)
    seeds = [int(seed) for seed in options.seeds.split(",")]
    read: dict[str, dict[int, dict[str, float]]] = {}
    for arm in options.arms.split(","):
        for seed in seeds:
            out = options.out / f"{arm}-{seed}"
            _print_row(out, arm, seed)
            if out.exists():
                read.setdefault(arm, {})[seed] = _by_layer(options.out, out, options.device)
    _print_layers(read)


def _genome(options: argparse.Namespace, arm: str, seed: int) -> str:
    """As YAML, with books named from the folder of the runs."""
    path = options.out / "school.yaml"
    d, layers, heads = map(int, options.shape.split("x"))
    genome: dict[str, Any] = of_folder(options.books, path) | {"seed": seed}
    genome["model"] = {"d": d, "layers": layers, "heads": heads}
    genome["train"] = {"batch_tokens": options.batch}
    if options.tokens:
        genome["budget"]["tokens"] = options.tokens
    if arm == "canonical":
        return written(genome)
    given = parse_genome(written(genome), str(path), options.out)
    order = shuffled(given, "books", chance(seed, arm), options.out)
    return rewritten(order)


def _print_row(out: Path, arm: str, seed: int) -> None:
    result = result_of(out)
    if result is None:
        return
    assert result.exam
    said = [
        f"{kind} {cell(each.accuracy)} of {each.n}, chance {each.chance:.2f}"
        for kind, each in result.exam.tests.items()
        if each.n
    ]
    print(arm, seed, f"{result.tokens} tokens, {result.seconds:.0f} s", *said, sep=" | ")


def _by_layer(folder: Path, run: Path, device: str) -> dict[str, float]:
    """Mean bits per byte of the books of each layer of the canonical genome."""
    kept = run.with_suffix(".map.json")
    if not kept.exists():
        genome = next(folder.glob("canonical-*.yaml"))
        checked = litho.check_genome(genome, model=str(run / "model"), device=device)
        assert checked.compression
        bits = {each.book: each.bits.value or 0.0 for each in checked.compression.books}
        layers = {
            stage.layer: fmean(bits[read_of(book).book] for book in stage.books)
            for stage in read_genome(genome).stages
        }
        kept.write_text(json.dumps(layers | {"all": fmean(bits.values())}))
    found: dict[str, float] = json.loads(kept.read_text())
    return found


def _print_layers(read: Mapping[str, Mapping[int, Mapping[str, float]]]) -> None:
    names = list(next(iter(next(iter(read.values())).values()))) if read else []
    print("\n| bits per byte | seeds |", " | ".join(names), "|")
    print("| --- " * (len(names) + 2) + "|")
    for arm, by_seed in read.items():
        cells = [over([said[name] for said in by_seed.values()], 3) for name in names]
        print(f"| {arm} | {len(by_seed)} |", " | ".join(cells), "|")
    if set(ARMS) <= set(read):
        one, other = (read[arm] for arm in ARMS)
        both = [seed for seed in one if seed in other]
        cells = [over([one[seed][name] - other[seed][name] for seed in both], 3) for name in names]
        print(f"| {' less '.join(ARMS)} | {len(both)} |", " | ".join(cells), "|")


if __name__ == "__main__":
    main()
