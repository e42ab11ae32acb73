"""Whether a search finds a better order or better amounts of documents: a table for results/.

Evolves the documents of a plan for each number of steps and each seed of the search, each in a
folder of its own. The seed also divides the probes anew. What is finished is not done again, and
what was stopped goes on; several processes may share the work.

    python benchmarks/evolve_documents.py TEXTS.jsonl PROBES.jsonl --out runs/arranged \
        --steps 24 48 --seeds 0 1 2
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

import litho
from litho.cli.console import Bars
from litho.core.config import make_config
from litho.core.runs import METRICS, RunDirectory
from litho.jobs import DEFAULT_MODEL
from litho.jobs.arrange.config import ArrangePlan, ArrangeSpec
from litho.jobs.arrange.result import ArrangeResult
from litho.learn.records import Recipe
from litho.show.wording import cell
from litho.text.items import read_questions, read_texts

BASELINES = ("given", "shuffled", "random", "amounts")


def arranged(
    texts: Path, probes: Path, out: Path, processes: int, plan: Mapping[str, object]
) -> ArrangeResult:
    """A finished evolution, done now if it was not before."""
    if (out / METRICS).is_file():
        return ArrangeResult(**RunDirectory.opened(out).read_json(METRICS))
    spec = ArrangeSpec(
        source=texts.name,
        texts=tuple(read_texts(texts)),
        questions=tuple(read_questions(probes)),
        config=make_config(ArrangePlan, {"texts": texts, "probes": probes, **plan}),
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    with Bars() as bars:
        return litho.evolve_documents(spec, out, processes=processes, progress=bars)


def row_of(steps: int, seed: int, found: ArrangeResult) -> str:
    less = [cell(found.difference.get(role), 3) for role in BASELINES]
    best = found.best
    luck = [cell(each, 3) for each in (best.search, best.again, best.fresh)]
    ranks = [cell(found.filter.tried), cell(found.filter.by_chance)]
    cost = [str(found.runs), f"{found.filter.seconds:.0f}", f"{found.filter.training_seconds:.0f}"]
    return f"| {' | '.join([str(steps), str(seed), *less, *luck, *ranks, *cost])} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("texts", type=Path)
    parser.add_argument("probes", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--steps", type=int, nargs="+", default=[24])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="of the search")
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=5e-4)
    parser.add_argument("--generations", type=int, default=3)
    parser.add_argument("--size", type=int, default=6)
    parser.add_argument("--fresh", type=int, default=4)
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    recipe = Recipe(rank=options.rank, learning_rate=options.learning_rate)
    columns = ["steps", "seed", *(f"less {role}" for role in BASELINES)]
    columns += ["in the search", "fresh seeds", "kept probes", "filter", "filter, by chance"]
    columns += ["trainings", "filter, s", "trainings, s"]
    print(f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}", flush=True)
    for steps in options.steps:
        for seed in options.seeds:
            found = arranged(
                options.texts,
                options.probes,
                options.out / f"{steps}-{seed}",
                options.processes,
                {
                    "model": options.model,
                    "recipe": recipe,
                    "steps": steps,
                    "seed": seed,
                    "generations": options.generations,
                    "size": options.size,
                    "fresh": options.fresh,
                },
            )
            print(row_of(steps, seed, found), flush=True)


if __name__ == "__main__":
    main()
