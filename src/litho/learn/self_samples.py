"""Text that the untouched model writes itself, for the drift term."""

import random
from collections.abc import Sequence

from litho.model.loaded import LanguageModel
from litho.model.read.sampling import self_samples
from litho.text.openings import near_misses
from litho.text.shipped import shipped_lines


def replay_openings(text: str, count: int, seed: int) -> list[str]:
    """What the self-samples that are trained on begin with.

    By turns nothing, the opening of some kind of text, and words of `text` out of their place.
    """
    kinds = shipped_lines("openings.txt")
    own = near_misses(text, count, random.Random(f"{seed} openings")) or kinds
    return _by_turns(count, [""], kinds, own)


def replay_samples(
    model: LanguageModel, text: str, pool: int, unseen: int, length: int, seed: int
) -> list[list[int]]:
    """Self-samples to train on, then those that show whether the model drifts where it should not.

    The latter begin with nothing or with the opening of some kind of text: what the model says to
    words of `text` is meant to change.
    """
    elsewhere = _by_turns(unseen, [""], shipped_lines("openings.txt")[::-1])
    return [
        *self_samples(model, replay_openings(text, pool, seed), length, seed),
        *self_samples(model, elsewhere, length, seed + 1),
    ]


def _by_turns(count: int, *sources: Sequence[str]) -> list[str]:
    turns = len(sources)
    return [sources[i % turns][i // turns % len(sources[i % turns])] for i in range(count)]
