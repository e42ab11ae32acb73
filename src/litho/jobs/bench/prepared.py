"""What all arms of a comparison need of a text, made once."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle, islice

import torch
from pydantic import BaseModel

from litho.core.errors import LithoError
from litho.jobs.bench.rivals import mixed_rows
from litho.learn.depth import layers_pulled
from litho.learn.records import Depth
from litho.learn.self_samples import replay_samples
from litho.measure.printing.imprint import ScoredProbes
from litho.measure.printing.probes import open_book, score, tokenizes_apart
from litho.measure.printing.spill import spill_scores
from litho.measure.scorer import ModelScorer
from litho.model.loaded import LanguageModel
from litho.model.loading import load
from litho.model.state import State
from litho.present.variants import HalfScorer, plan_presentations
from litho.text.cases import Case
from litho.text.items import targets_of
from litho.text.sentences import sentences
from litho.text.shipped import unrelated_prefixes
from litho.text.variants import EVERY_OTHER, MAX_MEAN_KL, MAX_SURPRISE, MEASURED

SHAPES = tuple(name for name in MEASURED if name not in ("substitute", EVERY_OTHER))
Rows = list[list[int]]  # token ids
Version = tuple[str, Rows]  # with the operator that made it


class Prepared(BaseModel):
    """A text with its versions, its probes before training, and samples of the untouched model."""

    case: Case
    scored: ScoredProbes
    spill: list[float]
    spill_first: list[float] = []  # of the first tokens alone
    versions: dict[str, list[Rows]]
    kinds: dict[str, list[str]]  # of each version
    pulled: list[int]  # the layers that the text pulls at
    depth: int  # layers of the model
    samples: list[list[int]]  # to train on, then those that are not trained on


def prepare(
    model: LanguageModel,
    case: Case,
    presentations: int,
    samples: tuple[int, int, int],
) -> Prepared:
    """`samples`: how many self-samples to train on, how many not, and of how many tokens."""
    probes = [probe for probe in case.probes if tokenizes_apart(model, probe)]
    scored = ScoredProbes(
        probes=probes,
        before=score(State(model), probes),
        openbook=open_book(model, probes, [case.text]),
    )
    spilled = spill_scores(State(model), targets_of(probes), unrelated_prefixes())
    versions, kinds = _versions(model, case, presentations)
    depth = _depth(model, case.text)
    return Prepared(
        case=case,
        scored=scored,
        spill=spilled.whole,
        spill_first=spilled.first,
        versions=versions,
        kinds=kinds,
        pulled=list(depth.layers),
        depth=len(depth.pull),
        samples=replay_samples(model, case.text, *samples, seed=0),
    )


def _versions(
    model: LanguageModel, case: Case, count: int
) -> tuple[dict[str, list[Rows]], dict[str, list[str]]]:
    versions: dict[str, list[Version]] = {}

    def planned(operators: Sequence[str]) -> list[Version]:
        try:
            plan = plan_presentations(
                model, [case.text], scorer, count, MAX_MEAN_KL, MAX_SURPRISE, 0, operators=operators
            )
        except LithoError:  # they change nothing in this text: then it is shown as it is
            return [("text", [model.encode(case.text)])]
        return [(v.operator, [model.encode(row) for row in v.rows]) for v in plan.variants]

    scorer = HalfScorer(ModelScorer(model), held_out=False)
    parts = sentences(case.text)
    versions["text"] = [("text", [model.encode(case.text)])]
    versions["sentences"] = [("sentences", [model.encode(part) for part in parts])]
    versions["paraphrases"] = [("paraphrase", [model.encode(p)]) for p in case.paraphrases]
    versions["words"] = planned(["substitute"])
    versions["shapes"] = planned(SHAPES)
    versions["whole"] = _in_turns(versions["words"], versions["shapes"])
    versions["plan"] = _in_turns(versions["whole"], planned([EVERY_OTHER]))
    versions["mixed"] = [("mixed", rows) for rows in mixed_rows(model, case.text, parts, seed=0)]
    return (
        {name: [rows for _, rows in each] for name, each in versions.items()},
        {name: [kind for kind, _ in each] for name, each in versions.items()},
    )


def _in_turns(first: Sequence[Version], second: Sequence[Version]) -> list[Version]:
    """Two kinds of versions by turns; the shorter list begins again."""
    count = max(len(first), len(second))
    pairs = islice(zip(cycle(first), cycle(second), strict=False), count)
    return [version for pair in pairs for version in pair]


def _depth(model: LanguageModel, text: str) -> Depth:
    """Gradients are taken in float32, since in bfloat16 they are noise."""
    exact = load(model.source, replace(model.placement, dtype=torch.float32))
    return layers_pulled(exact, [exact.encode(text)], seed=0)
