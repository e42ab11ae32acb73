"""The model before printing: probes, open book, neighbours, spill, all in float32."""

import random
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from pydantic import BaseModel

from litho.core.errors import LithoError
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
from litho.text.pages import Page
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
FEWEST_ANCHORS = 2  # of each of several pages
SPILLED = 60  # words of several pages whose spill is measured
MADE = 8  # answers asked in each of three kinds when the user gives no probes


class Baseline(BaseModel):
    """Everything about the untouched model that later states are compared with."""

    scored: ScoredProbes  # the probes of the report
    page_of: list[int] = []  # the page of each of them, by its place; empty: all of the one page
    printed: list[int] = []  # places of the pages that are printed now; empty: all
    anchors: ScoredProbes  # held-out rewordings that only steer the stop
    how_probes: str
    answers: list[str] = []  # to the probes of the report; runs of earlier versions have none
    openbook_answers: list[str | None] = []  # to those of kind chat
    neighbours: list[Probe]
    neighbour_answers: list[list[int]]
    spill: list[float]  # per printed word
    spill_first: list[float] = []  # of its first token alone; runs of earlier versions have none

    def places(self, pages: Collection[int]) -> list[int]:
        """Which of the probes of the report are those of some pages."""
        page_of = self.page_of or [0] * len(self.scored.probes)
        return [place for place, page in enumerate(page_of) if page in pages]

    def without(self, page: int) -> "Baseline":
        """That of the other pages, which move up."""
        places = [i for i, own in enumerate(self.page_of) if own != page]
        kept = {
            "scored": self.scored.part(places),
            "page_of": [self.page_of[i] - (self.page_of[i] > page) for i in places],
            "printed": [],
            "answers": [self.answers[i] for i in places],
            "openbook_answers": [self.openbook_answers[i] for i in places],
        }
        return self.model_copy(update=kept)

    def asked(self) -> list[int]:
        """Which of the probes are those of the pages that are printed."""
        return self.places(self.printed or self.page_of or [0])

    def words(self) -> list[str]:
        """The printed words whose spill is measured: of many, some of each page by turns."""
        probes = self.scored.probes
        if not self.page_of:
            return targets_of(probes)
        pages = self.printed or sorted({*self.page_of})
        by_page = [[probes[i] for i in self.places([page])] for page in pages]
        in_turn = [word for turn in zip_longest(*map(targets_of, by_page)) for word in turn if word]
        return list(dict.fromkeys(in_turn))[:SPILLED]


@dataclass(frozen=True)
class _Asked:
    """What is asked of one page."""

    probes: list[Probe]
    anchors: list[Probe]
    scenes: Sequence[str]
    made: bool  # by Litho


