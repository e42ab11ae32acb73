"""Chains as a model reads them: tokens of both contexts, and the first token of each answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from litho.core.errors import LithoError
from litho.model.loaded import LanguageModel
from litho.model.read.scoring import common_length
from litho.text.trails.chains import Pair


@dataclass(frozen=True)
class Asked:
    """Contexts that all end where the answer begins, and the first token of each answer.

    The first context makes the first answer right, the second the second; those behind them, if
    any, are the near-misses of both.
    """

    rows: tuple[tuple[int, ...], ...]
    tokens: tuple[int, int]


def asked(model: LanguageModel, pair: Pair, before: str = "", near: bool = False) -> Asked:
    """A pair as tokens, with `before` in front; `near`: also its near-misses.

    Raises LithoError if the answers begin with the same token, do not tokenize apart from the
    context, or the context is longer than the model's.
    """
    contexts = [*pair.contexts, *(pair.near or ())] if near else list(pair.contexts)
    read = [answered(model, before + each.text, pair.answers) for each in contexts]
    tokens = {found for _, found in read}
    if len(tokens) > 1:
        raise LithoError(
            f"form {pair.form!r}: the answers {pair.answers[0]!r} and {pair.answers[1]!r} begin "
            "with other tokens in other contexts: end `ask` with a whole word"
        )
    rows = tuple(row for row, _ in read)
    longest = max(map(len, rows))
    if longest > model.context:
        raise LithoError(
            f"form {pair.form!r}: a chain of {longest} tokens, but {model.source.name} reads "
            f"{model.context}: shorten its rules"
        )
    return Asked(rows, read[0][1])


def answered(
    model: LanguageModel, context: str, answers: tuple[str, str]
) -> tuple[tuple[int, ...], tuple[int, int]]:
    """What is read before the answer differs, and the tokens in which it does.

    Raises LithoError if both begin with the same token, or do not tokenize apart from the context.
    """
    first, second = (model.encode(f"{context} {answer}") for answer in answers)
    alone = len(model.encode(context))
    shared = common_length(first, second)
    if shared < alone:
        raise LithoError(
            f"the answers {answers[0]!r} and {answers[1]!r} do not tokenize apart from "
            f"{context[-40:]!r}: end what is asked with a whole word"
        )
    common = model.decode(first[alone:shared])
    if common.strip() or shared == min(len(first), len(second)):
        raise LithoError(
            f"the answers {answers[0]!r} and {answers[1]!r} share their first token {common!r}: "
            "only that is scored; choose others"
        )
    return tuple(first[:shared]), (first[shared], second[shared])


def apart(model: LanguageModel) -> Callable[[Sequence[str]], bool]:
    """Says of words whether no two begin with the same token, white space aside."""
    known: dict[str, int] = {}

    def first(word: str) -> int:
        if word not in known:
            tokens = model.tokens(f" {word}")
            own = [token for token in tokens if model.decode([token]).strip()]
            known[word] = own[0] if own else -1
        return known[word]

    return lambda words: len({first(word) for word in words}) == len(words)
