"""Truth tables of forms: what follows from their rules, checked case by case."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product

Case = Mapping[str, bool]
Formula = Callable[[Case], bool]

MOST_NAMES = 12  # propositions of a form: 4096 cases
_TOKEN = re.compile(r"\s*(->|\(|\)|[^\W\d]\w*|\S)")
_WORDS = ("and", "or", "not")


def names_in(written: str) -> set[str]:
    """The propositions that a formula names."""
    return {token for token in _TOKEN.findall(written) if token.isidentifier()} - set(_WORDS)


def formula(written: str) -> Formula:
    """A formula of propositions, `not`, `and`, `or`, `->` and brackets; `->` binds weakest.

    Raises ValueError that says what is wrong.
    """
    tokens = _TOKEN.findall(written)
    read, left = _implication(tokens)
    if left:
        raise ValueError(f"{left[0]!r} is not expected in {written!r}")
    return read


def entails(premises: Sequence[str], conclusion: str, never: Sequence[str] = ()) -> bool:
    """Whether the conclusion holds in every case in which all premises do, and `never` does not.

    False also where there is no such case: from a contradiction nothing is concluded here.
    """
    held, ruled_out = [formula(each) for each in premises], [formula(each) for each in never]
    said = formula(conclusion)
    written = [*premises, conclusion, *never]
    cases = [
        case
        for case in _cases(set().union(*map(names_in, written)))
        if all(each(case) for each in held) and not any(each(case) for each in ruled_out)
    ]
    return bool(cases) and all(map(said, cases))


def _cases(names: set[str]) -> Iterator[dict[str, bool]]:
    ordered = sorted(names)
    for values in product((False, True), repeat=len(ordered)):
        yield dict(zip(ordered, values, strict=True))


Parsed = tuple[Formula, list[str]]  # and the tokens behind it


def _implication(tokens: list[str]) -> Parsed:
    left, rest = _either(tokens)
    if rest[:1] != ["->"]:
        return left, rest
    right, rest = _implication(rest[1:])
    return (lambda case: not left(case) or right(case)), rest


def _either(tokens: list[str]) -> Parsed:
    return _joined(tokens, "or", _both, any)


def _both(tokens: list[str]) -> Parsed:
    return _joined(tokens, "and", _single, all)


def _joined(
    tokens: list[str],
    word: str,
    part: Callable[[list[str]], Parsed],
    of: Callable[[Iterator[bool]], bool],
) -> Parsed:
    first, rest = part(tokens)
    parts = [first]
    while rest[:1] == [word]:
        following, rest = part(rest[1:])
        parts.append(following)
    return (lambda case: of(each(case) for each in parts)), rest


def _single(tokens: list[str]) -> Parsed:
    if not tokens:
        raise ValueError("a formula ends where a proposition is expected")
    token, rest = tokens[0], tokens[1:]
    if token == "not":
        denied, rest = _single(rest)
        return (lambda case: not denied(case)), rest
    if token == "(":
        inner, rest = _implication(rest)
        if rest[:1] != [")"]:
            raise ValueError("a bracket is not closed")
        return inner, rest[1:]
    if not token.isidentifier() or token in _WORDS:
        raise ValueError(f"{token!r} stands where a proposition is expected")
    return (lambda case: case[token]), rest
