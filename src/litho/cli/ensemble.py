"""Ensembles as the command line calls them: run what is left, show what agrees."""

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from rich.table import Table

from litho.cli.console import Bars, results
from litho.core.config import load_config
from litho.core.errors import Interrupted, LithoError
from litho.core.executors import check_cluster
from litho.core.files import whole_file
from litho.jobs.ensemble.agreement import rows, summary
from litho.jobs.ensemble.config import EnsemblePlan
from litho.jobs.ensemble.result import EnsembleResult, leak_sentence
from litho.jobs.ensemble.run import Ensemble
from litho.show.wording import cell
from litho.text.items import read_questions, read_texts


def ensemble(
    plan_file: Path,
    out: Path,
    cluster: str | None,
    processes: int,
    assignments: Sequence[str],
    as_json: bool,
) -> None:
    """Run a plan; the same command goes on where an earlier one stopped."""
    plan = load_config(EnsemblePlan, plan_file, assignments)
    texts = read_texts(plan_file.parent / plan.texts)
    questions = read_questions(plan_file.parent / plan.probes)
    if cluster and processes > 1:
        raise LithoError("--cluster and --processes exclude each other: give one of them")
    if cluster:
        check_cluster(cluster)
    try:
        with Bars() as bars:
            found = Ensemble(plan, texts, questions, out, bars, cluster, processes).run()
    except KeyboardInterrupt:
        raise Interrupted("stopped; the same command goes on from here") from None
    with whole_file(out / "effects.parquet") as path:
        table = pa.Table.from_pylist([row.model_dump() for row in rows(found, questions)])
        pq.write_table(table, path)
    result = summary(str(out), plan, texts, questions, found)
    said = json.dumps(result.model_dump(), ensure_ascii=False)
    with whole_file(out / "metrics.json") as path:
        path.write_text(said, encoding="utf-8")
    if as_json:
        print(said)
    else:
        _show(result)


def _show(result: EnsembleResult) -> None:
    table = Table(show_edge=False)
    for column in ("recipe", "step", "seeds agree", "models agree", "claims", "again", "against"):
        table.add_column(column, justify="right")
    for row in result.agreement:
        claims = row.claims
        table.add_row(
            str(row.recipe),
            str(row.step),
            "; ".join(map(cell, row.seeds.values())),
            cell(row.models),
            *map(str, (claims.made, claims.replicated, claims.contradicted)),
        )
    results.print(f"{result.texts} texts, {result.probes} probes")
    results.print(table)
    if said := leak_sentence(result.leaks):
        results.print(f"note     {said}", soft_wrap=True, markup=False)
    results.print(f"matrix   {result.run}/effects.parquet", soft_wrap=True, markup=False)
