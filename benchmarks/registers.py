"""Imprint and drift on pages of many registers: the table in results/registers.md.

Reads a folder of pages, `NAME.md` with `NAME.probes.jsonl` and `NAME.chat.jsonl`, and its
`retention.txt`, varied prose
on which drift is measured; runs `litho imprint` on each and prints a table with bootstrap intervals
over pages. Finished runs are not done again, so that several processes may share the pages.

    OMP_NUM_THREADS=1 python benchmarks/registers.py PAGES --out runs/registers
    python benchmarks/registers.py PAGES --out runs/other --only story,contract --set rank=32
"""

import argparse
from pathlib import Path

from imprint_texts import print_table

import litho
from litho.cli.console import Bars
from litho.core.config import load_config
from litho.core.runs import PARTIAL, RunDirectory
from litho.jobs.imprint.config import ImprintConfig
from litho.jobs.imprint.result import ImprintResult
from litho.model.loading import load
from litho.model.placement import Placement
from litho.model.sources import DEFAULT, locate
from litho.text.items import Probe, read_probes


def page_probes(pages: Path, name: str) -> list[Probe]:
    """The probes of a page, with its chat questions if it has any."""
    files = [pages / f"{name}.{kind}.jsonl" for kind in ("probes", "chat")]
    return [probe for file in files if file.exists() for probe in read_probes(file)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pages", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", help="names of pages, with commas")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    config = load_config(ImprintConfig, None, options.set)
    names = sorted(path.stem for path in options.pages.glob("*.md") if path.stem != "README")
    if options.only:
        names = options.only.split(",")
    model = load(locate(DEFAULT), Placement.parse(options.device))
    for name in names:
        path = options.out / name
        if path.exists() or path.with_name(name + PARTIAL).exists():
            continue  # done, or another process is at it
        with Bars() as bars:
            litho.imprint(
                options.pages / f"{name}.md",
                model,
                probes=page_probes(options.pages, name),
                retention=options.pages / "retention.txt",
                out=path,
                config=config,
                progress=bars,
            )
    done = [name for name in names if (options.out / name).exists()]
    folders = [RunDirectory.opened(options.out / name) for name in done]
    print_table(done, [ImprintResult(**folder.read_json("metrics.json")) for folder in folders])


if __name__ == "__main__":
    main()
