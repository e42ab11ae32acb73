"""Openings for the model's own text: where it must go on as before."""

import random
import re

from litho.text.sentences import sentences

_LONGEST = 3  # words
# What an English text speaks of: an article or the like, and up to three words without a capital,
# the last of which is long enough to be no preposition.
_THING = re.compile(
    r"\b(?i:the|an?|its|his|her|their|every|each|this|these)(?: [a-z]+){0,2} [a-z]{5,}\b"
)


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


def things(text: str, count: int, chance: random.Random) -> list[str]:
    """What the text speaks of, without its facts, such as "The tower" or "A choir of singers".

    Text that begins so is about the same kind of things. Without such phrases, `near_misses`. May
    return fewer than `count`.
    """
    found = (match.group() for match in _THING.finditer(text))
    phrases = list(dict.fromkeys(phrase[0].upper() + phrase[1:] for phrase in found))
    chance.shuffle(phrases)
    return phrases[:count] or near_misses(text, count, chance)
