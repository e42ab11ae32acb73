"""Sentences of pages in their places, and which of them a model forgot most."""

from collections.abc import Sequence
from dataclasses import dataclass

from litho.jobs.journal.hardest import hardest
from litho.jobs.journal.result import HardSpan, Span
from litho.model.loaded import LanguageModel
from litho.model.read.scoring import Target, common_length, target_logprobs
from litho.model.state import State
from litho.text.operators.places import located

UNTOUCHED, PRINTED = "untouched", "printed"  # as stages of a journal; then round after round


@dataclass(frozen=True)
class Placed:
    """A sentence behind what stands before it in its scene."""

    page: int
    text: str
    target: Target


def sentences_in(model: LanguageModel, scenes: Sequence[Sequence[str]]) -> list[Placed]:
    """All sentences of pages, given by their scenes."""
    return [
        Placed(page, said, _in_place(model, scene[:start], scene[:end]))
        for page, parts in enumerate(scenes)
        for scene in parts
        for start, end, said in located(scene)
    ]


def _in_place(model: LanguageModel, before: str, whole: str) -> Target:
    ids = model.encode(whole)
    return Target(tuple(ids), max(1, common_length(model.encode(before.rstrip()), ids)))


def losses(state: State, placed: Sequence[Placed]) -> list[float]:
    """Nats per token of each sentence."""
    with state.active() as model:
        return [-each for each in target_logprobs(model, [one.target for one in placed])]


def forgotten(
    placed: Sequence[Placed], by_stage: Sequence[Sequence[float]], most: int
) -> list[HardSpan]:
    """Those whose loss now is most above the lowest that it had, by the journal's measure.

    `by_stage`: losses of the untouched model, of the printed one, and after each round.
    """
    stages = [UNTOUCHED, PRINTED, *(f"round {n}" for n in range(1, len(by_stage) - 1))]
    spans = [
        Span(
            stage=UNTOUCHED, document=one.page, kind="page", book="", section="", scene="",
            facts=(), text=one.text, losses=tuple(values),
        )
        for one, values in zip(placed, zip(*by_stage, strict=True), strict=True)
    ]  # fmt: skip
    return hardest(spans, stages, "forgetting", most) if most else []
