"""What a user could do instead of `litho imprint`, on the same pages: results/alternatives.md.

Reads a folder of pages as `registers.py` does and measures, with the same probes and the same
retention text: the model without the page, the page in the context, retrieval, a Cartridge and
plain LoRA at two learning rates each, LoRA on paraphrases by the model, context distillation into a
LoRA, and the imprint of finished runs of `registers.py`. What is trained gets `--seconds` of the
processor a page, with the making of its own training texts and without measuring.

    OMP_NUM_THREADS=1 python benchmarks/registers.py PAGES --out runs/registers --set controls=none
    OMP_NUM_THREADS=1 python benchmarks/alternatives.py PAGES --out runs/alternatives \
        --imprint runs/registers --only recipe,news

Results are kept in `--out`, so that the same command goes on with what is not there yet; several
processes may share the work.
"""

import argparse
import hashlib
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from alternatives_cartridge import cartridge
from alternatives_imprint import imprinted, result_of
from alternatives_lora import paraphrased, plain
from alternatives_page import Alternative, Bench, Page, Row, measured
from alternatives_reading import context, nothing, retrieval
from alternatives_study import distilled
from alternatives_table import print_tables
from registers import page_probes

from litho.core.work import Result, Work, WorkLedger
from litho.jobs.imprint.baseline import Baseline, measure_baseline
from litho.jobs.imprint.config import ImprintSpec
from litho.measure.printing.drift import retention_blocks
from litho.measure.scenes import open_book_scenes
from litho.model.loading import load
from litho.model.placement import DTYPES, training_dtype
from litho.model.sources import DEFAULT, locate
from litho.text.pages import Page as Printed

SECONDS = 300.0  # of the processor: about what an imprint of a page takes on one idle core
IMPRINTED = "imprint"
ALTERNATIVES: dict[str, Alternative] = {
    "nothing": nothing,
    "context": context,
    "retrieval": retrieval,
    "cartridge 1e-3": partial(cartridge, rate=1e-3),  # that of PEFT's example
    "cartridge 1e-2": partial(cartridge, rate=1e-2),
    "distillation": distilled,
    "LoRA 2e-4": partial(plain, rate=2e-4),
    "LoRA 1e-3": partial(plain, rate=1e-3),
    "paraphrases 2e-4": partial(paraphrased, rate=2e-4),
    "paraphrases 1e-3": partial(paraphrased, rate=1e-3),
}
READING = ("nothing", "context", "retrieval")  # which train nothing


def prepare(bench: Bench, pages: Path, name: str, ledger: WorkLedger) -> Page:
    """A page with what the model says about it before anything is done."""
    text = (pages / f"{name}.md").read_text(encoding="utf-8")
    printed = Printed(name=name, text=text, probes=tuple(page_probes(pages, name)))
    spec = ImprintSpec(
        pages=(printed,),
        retention=(pages / "retention.txt").read_text(encoding="utf-8"),
        model=DEFAULT,
    )
    whole = hashlib.sha256(spec.model_dump_json().encode()).hexdigest()

    def baseline() -> Result:
        scenes = [open_book_scenes(bench.exact, text)]
        neighbours = spec.neighbours()
        return measure_baseline(
            bench.exact, spec.pages, scenes, range(1), neighbours, seed=0
        ).model_dump()

    def kept(piece: str, compute: Callable[[], Result]) -> Result:
        made_from = {"page": whole, "piece": piece, "seconds": bench.seconds}
        return ledger.complete([(made_from, compute)])[0]

    (before,) = ledger.complete([({"page": whole, "piece": "baseline"}, baseline)])
    rows = retention_blocks(bench.exact, spec.retention_text(), spec.config.retention_tokens)
    return Page(name, text, Baseline(**before), rows, kept)


def works(bench: Bench, page: Page, chosen: Sequence[str], runs: Path | None) -> list[Work]:
    """All that is to be measured on a page, each with what it is made from."""
    text = hashlib.sha256(page.baseline.scored.model_dump_json().encode()).hexdigest()
    found: list[Work] = []
    for name in chosen:
        made_from = {"page": text, "name": page.name, "alternative": name}
        if name == IMPRINTED:
            folder = (runs or Path()) / page.name
            if runs is None or not (folder / "metrics.json").exists():
                continue
            made_from["adapter"] = result_of(folder).adapter_sha256
            alternative: Alternative = partial(imprinted, folder=folder)
        else:
            alternative = ALTERNATIVES[name]
            made_from["seconds"] = "0" if name in READING else str(bench.seconds)
        found.append((made_from, partial(_rows, bench, page, name, alternative)))
    return found


def _rows(bench: Bench, page: Page, name: str, alternative: Alternative) -> Result:
    print(f"{page.name}: {name}", flush=True)
    rows = [measured(name, page, ready) for ready in alternative(bench, page)]
    return {"rows": [json.loads(row.model_dump_json()) for row in rows]}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pages", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", help="names of pages, with commas")
    parser.add_argument("--alternatives", help="names of alternatives, with commas")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for each that is trained")
    parser.add_argument("--imprint", type=Path, help="finished runs of registers.py")
    options = parser.parse_args()
    names = sorted(path.stem for path in options.pages.glob("*.md") if path.stem != "README")
    if options.only:
        names = options.only.split(",")
    chosen = [*ALTERNATIVES, IMPRINTED]
    if options.alternatives:
        chosen = options.alternatives.split(",")
        if unknown := set(chosen) - {*ALTERNATIVES, IMPRINTED}:
            parser.error(f"no alternative is called {min(unknown)!r}")
    options.out.mkdir(parents=True, exist_ok=True)
    ledger = WorkLedger(options.out)
    exact, trained = (
        load(locate(DEFAULT), DTYPES[dtype]) for dtype in ("float32", training_dtype("cpu"))
    )
    bench = Bench(exact, trained, options.seconds)
    rows: dict[str, list[Row]] = {}
    for name in names:
        page = prepare(bench, options.pages, name, ledger)
        results = ledger.complete(works(bench, page, chosen, options.imprint))
        rows[name] = [Row(**row) for result in results for row in result["rows"]]
    print_tables(rows)


if __name__ == "__main__":
    main()
