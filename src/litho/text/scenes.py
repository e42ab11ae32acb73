"""Cutting a text that is too long for a model into scenes, of which nothing is lost.

Joined, the scenes are the text, each space and line break included. A line break stays with the
line that it ends; a space within a line goes with the word behind it, as in most tokenizers.
"""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

from litho.core.errors import LithoError
from litho.text.sentences import ABBREVIATION

_ENDS = r"\n\r\v\f\x85\u2028\u2029"
_BREAK = re.compile(rf"\r\n|[{_ENDS}]")
_PARAGRAPH = re.compile(rf"(?:{_BREAK.pattern})(?:[^\S{_ENDS}]*(?:{_BREAK.pattern}))+|\u2029")
_ITEM = re.compile(r"\s*(#|[-*+•] |\d+[.)] |\||>)")
# Full stops before a space: Latin, Arabic, Urdu, Armenian; and those that need no space: CJK,
# Devanagari, Ethiopic, Myanmar, Khmer, Tibetan.
_SPACED, _FREE = ".!?…\u061f\u06d4\u0589", "。！？｡．\u0964\u0965\u1362\u104b\u17d4\u0f0d"
_STOP = re.compile(rf"[{_SPACED}{_FREE}]+[\"'”’»)\]」』》】）]*")
_WORD = re.compile(r"(?<=\S)(?=\s)")
_WRAPPED = 40  # characters that the longest line of wrapped prose has at least
_FILLED = 0.5  # of a scene, from which on it may end at a good place rather than at a later one


def scenes(text: str, length: Callable[[str], int], limit: int) -> list[str]:
    """Cut `text` into scenes of at most `limit` units of `length`.

    A text that fits is one scene. Others are cut at paragraphs, else at lines (but not where prose
    is only wrapped), sentences, words or, at last, characters: at the first of these that lets a
    scene be more than half full. Raises LithoError if a single character is over the limit.
    """
    if length(text) <= limit:
        return [text]
    kinds = [list(cuts) for cuts in _cuts(text)]
    ends = [0]
    while ends[-1] < len(text):
        ends.append(_end(text, ends[-1], kinds, length, limit))
    return [text[start:end] for start, end in pairwise(ends)]


def _end(
    text: str, start: int, kinds: list[list[int]], length: Callable[[str], int], limit: int
) -> int:
    """Where the scene that begins at `start` ends; `kinds` of cuts, the best kind first."""

    def fits(end: int) -> bool:
        return length(text[start:end]) <= limit

    # A longer piece has as many tokens or more, but for a few that one more letter makes one.
    tried = min(start + limit, len(text))
    while fits(tried):
        if tried == len(text):
            return tried
        tried = min(start + 2 * (tried - start), len(text))
    reach = start - 1 + bisect_left(range(start, tried), True, key=lambda end: not fits(end))
    least = start + int((reach - start) * _FILLED)
    for cuts, after in [*((cuts, least) for cuts in kinds), (kinds[-1], start)]:
        for end in reversed(cuts[bisect_right(cuts, after) : bisect_right(cuts, reach)]):
            if fits(end):
                return end
    raise LithoError(
        f"the model has room for {limit} tokens, and the character {text[start]!r} alone has more: "
        "choose a model with a longer context"
    )


def _cuts(text: str) -> Iterator[Iterable[int]]:
    """Places where a text may be cut, kind by kind."""
    paragraphs = [match.end() for match in _PARAGRAPH.finditer(text)]
    yield paragraphs
    yield _lines(text, [0, *paragraphs, len(text)])
    yield _sentences(text)
    yield (match.end() for match in _BREAK.finditer(text))
    yield (match.end() for match in _WORD.finditer(text))
    yield (at for at in range(1, len(text)) if not _joined(text[at - 1], text[at]))


def _lines(text: str, blocks: list[int]) -> Iterator[int]:
    """Ends of lines, but for those within wrapped prose; `blocks`: where paragraphs begin."""
    for begin, end in pairwise(blocks):
        ends = [match.end() for match in _BREAK.finditer(text, begin, end)]
        lines = [text[a:b] for a, b in pairwise([begin, *ends, end])]
        wrapped = _is_wrapped(lines)
        for place, (line, following) in zip(ends, pairwise(lines), strict=True):
            if not wrapped or _begins_anew(line, following):
                yield place


def _is_wrapped(lines: list[str]) -> bool:
    """Whether each line of a block ends only because the next word had no room in it."""
    width = max(len(line.rstrip()) for line in lines)
    return width >= _WRAPPED and all(
        len(line.rstrip()) + 1 + len(following.split()[0]) > width
        for line, following in pairwise(lines)
        if following.strip() and not _begins_anew(line, following)
    )


def _begins_anew(line: str, following: str) -> bool:
    """Whether a line is a heading, or the next one a heading, a row or an item of a list."""
    return line.startswith("#") or _ITEM.match(following) is not None


def _sentences(text: str) -> Iterator[int]:
    """Ends of sentences, the line break behind them included."""
    for stop in _STOP.finditer(text):
        end = stop.end()
        if not ABBREVIATION.search(text, max(0, end - 12), end) and _is_over(text, stop[0], end):
            line = _BREAK.match(text, end)
            yield line.end() if line else end


def _is_over(text: str, stop: str, end: int) -> bool:
    """Whether the full stop that ends at `end` ends a sentence."""
    following = text[end : end + 1]
    if stop[0] in _FREE or not following:
        return True
    if following.isspace():
        return not text[end : end + 12].lstrip()[:1].islower()
    before = text[max(0, end - len(stop) - 2) : end - len(stop)]
    return before.isalpha() and len(before) == 2 and following.isupper()  # a space is missing


def _joined(before: str, after: str) -> bool:
    """Whether two characters are read as one."""
    return (
        unicodedata.category(after).startswith("M")  # accents, vowel signs, variation selectors
        or "\u200d" in (before, after)
        or "\U0001f3fb" <= after <= "\U0001f3ff"  # colours of skin
        or (before, after) == ("\r", "\n")
    )
