"""Plain LoRA as people do it, beside Litho on the same pages.

Rank 16, alpha 32, all linear layers, no dropout, AdamW at 2e-4, where guides begin (Unsloth's LoRA
hyperparameters guide; alpha is one or two times the rank), and at 1e-3. The page is one row,
presented again and again at a constant rate, and the training is stopped where its imprint on
rewordings was best: that looks at the probes of the report, in favour of plain LoRA. Drift is over
all blocks of the retention text at every check, on the training copy of the model.

Reads finished runs of `litho imprint`, such as those of `benchmarks/registers.py`, for the pages,
their probes and what Litho reached. What is finished is not done again, so that several processes
may share the pages.

    OMP_NUM_THREADS=1 python benchmarks/registers.py PAGES --out runs/registers --set controls=none
    OMP_NUM_THREADS=1 python benchmarks/plain_lora.py runs/registers --out runs/plain-lora
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from imprint_texts import over_texts
from pydantic import BaseModel

from litho.core.runs import RunDirectory
from litho.jobs.imprint.baseline import Baseline
from litho.jobs.imprint.config import ImprintSpec
from litho.jobs.imprint.result import ImprintResult
from litho.learn.drift import Replay
from litho.learn.recipe import TRAINED, adapter_of, follow
from litho.learn.records import Recipe
from litho.measure.printing.curve import SameImprint, drift_at
from litho.measure.printing.drift import retention_blocks
from litho.measure.printing.imprint import imprint_by_kind
from litho.measure.printing.probes import score
from litho.model.adapters import lora
from litho.model.loaded import LanguageModel
from litho.model.loading import load
from litho.model.placement import DTYPES, training_dtype
from litho.model.sources import DEFAULT, locate
from litho.model.state import State
from litho.show.wording import cell

RATES = (2e-4, 1e-3)
RETENTION_TOKENS = 1536  # twelve blocks
PATIENCE = 5  # checks without a better imprint


class Check(BaseModel):
    """What was measured after so many presentations."""

    presentations: int
    imprint: dict[str, float | None]
    drift: float  # nats per token


class Plain(BaseModel):
    """A plain training on a page."""

    page: str
    rate: float
    checks: list[Check]

    @property
    def best(self) -> Check:
        """Where its imprint on rewordings was highest, the first of equals."""
        return max(self.checks, key=lambda check: check.imprint["gen"] or 0.0)

    def at(self, imprint: float) -> SameImprint:
        """Its drift where its imprint on rewordings was as given."""
        return drift_at([(check.imprint["gen"], check.drift) for check in self.checks], imprint)


def train(model: LanguageModel, run: RunDirectory, recipe: Recipe, every: int) -> Iterator[Check]:
    """Present the page of a run again and again, with a check now and then."""
    inputs = ImprintSpec(**run.read_json("inputs.json"))
    (page,) = inputs.pages
    scored = Baseline(**run.read_json("baseline.json")).scored
    blocks = retention_blocks(model, inputs.retention_text(), RETENTION_TOKENS)
    retention = Replay.read(model, blocks)
    with lora.fresh(model, TRAINED, adapter_of(model, recipe)):
        state = State(model, (TRAINED,))
        best, since = float("-inf"), 0
        for done, _ in follow(model, TRAINED, recipe, model.encode(page.text)):
            if done % every and done != recipe.steps:
                continue
            imprint = imprint_by_kind(scored, score(state, scored.probes))
            check = Check(
                presentations=done,
                imprint={kind: estimate.value for kind, estimate in imprint.items()},
                drift=retention.drift(state),
            )
            yield check
            gen = check.imprint["gen"] or 0.0
            best, since = (gen, 0) if gen > best else (best, since + 1)
            if since == PATIENCE:
                return


def print_tables(trainings: list[Plain], litho: dict[str, ImprintResult]) -> None:
    """A row a page and rate, then means over pages."""
    print(
        "| page | rate | stopped after | I gen | I hard | D_ret | Litho: I gen, D_ret "
        "| D_ret at that I gen |"
    )
    print("| --- " * 8 + "|")
    for one in trainings:
        own, best = litho[one.page], one.best
        reached = own.imprint["gen"].value
        there = _said(one.at(reached)) if reached is not None else "-"
        row = [one.page, f"{one.rate:g}", str(best.presentations), _number(best.imprint["gen"])]
        row += [_number(best.imprint["hard"]), f"{best.drift:.4f}"]
        row += [f"{_number(reached)}, {cell(own.drift.retention, 4)}", there]
        print("| " + " | ".join(row) + " |")
    print()
    print("| over pages | n | I gen | I hard | D_ret |")
    print("| --- " * 5 + "|")
    for rate in RATES:
        bests = [one.best for one in trainings if one.rate == rate]
        _print_mean(
            f"plain LoRA, {rate:g}",
            [best.imprint["gen"] for best in bests],
            [best.imprint["hard"] for best in bests],
            [best.drift for best in bests],
        )
    pages = [litho[name] for name in dict.fromkeys(one.page for one in trainings)]
    _print_mean(
        "Litho",
        [own.imprint["gen"].value for own in pages],
        [own.imprint["hard"].value for own in pages],
        [own.drift.retention.value for own in pages],
    )


def _print_mean(
    title: str,
    gen: list[float | None],
    hard: list[float | None],
    drift: Sequence[float | None],
) -> None:
    means = [cell(over_texts(gen)), cell(over_texts(hard)), cell(over_texts([*drift]), 4)]
    print(f"| {title} | {len(gen)} | " + " | ".join(means) + " |")


def _said(same: SameImprint) -> str:
    if same.drift is None:
        return f"never reached, at best {_number(same.best)}"
    if same.found == "upper bound":
        return f"at most {same.drift:.4f}"
    low, high = same.between or (same.drift, same.drift)
    return f"{same.drift:.4f} ({low:.4f} to {high:.4f})"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", type=Path, help="folder of finished runs, one a page")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", help="names of pages, with commas")
    parser.add_argument("--steps", type=int, default=100, help="presentations at most")
    parser.add_argument("--every", type=int, default=5, help="presentations between two checks")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    finished = sorted(path.parent.name for path in options.runs.glob("*/metrics.json"))
    names = options.only.split(",") if options.only else finished
    runs = {name: RunDirectory.opened(options.runs / name) for name in names}
    options.out.mkdir(parents=True, exist_ok=True)
    model = load(locate(DEFAULT), DTYPES[training_dtype()])
    for name, run in runs.items():
        for rate in RATES:
            path = options.out / f"{name}-{rate:g}.json"
            if path.exists():
                continue
            recipe = Recipe(
                rank=16, alpha=32, learning_rate=rate, steps=options.steps, seed=options.seed
            )
            plain = Plain(page=name, rate=rate, checks=[])
            for check in train(model, run, recipe, options.every):
                print(name, f"{rate:g}", check.model_dump_json(), flush=True)
                plain.checks.append(check)
            path.write_text(plain.model_dump_json(), encoding="utf-8")
    trainings = [
        Plain.model_validate_json((options.out / f"{name}-{rate:g}.json").read_text("utf-8"))
        for name in names
        for rate in RATES
    ]
    results = {name: ImprintResult(**run.read_json("metrics.json")) for name, run in runs.items()}
    print_tables(trainings, results)


if __name__ == "__main__":
    main()
