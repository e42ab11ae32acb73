"""Ensembles as the command line calls them: run what is left, show what agrees."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from rich.table import Table

from litho.cli.console import Bars, results
from litho.core.config import load_config
from litho.core.errors import Interrupted
from litho.core.executors import check_cluster
from litho.core.files import whole_file
from litho.core.stats import Estimate
from litho.jobs.ensemble.config import EnsemblePlan
from litho.jobs.ensemble.run import Ensemble, RunEffect
from litho.measure.agreement import Effects, rank_agreement, tally
from litho.show.wording import cell, leak_sentence
from litho.text.items import leaks, read_questions, read_texts


def ensemble(
    plan_file: Path, out: Path, cluster: str | None, assignments: Sequence[str], as_json: bool
) -> None:
    """Run a plan; the same command goes on where an earlier one stopped."""
    plan = load_config(EnsemblePlan, plan_file, assignments)
    texts = read_texts(plan_file.parent / plan.texts)
    questions = read_questions(plan_file.parent / plan.probes)
    if cluster:
        check_cluster(cluster)
    try:
        with Bars() as bars:
            found = Ensemble(plan, texts, questions, out, bars, cluster).run()
    except KeyboardInterrupt:
        raise Interrupted("stopped; the same command goes on from here") from None
    with whole_file(out / "effects.parquet") as path:
        pq.write_table(pa.Table.from_pylist(_rows(found, [q.id for q in questions])), path)
    summary = {
        "run": str(out),
        "texts": len(texts),
        "probes": len(questions),
        "agreement": _agreement(plan, found),
        "leaks": [{"text": text, "probe": question} for text, question in leaks(texts, questions)],
    }
    with whole_file(out / "metrics.json") as path:
        path.write_text(json.dumps(summary, ensure_ascii=False), encoding="utf-8")
    if as_json:
        print(json.dumps(summary, ensure_ascii=False))
    else:
        _show(summary)


def _rows(found: Sequence[RunEffect], questions: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {
            "model": effect.run.model,
            "recipe": effect.run.number,
            "seed": effect.run.recipe.seed,
            "step": effect.step,
            "text": effect.run.text.id,
            "probe": question,
            "delta": delta,
        }
        for effect in found
        for question, delta in zip(questions, effect.deltas, strict=True)
    ]


def _agreement(plan: EnsemblePlan, found: Sequence[RunEffect]) -> list[dict[str, Any]]:
    """For each recipe and number of steps: agreement of seeds and of models, and the claims."""
    rows = []
    for number, recipe in enumerate(plan.recipes):
        for step in plan.steps_of(recipe):
            here = [e for e in found if (e.run.number, e.step) == (number, step)]
            by_model = [_by_seed(plan, here, model) for model in plan.models]
            means = [_mean(seeds) for seeds in by_model]
            rows.append(
                {
                    "recipe": number,
                    "step": step,
                    "seeds": {
                        model: rank_agreement(seeds).model_dump()
                        for model, seeds in zip(plan.models, by_model, strict=True)
                    },
                    "models": rank_agreement(means).model_dump(),
                    "claims": tally(by_model).model_dump(),
                }
            )
    return rows


def _by_seed(plan: EnsemblePlan, found: Sequence[RunEffect], model: str) -> list[Effects]:
    own = [e for e in found if e.run.model == model]
    return [{e.run.text.id: e.deltas for e in own if e.run.recipe.seed == s} for s in plan.seeds]


def _mean(seeds: Sequence[Effects]) -> Effects:
    """Over the seeds that a text was trained with."""
    rows = {text: [each[text] for each in seeds if text in each] for each in seeds for text in each}
    return {
        text: [sum(column) / len(column) for column in zip(*each, strict=True)]
        for text, each in rows.items()
    }


def _show(summary: dict[str, Any]) -> None:
    table = Table(show_edge=False)
    for column in ("recipe", "step", "seeds agree", "models agree", "claims", "again", "against"):
        table.add_column(column, justify="right")
    for row in summary["agreement"]:
        seeds = "; ".join(cell(Estimate(**found)) for found in row["seeds"].values())
        claims = row["claims"]
        table.add_row(
            str(row["recipe"]),
            str(row["step"]),
            seeds,
            cell(Estimate(**row["models"])),
            *(str(claims[key]) for key in ("made", "replicated", "contradicted")),
        )
    results.print(f"{summary['texts']} texts, {summary['probes']} probes")
    results.print(table)
    if said := leak_sentence(summary["leaks"]):
        results.print(f"note     {said}", soft_wrap=True, markup=False)
    results.print(f"matrix   {summary['run']}/effects.parquet", soft_wrap=True, markup=False)