def measure_baseline(
    model: LanguageModel,
    pages: Sequence[Page],
    scenes: Sequence[Sequence[str]],
    printed: Sequence[int],
    neighbour_probes: Sequence[Probe],
    seed: int,
) -> Baseline:
    """Measure the untouched model; makes the probes that the user did not give.

    `scenes`: of each page; `printed`: the places of the pages that are to be printed. Raises
    LithoError if there are none at all.
    """
    anchors = max(FEWEST_ANCHORS, ANCHORS // len(printed))
    chances = [random.Random(f"{seed} probes" + f" {i}" * (i > 0)) for i in range(len(pages))]
    asked = [
        _asked(model, page, parts, anchors if i in printed else 0, chances[i])
        for i, (page, parts) in enumerate(zip(pages, scenes, strict=True))
    ]
    # Those that come with Litho may be cut elsewhere by a tokenizer whose tokens span words.
    neighbours = [probe for probe in neighbour_probes if tokenizes_apart(model, probe)]
    if not any(own.probes for own in asked):
        raise nothing_to_ask(pages)
    base, prefixes = State(model), unrelated_prefixes()
    measured = Baseline(
        scored=_joined(_score(model, own.probes, own.scenes) for own in asked),
        page_of=[i for i, own in enumerate(asked) for _ in own.probes] if len(pages) > 1 else [],
        printed=[*printed] if len(printed) < len(pages) else [],
        anchors=_joined(_score(model, own.anchors, own.scenes) for own in asked),
        answers=[said for own in asked for said in answers(base, own.probes)],
        openbook_answers=[
            said for own in asked for said in _open_book_answers(model, own.probes, own.scenes)
        ],
        how_probes=_how({own.made for own in asked}),
        neighbours=neighbours,
        neighbour_answers=greedy_answers(base, neighbours),
        spill=[],
    )
    spilled = spill_scores(base, measured.words(), prefixes)
    return measured.model_copy(update={"spill": spilled.whole, "spill_first": spilled.first})


def nothing_to_ask(pages: Sequence[Page]) -> LithoError:
    """The error where no page has probes."""
    return LithoError(
        f"no probe can be made from {', '.join(page.name for page in pages)}: no sentence has a "
        "name, a number or a rare word behind its first words; give questions with --probes, or a "
        "file NAME.probes.jsonl or NAME.chat.jsonl beside a page"
    )


def own_probes(page: Page) -> list[Probe]:
    """What the user asks about a page."""
    return [probe for probe in page.probes or () if probe.kind != "neighbour"]


def _asked(
    model: LanguageModel,
    page: Page,
    scene_list: Sequence[str],
    anchor_count: int,
    chance: random.Random,
) -> _Asked:
    """Probes and at most so many anchors of a page."""
    own = own_probes(page)
    clozes = find_clozes(page.text, ANCHORS + (len(own) or MADE), chance)
    chance.shuffle(clozes)
    reported = [] if own else clozes[:MADE]
    # The stop rule must not see an answer that the report asks for.
    asked = {probe.target for probe in own} | {cloze.target for cloze in reported}
    anchor_clozes = [cloze for cloze in clozes if cloze.target not in asked]
    subject = subject_of(page.text)
    made = [probe for cloze in reported for probe in _all_kinds(model, cloze, subject, chance)]
    probes = own or [probe for probe in made if tokenizes_apart(model, probe, scene_list)]
    anchors = [_reworded(model, cloze, chance) for cloze in anchor_clozes[:anchor_count]]
    anchors = [probe for probe in anchors if tokenizes_apart(model, probe, scene_list)]
    return _Asked(probes, anchors, scene_list, made=not own)


def _how(made: set[bool]) -> str:
    """Who made the probes, as a sentence."""
    given = "They were given by the user."
    if made == {True, False}:
        return f"Those of some pages were given by the user, the others made by Litho. {HOW_MADE}"
    return HOW_MADE if True in made else given


def _joined(parts: Iterable[ScoredProbes]) -> ScoredProbes:
    held = list(parts)
    return ScoredProbes(
        probes=[probe for part in held for probe in part.probes],
        before=[ell for part in held for ell in part.before],
        openbook=[ell for part in held for ell in part.openbook],
    )


def _all_kinds(
    model: LanguageModel, cloze: Cloze, subject: str, chance: random.Random
) -> list[Probe]:
    return [
        mem_probe(cloze),
        _reworded(model, cloze, chance),
        hard_probe(cloze, subject),
    ]


def _reworded(model: LanguageModel, cloze: Cloze, chance: random.Random) -> Probe:
    """With the model's own words where it can read the whole sentence."""
    scorer = HalfScorer(ModelScorer(model), held_out=True)
    fits = len(model.encode(cloze.sentence)) <= model.context
    return gen_probe(cloze, scorer.alternatives(cloze.sentence) if fits else [], chance)


def _open_book_answers(
    model: LanguageModel, probes: Sequence[Probe], scene_list: Sequence[str]
) -> list[str | None]:
    """What the model answers with the text open; None to what is not asked in the chat format."""
    said: list[str | None] = [None] * len(probes)
    by_scene: dict[str, list[int]] = {}
    for place, probe in enumerate(probes):
        if probe.kind == "chat":
            by_scene.setdefault(best_scene(model, probe, scene_list), []).append(place)
    for scene, places in by_scene.items():
        found = answers(State(model), [probes[place] for place in places], scene)
        for place, answer in zip(places, found, strict=True):
            said[place] = answer
    return said


def _score(
    model: LanguageModel, probes: Sequence[Probe], scene_list: Sequence[str]
) -> ScoredProbes:
    return ScoredProbes(
        probes=list(probes),
        before=score(State(model), probes),
        openbook=open_book(model, probes, scene_list),
    )
