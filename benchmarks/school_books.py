"""Does the order of real books matter to a small model? Prepared, and not run at size yet.

Raises models on a folder of books by its canonical genome, and by orders in which each stage reads
as many books, drawn from all, each about once in every arm. Prints what the exams say, by kind.

    OMP_NUM_THREADS=1 python benchmarks/school_books.py BOOKS --out runs/books --seeds 0,1,2

Finished runs are not done again, so that several processes may share the work.
"""

import argparse
from pathlib import Path
from typing import Any

from school_runs import raise_once, result_of

from litho.show.wording import cell
from litho.text.school.canonical import of_folder, rewritten, written
from litho.text.school.chance import chance
from litho.text.school.genome import parse_genome
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
    for arm in options.arms.split(","):
        for seed in map(int, options.seeds.split(",")):
            _print_row(options.out / f"{arm}-{seed}", arm, seed)


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


if __name__ == "__main__":
    main()
