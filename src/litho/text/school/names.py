"""Pseudo-words: every name of a world has a stem of its own and the suffix of its type."""

from itertools import product
from random import Random

_BEGIN = (
    "b", "br", "d", "dr", "f", "g", "gr", "h", "k", "kr", "l", "m", "n", "p", "r", "t", "tr", "v",
    "z",
)  # fmt: skip
_VOWELS = tuple("aeiou")
# Two consonants: with these, no stem makes an English word with any of the suffixes.
_END = ("lm", "rv", "nd", "lk", "lv", "mb", "lt", "ld", "zg", "lz", "vr")


def stems(chance: Random) -> list[str]:
    """All stems in a random order."""
    made = ["".join(parts) for parts in product(_BEGIN, _VOWELS, _END)]
    chance.shuffle(made)
    return made
