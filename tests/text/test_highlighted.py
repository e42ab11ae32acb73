"""What is shown as markup is what the parser reads as markup."""

import random

import pytest

from litho.text import markup
from litho.text.markup.marks import marks_of

SOURCES = (
    "plain [[Some page]] and [[one | two [[? three]]]] [[$ x: a | b]] [[$ x]]",
    r"\[[ no mark, [[a \| b | c]] and [[= Marek]] [[~ x | y | z]]",
    "[[[one | two]] [[no mark [[! a]] ]] [[> tail]]",
    "часы [[в 1931 | до войны]]\n[[? и ночью]]",
)


def place(source: str, at: int) -> tuple[int, int]:
    return source.count("\n", 0, at) + 1, at - source.rfind("\n", 0, at)


@pytest.mark.parametrize("source", SOURCES)
def test_each_mark_has_its_brackets_and_bars(source: str) -> None:
    spans, fault = markup.highlighted(source)
    assert fault is None
    marks = list(marks_of(markup.parse(source).content))
    opened = [span for span in spans if span.part == "open"]
    assert [place(source, span.start) for span in opened] == [mark.position for mark in marks]
    assert [span.kind for span in opened] == [mark.kind.name.lower() for mark in marks]
    bars = [span for span in spans if span.part == "bar"]
    assert len(bars) == sum(max(0, len(mark.parts) - 1) for mark in marks)
    assert all(source[bar.start : bar.end] == "|" for bar in bars)
    closed = [source[span.start : span.end] for span in spans if span.part == "close"]
    assert closed == ["]]"] * len(marks)
    assert all(source[span.start : span.start + 2] == "[[" for span in opened)


def test_a_fault_has_its_place_and_what_stands_before_it_is_shown() -> None:
    source = "one [[a | b]]\ntwo [[? c"
    spans, fault = markup.highlighted(source)
    assert fault and fault.position == (2, 5) and "never closed" in fault.fault
    assert str(fault) == f"line 2, column 5: {fault.fault}"
    assert [span.part for span in spans] == ["open", "bar", "close"]


def test_spans_never_overlap_whatever_is_written() -> None:
    chance = random.Random(0)
    for _ in range(300):
        source = "".join(
            chance.choices(["[[", "]]", " | ", "|", "\\", "?", "=", "$", "a ", "\n"], k=14)
        )
        spans, _ = markup.highlighted(source)
        ends = [0, *(span.end for span in spans)]
        assert all(end <= span.start for end, span in zip(ends, spans, strict=False)), source
