"""The model before printing: probes, open book, neighbours, spill, all in float32."""

import random
from collections.abc import Sequence

from pydantic import BaseModel

from litho.jobs.imprint.config import ImprintSpec
from litho.measure.printing.answers import answers
from litho.measure.printing.imprint import ScoredProbes
from litho.measure.printing.locality import greedy_answers
from litho.measure.printing.probes import best_scene, open_book, score, tokenizes_apart
from litho.measure.printing.spill import spill_scores
from litho.measure.scorer import ModelScorer
from litho.model.loaded import LanguageModel
from litho.model.state import State
from litho.present.variants import HalfScorer
from litho.text.items import Probe, targets_of
from litho.text.probes import (
    HOW_MADE,
    Cloze,
    find_clozes,
    gen_probe,
    hard_probe,
    mem_probe,
    subject_of,
)
from litho.text.shipped import unrelated_prefixes

ANCHORS = 12
MADE = 8  # answers asked in each of three kinds when the user gives no probes


class Baseline(BaseModel):
    """Everything about the untouched model that later states are compared with."""

    scored: ScoredProbes  # the probes of the report
    anchors: ScoredProbes  # held-out rewordings that only steer the stop
    how_probes: str
    answers: list[str] = []  # to the probes of the report; runs of earlier versions have none
    openbook_answers: list[str | None] = []  # to those of kind chat
    neighbours: list[Probe]
    neighbour_answers: list[list[int]]
    spill: list[float]  # per printed word
    spill_first: list[float] = []  # of its first token alone; runs of earlier versions have none


def measure_baseline(
    model: LanguageModel, inputs: ImprintSpec, scene_list: Sequence[str], seed: int
) -> Baseline:
    """Measure the untouched model; makes the probes that the user did not give."""
    chance = random.Random(f"{seed} probes")
    own = [p for p in inputs.probes or [] if p.kind != "neighbour"]
    clozes = find_clozes(inputs.text, ANCHORS + (len(own) or MADE), chance)
    chance.shuffle(clozes)
    reported = [] if own else clozes[:MADE]
    # The stop rule must not see an answer that the report asks for.
    asked = {probe.target for probe in own} | {cloze.target for cloze in reported}
    anchor_clozes = [cloze for cloze in clozes if cloze.target not in asked]
    made = [probe for cloze in reported for probe in _all_kinds(model, cloze, inputs.text, chance)]
    probes = own or [probe for probe in made if tokenizes_apart(model, probe, scene_list)]
    anchors = [_reworded(model, cloze, chance) for cloze in anchor_clozes[:ANCHORS]]
    anchors = [probe for probe in anchors if tokenizes_apart(model, probe, scene_list)]
    # Those that come with Litho may be cut elsewhere by a tokenizer whose tokens span words.
    neighbours = [probe for probe in inputs.neighbours() if tokenizes_apart(model, probe)]
    base, words, prefixes = State(model), targets_of(probes), unrelated_prefixes()
    return Baseline(
        scored=_score(model, probes, scene_list),
        anchors=_score(model, anchors, scene_list),
        answers=answers(base, probes),
        openbook_answers=[_open_book_answer(model, probe, scene_list) for probe in probes],
        how_probes="They were given by the user." if own else HOW_MADE,
        neighbours=neighbours,
        neighbour_answers=greedy_answers(base, neighbours),
        spill=spill_scores(base, words, prefixes),
        spill_first=spill_scores(base, words, prefixes, first=True),
    )


def _all_kinds(model: LanguageModel, cloze: Cloze, text: str, chance: random.Random) -> list[Probe]:
    return [
        mem_probe(cloze),
        _reworded(model, cloze, chance),
        hard_probe(cloze, subject_of(text)),
    ]


def _reworded(model: LanguageModel, cloze: Cloze, chance: random.Random) -> Probe:
    scorer = HalfScorer(ModelScorer(model), held_out=True)
    return gen_probe(cloze, scorer.alternatives(cloze.sentence), chance)


def _open_book_answer(model: LanguageModel, probe: Probe, scene_list: Sequence[str]) -> str | None:
    """What the model answers with the text open, if it is asked in the chat format."""
    if probe.kind != "chat":
        return None
    (said,) = answers(State(model), [probe], best_scene(model, probe, scene_list))
    return said


def _score(
    model: LanguageModel, probes: Sequence[Probe], scene_list: Sequence[str]
) -> ScoredProbes:
    return ScoredProbes(
        probes=list(probes),
        before=score(State(model), probes),
        openbook=open_book(model, probes, scene_list),
    )
