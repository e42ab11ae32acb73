"""What a model still gets wrong, or as many more presentations: results/rewriting.md.

Reads texts and prose as `imprint_texts.py` does, prints each text in few presentations, lets
`litho rewrite` go on from there in both arms, and prints a table. Finished runs are not done again.

    python benchmarks/rewriting_pages.py TEXTS.jsonl PROSE.txt --out runs/pages --only 5
"""

import argparse
from pathlib import Path
from typing import Any

from imprint_texts import probes_of, read_texts

import litho
from litho.cli.console import Bars
from litho.core.runs import PARTIAL, RunDirectory
from litho.jobs.reprint.result import ReprintResult
from litho.show.wording import cell

TESTS = {"mem": 2, "gen": 2, "hard": 2, "anchor": 2, "drift": 4}  # digits


def printed(row: dict[str, Any], prose: str, folder: Path, presentations: int) -> Path:
    """A run of `litho imprint` of a text, without its control."""
    path = folder / row["id"]
    with Bars() as bars:
        if path.with_name(path.name + PARTIAL).exists():
            litho.resume(path, progress=bars)
        elif not path.exists():
            litho.imprint(
                row["train_context"].strip(),
                probes=probes_of(row),
                retention=prose,
                out=path,
                progress=bars,
                presentations=presentations,
                controls="none",
            )
    return path


def rewritten(run: Path, rounds: int, presentations: int, judge: str) -> ReprintResult:
    out = run.with_name(f"{run.name}-rewritten-{judge}")
    if not out.exists():
        with Bars() as bars:
            litho.rewrite_pages(
                run,
                out,
                progress=bars,
                arms=("rewrite", "more"),
                rounds=rounds,
                presentations=presentations,
                judge=judge,
            )
    return ReprintResult(**RunDirectory.opened(out).read_json("metrics.json"))


def print_rounds(name: str, result: ReprintResult) -> None:
    print(f"| {name} | imprint | 0 | | | " + _cells(result.before))
    for arm in result.arms.values():
        for v in arm.rounds:
            asked = f"{v.failed} of {v.asked}" if v.asked else ""
            print(f"| {name} | {arm.arm} | {v.number} | {asked} | {v.rewritten:.0%} | ", end="")
            print(_cells(v.tests))
        print(f"<!-- {arm.arm}: best {arm.best}, {arm.stopped} -->")


def _cells(tests: dict[str, Any]) -> str:
    return " | ".join(cell(tests[test], digits) for test, digits in TESTS.items()) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("texts", type=Path)
    parser.add_argument("prose", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", default="5", help="positions, such as 1,4")
    parser.add_argument("--printed", type=int, default=12, help="presentations of the imprint")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--presentations", type=int, default=8, help="of a round")
    parser.add_argument("--judge", default="exact")
    options = parser.parse_args()
    places = [int(i) for i in options.only.split(",")]
    rows = read_texts(options.texts, max(places) + 1)
    prose = options.prose.read_text(encoding="utf-8")
    heads = ["text", "arm", "round", "failed", "rewritten", *TESTS]
    print(f"| {' | '.join(heads)} |\n{'| --- ' * len(heads)}|")
    for row in (rows[i] for i in places):
        run = printed(row, prose, options.out, options.printed)
        result = rewritten(run, options.rounds, options.presentations, options.judge)
        print_rounds(row["id"], result)


if __name__ == "__main__":
    main()
