"""Trainings on many texts at once, on which attributions to single texts are judged.

Takes 16 texts and 48 questions from a folder that `prediction_bank.py` wrote, those that belong
together first, and trains on one text a step, twice through the pool in an order of the seed. What
is measured after each run is the mean log-probability per target token of every question, in nats.

- halves: 24 random halves of the pool, with seed 1, then the same with seed 2.
- drops: 24 times a random quarter is left out, with seed 0, then with seed 1; its steps are
  skipped, everything else is as it was.

    OMP_NUM_THREADS=1 python benchmarks/attribution_bank.py BANK OUT [--sets 24]

What is there already in OUT is not done again, and several processes may work on it.
`attribution.py` judges.
"""

import argparse
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import torch

from litho.cli.console import reporting
from litho.core.memory import keep_freed_memory
from litho.core.work import Result, Work, WorkLedger
from litho.jobs.ensemble.cost import ensemble_cost
from litho.jobs.predict.left_out import Trajectory, record
from litho.learn.recipe import TRAINED, adapter_of
from litho.learn.records import Recipe
from litho.measure.printing.probes import score
from litho.model.adapters import lora
from litho.model.loaded import LanguageModel
from litho.model.loading import load
from litho.model.sources import DEFAULT, locate
from litho.model.state import State
from litho.text.items import (
    NamedText,
    Question,
    leaks,
    questions_sha256,
    read_questions,
    read_texts,
)

TEXTS, EACH = 16, 8  # texts, questions of a kind
KINDS = ("fiction", "restated", "science", "primer", "list")
PASSES = 2  # through the pool
HALF_SEEDS, DROP_SEEDS = (1, 2), (0, 1)
HALF, DROPPED = TEXTS // 2, TEXTS // 4
SETS = 24  # of either regime
FORMAT = 1  # of a specification

Subset = tuple[int, ...]  # numbers of texts, ascending


@dataclass
class Pool:
    """Texts, questions, the recipe, and a folder that keeps what was measured."""

    texts: Sequence[NamedText]
    questions: Sequence[Question]
    recipe: Recipe
    ledger: WorkLedger
    model_name: str = DEFAULT

    @cached_property
    def model(self) -> LanguageModel:
        return load(locate(self.model_name), torch.float32)

    @cached_property
    def rows(self) -> list[list[int]]:
        return [self.model.encode(text.text) for text in self.texts]

    def order(self, seed: int, kept: Subset) -> list[int]:
        """Whose turn it is, step by step: the order of the whole pool without what is not kept."""
        chance = random.Random(seed)
        passes = [chance.sample(range(len(self.texts)), len(self.texts)) for _ in range(PASSES)]
        return [text for one in passes for text in one if text in kept]

    @cached_property
    def about(self) -> dict[str, object]:
        """What all results in the folder depend on."""
        return {
            "format": FORMAT,
            "model": locate(self.model_name).sha256(),
            "texts": [text.sha256 for text in self.texts],
            "questions": questions_sha256(self.questions),
            "recipe": self.recipe.model_dump(mode="json", exclude={"seed"}),
            "passes": PASSES,
        }

    def work(self, seed: int, kept: Subset) -> Work:
        """A run, for the ledger."""
        return {**self.about, "seed": seed, "kept": kept}, partial(self._run, seed, kept)

    def train(self, seed: int, kept: Subset) -> Trajectory:
        """Leaves the adapter on the model."""
        recipe = self.recipe.model_copy(update={"seed": seed})
        lora.attach(self.model, TRAINED, adapter_of(self.model, recipe))
        return record(self.model, TRAINED, recipe, self.rows, self.order(seed, kept))

    @torch.no_grad()
    def ask(self) -> list[float]:
        return score(State(self.model, (TRAINED,)), self.questions)

    def _run(self, seed: int, kept: Subset) -> Result:
        began = time.process_time()
        try:
            self.train(seed, kept)
            answers = self.ask()
        finally:
            if self.model.adapters:
                lora.detach(self.model)
        return {"answers": answers, "cpu_seconds": time.process_time() - began}

    @property
    def whole(self) -> Subset:
        return tuple(range(len(self.texts)))


