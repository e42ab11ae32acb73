"""Several pages in one adapter: what each step shows, and whose part of the rank is whose."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from litho.jobs.imprint.config import ImprintSpec
from litho.jobs.imprint.onto import Slice
from litho.learn.objectives import Rows
from litho.learn.sources import Planned
from litho.learn.trainer import reply_tokens, text_tokens
from litho.model.loaded import LanguageModel
from litho.model.read.scoring import Target
from litho.present.variants import duplicates

LEAST_RANK = 4  # of a page
MIXED = "several"  # kinds of versions in one step


def ranks_of(rank: int, whole: int, printed: int) -> list[int]:
    """The rank of each printed page, where the adapter will carry `whole` pages.

    Less than the `rank` of a page alone: the pages' drifts add up to the same budget.
    """
    return [min(rank, max(LEAST_RANK, math.ceil(rank / math.sqrt(whole))))] * printed


def slices_of(inputs: ImprintSpec, ranks: Sequence[int]) -> list[dict[str, Any]]:
    """Whose part of the rank is whose: with random keys all of it belongs to all pages."""
    earlier = list(inputs.onto.slices) if inputs.onto else []
    names = [inputs.pages[i].name for i in inputs.printed]
    if inputs.config.keys == "random":
        return [Slice(pages=tuple(names), rank=inputs.config.rank).model_dump()]
    own = [Slice(pages=(name,), rank=rank) for name, rank in zip(names, ranks, strict=True)]
    return [part.model_dump() for part in [*earlier, *own]]


@dataclass(frozen=True)
class Part:
    """What a step shows of one page."""

    page: int
    rows: Rows
    kind: str
    replies: Sequence[Target] = ()

    @property
    def tokens(self) -> int:
        """Supervised ones."""
        return text_tokens(self.rows) + reply_tokens(self.replies)


Steps = Sequence[Sequence[Part]]


def in_steps(pages: Sequence[Planned], presentations: int, tokens: int) -> Steps:
    """So many presentations of every page, one of each before the next of any.

    A step shows as many pages as have at most so many tokens together; a longer one goes alone.
    """
    return [step for done in range(presentations) for step in _round(pages, done, tokens)]


def _round(pages: Sequence[Planned], done: int, tokens: int) -> Iterator[list[Part]]:
    step: list[Part] = []
    for number, page in enumerate(pages):
        shown = page.next(done)
        part = Part(number, shown.rows, shown.kind or "", shown.replies)
        if step and sum(p.tokens for p in step) + part.tokens > tokens:
            yield step
            step = []
        step.append(part)
    yield step


def planned(steps: Steps) -> Planned:
    """The steps as a training takes them."""
    kinds = [{part.kind for part in step} for step in steps]
    return Planned(
        [[row for part in step for row in part.rows] for step in steps],
        [kind.pop() if len(kind) == 1 else MIXED for kind in kinds],
        [[target for part in step for target in part.replies] for step in steps],
    )


def tokens_of(steps: Steps) -> list[dict[int, int]]:
    """How many tokens of each page the steps show."""
    return [{part.page: part.tokens for part in step} for step in steps]


def as_duplicates(steps: Sequence[Mapping[int, int]], texts: Sequence[Rows]) -> Planned:
    """Steps that show the texts of the pages themselves, with so many tokens of each page."""
    return Planned(
        [
            [row for page, tokens in step.items() for row in duplicates(texts[page], tokens)]
            for step in steps
        ]
    )


def windows(model: LanguageModel, text: str, length: int) -> list[list[int]]:
    """Rows of `length` tokens that cover a text; a shorter text is said several times."""
    ids, size = model.tokens(text), min(length, model.context) - len(model.start)
    if len(ids) < size:
        ids = (ids + (size // len(ids)) * model.tokens(f"\n\n{text}"))[:size]
    places = [*range(0, len(ids) - size, size), len(ids) - size]
    return [model.start + ids[place : place + size] for place in places]
