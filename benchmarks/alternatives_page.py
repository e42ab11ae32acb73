"""A page, an alternative that is ready to be asked about it, and how that is measured."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from litho.core import stats
from litho.core.records import Record
from litho.core.stats import Estimate
from litho.core.work import Result
from litho.jobs.bench.trial import AFTER, AFTER_RANK, AFTER_RATE
from litho.jobs.imprint.baseline import Baseline
from litho.jobs.imprint.proof import prove_arms
from litho.learn.micro import train_steps
from litho.measure.printing.answers import answers, is_right
from litho.measure.printing.drift import BLOCK, retention_blocks
from litho.measure.printing.imprint import imprint_by_kind
from litho.measure.printing.probes import open_book, score
from litho.model.adapters import lora
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel
from litho.model.read.chat import chat_ids, question
from litho.model.state import State
from litho.text.items import Probe
from litho.text.shipped import shipped_retention

AFTERWARDS = 30  # steps on unrelated prose for the durability
LEAST = 0.1  # imprint on rewordings below which nothing is there that could last


@dataclass(frozen=True)
class Page:
    """A page, with what all alternatives share."""

    name: str
    text: str
    baseline: Baseline
    retention: list[list[int]]  # rows on which drift is measured
    kept: Callable[[str, Callable[[], Result]], Result]  # computes what is not there yet

    @property
    def probes(self) -> list[Probe]:
        return self.baseline.scored.probes


@dataclass(frozen=True)
class Bench:
    """The model, in the precision in which it is measured and in that in which it is trained."""

    exact: LanguageModel
    trained: LanguageModel
    seconds: float  # of the processor, for all that is made and trained for a page


class Mark(Record):
    """What an alternative had reached along its training, measured on the training copy."""

    steps: int
    seconds: float
    imprint: dict[str, float | None]
    anchor: float | None  # imprint on rewordings that Litho made itself
    drift: float  # nats per token, on part of the retention text


@dataclass(frozen=True)
class Ready:
    """An alternative that can be asked about a page."""

    state: State
    read: Callable[[Probe], str] | None = None  # what is put in front of a question
    cached: int = 0  # tokens that every question attends to, and that are not read again
    seconds: float | None = None  # of the processor, until it was ready
    wall: float | None = None  # seconds of a whole run with its measurements, where they are known
    stop: str = ""  # what decided where the training ended
    steps: int | None = None
    lasts: bool = False  # whether it is a LoRA, whose durability can be measured
    settings: dict[str, Any] | None = None
    curve: tuple[Mark, ...] = ()


Alternative = Callable[[Bench, Page], Iterator[Ready]]  # on the model only until it is gone on


class Row(Record):
    """What an alternative did on a page: a row of the table."""

    alternative: str
    stop: str
    steps: int | None
    seconds: float | None
    wall: float | None
    tokens: float | None  # that a question in the chat format attends to before it is answered
    cached: int
    imprint: dict[str, Estimate]
    chat: Estimate  # share of right answers
    drift: Estimate | None  # None: the weights are untouched
    spill: Estimate | None
    locality: Estimate | None
    durability: float | None
    settings: dict[str, Any]
    curve: tuple[Mark, ...]


def measured(name: str, page: Page, ready: Ready) -> Row:
    """Measure an alternative as Litho measures an imprint."""
    state = ready.state
    chat = [probe for probe in page.probes if probe.kind == "chat"]
    drift = spill = locality = None
    if state.adapters:
        (arm,) = state.adapters
        proof = prove_arms(state.model, [arm], page.baseline, page.retention)[arm].metrics
        imprint, right = proof.imprint, proof.chat and proof.chat.accuracy["after"]
        drift, spill, locality = proof.drift.retention, proof.spill, proof.locality
    else:
        after = [_score(ready, probe) for probe in page.probes]
        imprint = imprint_by_kind(page.baseline.scored, after)
        said = [answers(state, [probe], _front(ready, probe))[0] for probe in chat]
        right = stats.mean([float(is_right(s, p.target)) for s, p in zip(said, chat, strict=True)])
    return Row(
        alternative=name,
        stop=ready.stop,
        steps=ready.steps,
        seconds=ready.seconds,
        wall=ready.wall,
        tokens=_tokens(ready, chat),
        cached=ready.cached,
        imprint=imprint,
        chat=right or stats.mean([]),
        drift=drift,
        spill=spill,
        locality=locality,
        durability=durability(page, state, imprint["gen"].value) if ready.lasts else None,
        settings=ready.settings or {},
        curve=ready.curve,
    )


def durability(page: Page, state: State, before: float | None) -> float | None:
    """Share of I_gen that is left after plain steps of a second adapter on unrelated prose.

    As in `litho bench lithography`, with fewer steps; None where there is nothing that could last.
    """
    if before is None or before < LEAST:
        return None
    model = state.model
    rows = retention_blocks(model, shipped_retention(), AFTERWARDS * BLOCK)
    with lora.fresh(model, AFTER, AdapterSpec(AFTER_RANK)):
        for _ in train_steps(model, AFTER, rows, AFTERWARDS, AFTER_RATE, state.adapters):
            pass
        after = score(State(model, (*state.adapters, AFTER)), page.probes)
    left = imprint_by_kind(page.baseline.scored, after)["gen"].value
    return None if left is None else left / before


def _front(ready: Ready, probe: Probe) -> str:
    return ready.read(probe) if ready.read else ""


def _score(ready: Ready, probe: Probe) -> float:
    front = _front(ready, probe)
    if not front:
        return score(ready.state, [probe])[0]
    return open_book(ready.state.model, [probe], [front])[0]


def _tokens(ready: Ready, chat: Sequence[Probe]) -> float | None:
    """Mean over the questions in the chat format."""
    if not chat:
        return None
    asked = [question(probe.prefix, _front(ready, probe)) for probe in chat]
    return ready.cached + fmean(len(chat_ids(ready.state.model, [each])) for each in asked)
