"""Imprint, drift and control over several texts: the tables in results/imprint-texts.md.

Reads a JSONL file of texts with cloze probes (`train_context`, `mem_input`, `mem_target`, and the
same for `gen` and `hard_gen`; the Fictional Knowledge format of Chang et al. 2024) and a file of
unrelated prose, runs `litho imprint` on the first texts that have paraphrases, and prints a table
with bootstrap intervals over texts. Finished runs are not done again.

    python benchmarks/imprint_texts.py TEXTS.jsonl PROSE.txt --out runs/bench
"""

import argparse
import json
from pathlib import Path
from typing import Any

import litho
from litho.cli.console import Bars
from litho.core import stats
from litho.core.config import load_config
from litho.core.runs import PARTIAL, RunDirectory
from litho.core.stats import Estimate
from litho.jobs.imprint.config import ImprintConfig
from litho.jobs.imprint.result import ImprintResult
from litho.show.wording import cell
from litho.text.items import Probe

KINDS = {"mem": "mem", "gen": "gen", "hard": "hard_gen"}


def read_texts(path: Path, count: int) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [row for row in rows if row["paraphrases"]][:count]


def probes_of(row: dict[str, Any]) -> list[Probe]:
    return [
        Probe(kind=kind, prefix=prefix.strip(), target=target.strip())
        for kind, key in KINDS.items()
        for prefix, target in zip(row[f"{key}_input"], row[f"{key}_target"], strict=True)
    ]


def run_text(row: dict[str, Any], prose: str, folder: Path, config: ImprintConfig) -> ImprintResult:
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
                config=config,
                progress=bars,
            )
    return ImprintResult(**RunDirectory.opened(path).read_json("metrics.json"))


def over_texts(values: list[float | None]) -> Estimate:
    return stats.mean([v for v in values if v is not None])


def print_table(names: list[str], results: list[ImprintResult]) -> None:
    print("| text | presentations | I mem | I gen | I hard | D_ret | spill | locality | verdict |")
    print("| --- " * 9 + "|")
    for name, r in zip(names, results, strict=True):
        numbers = [cell(r.imprint[k]) for k in KINDS]
        numbers += [cell(r.drift.retention, 4), cell(r.spill), cell(r.locality), r.verdict]
        print(f"| {name} | {r.presentations} | " + " | ".join(numbers) + " |")
    arms = {"mean, imprint": results}
    if all("duplicates" in r.controls for r in results):
        arms["mean, duplicates"] = [r.controls["duplicates"] for r in results]  # type: ignore[misc]
    for title, arm in arms.items():
        numbers = [cell(over_texts([a.imprint[k].value for a in arm])) for k in KINDS]
        numbers.append(cell(over_texts([a.drift.retention.value for a in arm]), 4))
        numbers += [
            cell(over_texts([getattr(a, k).value for a in arm])) for k in ("spill", "locality")
        ]
        print(f"| {title} | | " + " | ".join(numbers) + " | |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("texts", type=Path)
    parser.add_argument("prose", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=6)
    parser.add_argument("--only", default="", help="positions, such as 1,4")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    config = load_config(ImprintConfig, None, options.set)
    rows = read_texts(options.texts, options.count)
    if options.only:
        rows = [rows[int(i)] for i in options.only.split(",")]
    prose = options.prose.read_text(encoding="utf-8")
    results = [run_text(row, prose, options.out, config) for row in rows]
    print_table([row["id"] for row in rows], results)


if __name__ == "__main__":
    main()