def subsets(size: int, count: int) -> list[Subset]:
    """Different random subsets of the pool; fewer are the first ones of more."""
    chance, found = random.Random(size), dict[Subset, None]()
    while len(found) < count:
        found[tuple(sorted(chance.sample(range(TEXTS), size)))] = None
    return list(found)


def kept_after_drops(count: int) -> list[Subset]:
    return [tuple(t for t in range(TEXTS) if t not in gone) for gone in subsets(DROPPED, count)]


def pooled(bank: Path, out: Path) -> Pool:
    """Texts round by round over the kinds, and questions: first those that belong together."""
    texts, questions = read_texts(bank / "texts.jsonl"), read_questions(bank / "probes.jsonl")
    related = {
        (text.id, question.id)
        for text in texts
        for question in questions
        if _subject(text.id) == _subject(question.id) != ""
    } | set(leaks(texts, questions))
    asked = {text for text, _ in related}
    by_kind = [
        sorted((t for t in texts if kind_of(t.id) == kind), key=lambda t: t.id not in asked)
        for kind in KINDS
    ]
    rounds = [own[i] for i in range(TEXTS) for own in by_kind if i < len(own)]
    chosen = rounds[:TEXTS]
    names = {text.id for text in chosen}
    told = {question for text, question in related if text in names}
    kinds = list(dict.fromkeys(kind_of(question.id) for question in questions))
    kept = [
        question
        for kind in kinds
        for question in sorted(
            (q for q in questions if kind_of(q.id) == kind), key=lambda q: q.id not in told
        )[:EACH]
    ]
    return Pool(chosen, kept, Recipe(learning_rate=5e-4), WorkLedger(out))


def kind_of(name: str) -> str:
    return name.partition("-")[0]


def _subject(name: str) -> str:
    """Which invented subject a text or question is about; none of the others."""
    return "-".join(name.split("-")[1:3]) if "-fk-" in name else ""


def measured(pool: Pool, works: Sequence[Work]) -> np.ndarray:
    """What was answered after each of the runs, runs x questions; all must be there."""
    return np.array([result["answers"] for result in pool.ledger.complete(works)])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bank", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--sets", type=int, default=SETS, help="of either regime")
    options = parser.parse_args()
    keep_freed_memory()
    options.out.mkdir(parents=True, exist_ok=True)
    pool = pooled(options.bank, options.out)
    runs = [(DROP_SEEDS[0], pool.whole)]
    kept = zip(subsets(HALF, options.sets), kept_after_drops(options.sets), strict=True)
    pairs = list(kept)
    # First all that attributions are judged on, then what the ceilings need besides.
    for half_seed, drop_seed in zip(HALF_SEEDS, DROP_SEEDS, strict=True):
        for half, drop in pairs:
            runs += [(half_seed, half), (drop_seed, drop)]
    works = [pool.work(seed, kept) for seed, kept in runs]
    steps = sum(len(pool.rows[t]) for seed, kept in runs for t in pool.order(seed, kept))
    asked = sum(len(pool.model.encode(f"{q.prefix} {q.target}")) for q in pool.questions)
    cost = ensemble_cost(pool.model, steps, asked * len(runs), len(runs))
    description = {"texts": [t.id for t in pool.texts], "questions": [q.id for q in pool.questions]}
    (options.out / "pool.json").write_text(json.dumps(description, indent=1), encoding="utf-8")
    with reporting() as bars:
        bars.stage(f"{len(runs)} runs ({cost.described()})", len(runs))
        pool.ledger.complete(
            works,
            lambda done, latest: bars.advance(
                done, seconds=latest["cpu_seconds"] if latest else None
            ),
        )


if __name__ == "__main__":
    main()
