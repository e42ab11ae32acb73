"""Alternatives that leave the model as it is: nothing, the page in the context, retrieval."""

from collections.abc import Iterator

from alternatives_page import Bench, Page, Ready

from litho.jobs.ask.ask import NEAREST
from litho.jobs.ask.retrieval import nearest
from litho.model.state import State
from litho.text.sentences import paragraphs


def nothing(bench: Bench, page: Page) -> Iterator[Ready]:
    """The untouched model without the page."""
    yield Ready(State(bench.exact), seconds=0.0)


def context(bench: Bench, page: Page) -> Iterator[Ready]:
    """The whole page in front of every question: the open book."""
    yield Ready(State(bench.exact), read=lambda _: page.text, seconds=0.0)


def retrieval(bench: Bench, page: Page) -> Iterator[Ready]:
    """The paragraphs that are nearest to the question by BM25, as `litho ask` finds them."""
    parts = paragraphs(page.text)
    yield Ready(
        State(bench.exact),
        read=lambda probe: "\n\n".join(nearest(parts, probe.prefix, NEAREST)),
        seconds=0.0,
        settings={"paragraphs": NEAREST, "of": len(parts)},
    )
