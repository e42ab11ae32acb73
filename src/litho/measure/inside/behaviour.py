"""What a model does with its next-token distributions: what it says, and where it says it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from litho.measure.inside.states import StateReading
from litho.measure.printing.spill import spill_scores
from litho.model.loaded import LanguageModel
from litho.model.read.sampling import self_samples
from litho.model.state import State

NGRAM = 4
SAMPLE_TOKENS = 48
WORDS = 6


@dataclass(frozen=True)
class Behaviour:
    """What one state says."""

    spill: list[float]  # log P of words of the text after unrelated openings, nats per token
    repeated: int  # 4-grams that it says again, in all samples together


def behaviour(
    state: State, words: Sequence[str], prefixes: Sequence[str], seed: int = 0
) -> Behaviour:
    """Let a state continue unrelated openings, and score words of a text after them."""
    spilled = spill_scores(state, words, prefixes).whole if words else []
    with state.active() as model:
        samples = self_samples(model, list(prefixes), SAMPLE_TOKENS, seed)
    return Behaviour(spilled, sum(repeated(sample) for sample in samples))


def repeated(tokens: Sequence[int]) -> int:
    """4-grams of a sequence that stood in it before (seq-rep-4, Welleck et al. 2020, section 3)."""
    grams = [tuple(tokens[i : i + NGRAM]) for i in range(len(tokens) - NGRAM + 1)]
    return len(grams) - len(set(grams))


def telling_words(model: LanguageModel, text: str, base: StateReading) -> list[str]:
    """The words of the text that surprised the state before most, each once."""
    spans = model.spans(text)[: len(base.ids) - base.opening]
    surprise = base.predictions.surprise_T.tolist()
    behind = base.opening - 1  # the token t of the text is predicted at the place t + behind
    scored: dict[str, float] = {}
    for begin, end in _words(text):
        inside = [t for t, (a, b) in enumerate(spans) if a < end and b > begin and t + behind >= 0]
        if inside:
            value = sum(surprise[t + behind] for t in inside)
            scored[text[begin:end]] = max(value, scored.get(text[begin:end], 0.0))
    return sorted(scored, key=lambda word: -scored[word])[:WORDS]


def _words(text: str) -> list[tuple[int, int]]:
    """Character ranges of words of four letters and more."""
    return [match.span() for match in re.finditer(r"\w{4,}", text)]
