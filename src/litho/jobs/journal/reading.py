"""Spans of a school, read by its model as it was at the end of each stage."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from litho.core.files import damage_told
from litho.core.reporter import Reporter
from litho.jobs.journal.result import Span
from litho.jobs.models import Models
from litho.jobs.school.finished import FinishedSchool
from litho.learn.checkpoint import read_checkpoint
from litho.measure.school.spans import token_losses
from litho.model.learner import Learner
from litho.model.placement import Placement
from litho.text.school.chance import chance
from litho.text.school.plan import Plan

SHORTEST = 4  # tokens of a span
Place = Mapping[str, Any]  # a span as a build has it


def spans_read(
    finished: FinishedSchool,
    sample: int,
    models: Models,
    placement: Placement,
    reporter: Reporter,
) -> list[Span]:
    """Spans of up to `sample` documents of each stage, with their losses after each stage."""
    documents = [
        (stage.id, spans)
        for stage in finished.build.result.stages
        for spans in _sampled(finished, stage.id, sample)
    ]
    learner = finished.learner(models, placement)
    length, end_id = finished.genome.train.seq, finished.build.codec.end_id
    ids = [_ids(finished, stage, spans) for stage, spans in documents]
    checkpoints = finished.checkpoints()
    reporter.stage("reading behind each stage", len(checkpoints))
    after: list[list[list[float]]] = []
    for number, path in enumerate(checkpoints.values(), 1):
        take_mean(learner, path)
        after.append(token_losses(learner, ids, end_id, length))
        reporter.advance(number)
    found = []
    for place, (stage, spans) in enumerate(documents):
        for span in spans:
            begin, end = (span[edge] - spans[0]["start"] for edge in ("start", "end"))
            if end - begin < SHORTEST or end > length or not _tells(span):
                continue
            losses = tuple(sum(each[place][begin:end]) / (end - begin) for each in after)
            found.append(_span(finished, stage, span, losses))
    return _against(finished, learner, found, documents)


@torch.no_grad()
def take_mean(learner: Learner, checkpoint: Path) -> None:
    """Let a learner have the weights of the model at the end of a stage: the mean of snapshots.

    Raises LithoError if the checkpoint is damaged.
    """
    with damage_told(checkpoint):
        memory = read_checkpoint(checkpoint)
        count = memory["progress"].values["snapshots"]
        for name, weight in learner.weights.items():
            weight.copy_(memory["mean"].tensors[name] / count)


def _sampled(finished: FinishedSchool, stage: str, sample: int) -> list[list[dict[str, Any]]]:
    """Some documents, each with its spans, in their order."""
    every = list(finished.build.documents(stage))
    draw = chance(finished.genome.seed, "journal", stage)
    places = sorted(draw.sample(range(len(every)), min(sample, len(every))))
    return [every[place] for place in places]


def _ids(finished: FinishedSchool, stage: str, spans: Sequence[Place]) -> list[int]:
    tokens = finished.build.tokens(stage)
    return [int(token) for token in tokens[spans[0]["start"] : spans[-1]["end"]]]


def _tells(span: Place) -> bool:
    """Whether it says something, and is no heading and no filler of a world."""
    return bool(span["facts"]) or span["source_start"] is not None


def _span(finished: FinishedSchool, stage: str, span: Place, losses: tuple[float, ...]) -> Span:
    return Span(
        stage=stage,
        document=span["document"],
        kind=span["kind"],
        book=span["book"],
        section=span["section"],
        scene=span["scene"],
        facts=tuple(span["facts"]),
        text=finished.build.text(stage, dict(span)).strip(),
        losses=losses,
    )


def _against(
    finished: FinishedSchool,
    learner: Learner,
    found: Sequence[Span],
    documents: Sequence[tuple[str, Sequence[Place]]],
) -> list[Span]:
    """The same spans; those that a later survey contradicts with what it says in their place."""
    plan = finished.school.plan
    if plan is None:
        return list(found)
    before = {
        (stage, spans[0]["document"]): [finished.build.text(stage, dict(s)) for s in spans]
        for stage, spans in documents
    }
    numbers, pairs = [], list[tuple[str, str, str]]()
    for number, span in enumerate(found):
        other = contradicted(plan, span)
        if other:
            pieces = before[span.stage, span.document]
            place = next(i for i, piece in enumerate(pieces) if piece.strip() == span.text)
            numbers.append(number)
            pairs.append(("".join(pieces[:place]), span.text, other))
    differences = _differences(finished, learner, pairs)
    told = list(found)
    for number, difference in zip(numbers, differences, strict=True):
        told[number] = told[number].model_copy(update={"against": difference})
    return told


def contradicted(plan: Plan, span: Span) -> str | None:
    """A sentence of a book with the object of the later survey, where that is another one."""
    if len(span.facts) != 1 or span.kind != "reading":
        return None
    relation, _, subject = span.facts[0].partition(":")
    later = plan.world.later.get((relation, subject))
    if later is None:
        return None
    first = plan.world.objects[relation][subject]
    named = rf"\b{re.escape(first)}\b"
    if later == first or len(re.findall(named, span.text, re.IGNORECASE)) != 1:
        return None
    return re.sub(named, later, span.text, flags=re.IGNORECASE)


def _differences(
    finished: FinishedSchool, learner: Learner, pairs: Sequence[tuple[str, str, str]]
) -> Iterator[float]:
    """Nats that a sentence costs more than another one in its place."""
    codec, length = finished.build.codec, finished.genome.train.seq
    texts = []
    for before, *both in pairs:
        wholes = [f"{before} {said}".strip() for said in both]
        fits = all(len(each.ids) <= length for each in codec.encode(wholes))
        texts += wholes if fits else both
    ids = [each.ids for each in codec.encode(texts)]
    nats = token_losses(learner, ids, codec.end_id, length)
    for one, other in zip(nats[::2], nats[1::2], strict=True):
        yield sum(one) - sum(other)  # what stands before costs the same in both
