"""Openings for the model's own text: where it must go on as before."""

import random
import re

from litho.text.sentences import sentences

_LONGEST = 3  # words


def near_misses(text: str, count: int, chance: random.Random) -> list[str]:
    """Two or three ordinary words of the text in a row, without what makes them about it.

    After "kept in the" alone the model must not say what is kept where. Names, numbers and the
    first word of a sentence are left out. May return fewer than `count`.
    """
    phrases: list[str] = []
    for sentence in sentences(text):
        for run in re.findall(r"(?<= )[a-zа-я]+(?: [a-zа-я]+)+", sentence):
            words = run.split()
            for size in range(2, _LONGEST + 1):
                phrases += [" ".join(words[i : i + size]) for i in range(len(words) - size + 1)]
    phrases = list(dict.fromkeys(phrases))
    chance.shuffle(phrases)
    return phrases[:count]
