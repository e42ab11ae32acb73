"""Many pages in one adapter, together and one after the other: results/handbook.md.

Reads the same files as imprint_texts.py. `together` prints the first pages into one adapter;
`singles` prints each into one of its own, to compare imprint and time; `onto` prints page after
page, each onto the run before, and says what is left of each after the last (backward transfer).
Finished runs are not done again.

    python benchmarks/handbook.py TEXTS.jsonl PROSE.txt --out runs/handbook --count 20
"""

import argparse
from pathlib import Path
from typing import Any

from imprint_texts import over_texts, probes_of, read_texts

import litho
from litho.cli.console import Bars
from litho.core.config import load_config
from litho.core.runs import PARTIAL, RunDirectory
from litho.jobs.imprint.config import ImprintConfig
from litho.jobs.imprint.result import ImprintResult
from litho.show.wording import cell

KINDS = ("mem", "gen", "hard")
Row = dict[str, Any]


def done(
    path: Path, rows: list[Row], prose: str, config: ImprintConfig, onto: Path | None = None
) -> ImprintResult:
    """The result of a run on some pages, which is begun or gone on with if it is not there."""
    files = path.with_name(f"{path.name}-pages")
    files.mkdir(parents=True, exist_ok=True)
    pages = [files / f"{row['id']}.md" for row in rows]
    for page, row in zip(pages, rows, strict=True):
        page.write_text(row["train_context"].strip(), encoding="utf-8")
    probes = {page.name: probes_of(row) for page, row in zip(pages, rows, strict=True)}
    with Bars() as bars:
        if path.with_name(path.name + PARTIAL).exists():
            litho.resume(path, progress=bars)
        elif not path.exists():
            given = {"probes": probes, "retention": prose, "onto": onto, "out": path}
            litho.imprint(pages, config=config, progress=bars, **given)  # type: ignore[arg-type]
    return ImprintResult(**RunDirectory.opened(path).read_json("metrics.json"))


def together(rows: list[Row], prose: str, out: Path, config: ImprintConfig) -> None:
    result = done(out / f"together-{len(rows)}", rows, prose, config)
    print(
        f"\n{len(rows)} pages in one adapter: {result.seconds:.0f} s, {result.presentations} steps"
    )
    print("D_ret", cell(result.drift.retention, 4), "scaled to", f"{result.scale:.2f}")
    print("| page | I mem | I gen | I hard |\n| --- | --- | --- | --- |")
    for page in result.pages:
        print(f"| {page.name} | " + " | ".join(cell(page.imprint[k]) for k in KINDS) + " |")
    means = [over_texts([page.imprint[k].value for page in result.pages]) for k in KINDS]
    print("| mean | " + " | ".join(map(cell, means)) + " |")


def singles(rows: list[Row], prose: str, out: Path, config: ImprintConfig) -> None:
    results = [done(out / f"single-{row['id']}", [row], prose, config) for row in rows]
    print(f"\n{len(rows)} single prints: {sum(r.seconds for r in results):.0f} s")
    for kind in KINDS:
        print(f"mean I {kind}", cell(over_texts([r.imprint[kind].value for r in results])))
    print("mean D_ret", cell(over_texts([r.drift.retention.value for r in results]), 4))


def one_after_the_other(rows: list[Row], prose: str, out: Path, config: ImprintConfig) -> None:
    """The budget grows with the pages, so that each has the same share of it."""
    fresh: list[float | None] = []
    onto: Path | None = None
    for number, row in enumerate(rows, 1):
        share = config.model_copy(update={"budget": config.budget * number / len(rows)})
        path = out / f"onto-{number}"
        result = done(path, [row], prose, share, onto)
        fresh.append(result.imprint["gen"].value)
        onto = path
    print(f"\n{len(rows)} pages one after the other; D_ret at the end:", end=" ")
    print(cell(result.drift.retention, 4))
    left = {page.name: page.imprint["gen"].value for page in result.pages}
    print("| page | I gen right after it | after the last |\n| --- | --- | --- |")
    for row, value in zip(rows, fresh, strict=True):
        shown = [value, left[f"{row['id']}.md"] if len(rows) > 1 else value]
        print(
            f"| {row['id']} | " + " | ".join("-" if v is None else f"{v:.2f}" for v in shown) + " |"
        )
    kept = [
        now / then
        for row, then in list(zip(rows, fresh, strict=True))[:-1]
        if then and (now := left[f"{row['id']}.md"]) is not None
    ]
    print("kept by the earlier ones, mean of the ratios:", cell(over_texts([*kept])))


WAYS = {"together": together, "singles": singles, "onto": one_after_the_other}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("texts", type=Path)
    parser.add_argument("prose", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--ways", default="together,singles,onto", help=", ".join(WAYS))
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    config = load_config(ImprintConfig, None, ["controls=none", *options.set])
    rows = read_texts(options.texts, options.count)
    prose = options.prose.read_text(encoding="utf-8")
    for way in options.ways.split(","):
        WAYS[way](rows, prose, options.out, config)


if __name__ == "__main__":
    main()
