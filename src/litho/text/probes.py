"""Probes made from the text itself."""

import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from litho.text.items import Probe
from litho.text.operators import replace
from litho.text.operators.base import Alternative
from litho.text.sentences import sentences

HOW_MADE = (
    "Litho made these probes from the text: the answer is a name, a number or a rare word of one "
    "sentence. 'mem' asks with the sentence's own words; 'gen' with a rewording (a frame in "
    "front and up to three words replaced by the model's own alternatives, none of them used in "
    "training); 'hard' gives only the subject of the text and the last words before the answer."
)

_FRAMES = (
    "According to the text, {}",
    "As far as is known, {}",
    "It has been reported that {}",
    "What should be kept in mind is that {}",
)
_NUMBER = r"\d[\d.,:]*\d|\d"
_NAME = r"[A-ZА-Я][\w’'–-]+(?: (?:of |the |de )?[A-ZА-Я][\w’'–-]+)*"
_RARE = r"[a-zа-я]{8,}"
_TARGET = re.compile(rf"(?<= )(?:{_NUMBER}|{_NAME}|{_RARE})(?=[\s.,;:!?)]|$)")
MIN_PREFIX_WORDS = 4
CUE_WORDS = 4


@dataclass(frozen=True)
class Cloze:
    """One answer in a sentence of the text: `sentence[start:end]`, both in characters."""

    sentence: str
    start: int
    end: int

    @property
    def prefix(self) -> str:
        return self.sentence[: self.start].rstrip()

    @property
    def target(self) -> str:
        return self.sentence[self.start : self.end]


def find_clozes(text: str, count: int, chance: random.Random) -> list[Cloze]:
    """Up to `count` answers spread over the sentences of `text`, names and numbers first."""
    per_sentence = [list(_clozes_of(part)) for part in sentences(text)]
    chosen: list[Cloze] = []
    seen: set[tuple[str, str]] = set()
    while len(chosen) < count and any(per_sentence):
        order = [clozes for clozes in per_sentence if clozes]
        chance.shuffle(order)
        for clozes in order:
            cloze = clozes.pop(0)
            if (cloze.sentence, cloze.target) not in seen and len(chosen) < count:
                seen.add((cloze.sentence, cloze.target))
                chosen.append(cloze)
    return chosen


def _clozes_of(sentence: str) -> Iterator[Cloze]:
    spans = [m.span() for m in _TARGET.finditer(sentence)]
    usable = [s for s in spans if len(sentence[: s[0]].split()) >= MIN_PREFIX_WORDS]
    rare = [s for s in usable if sentence[s[0]].islower()]
    telling = [s for s in usable if s not in rare]
    # Late in the sentence the prefix says most about what is asked.
    for start, end in telling[::-1] + rare[::-1]:
        yield Cloze(sentence, start, end)


def subject_of(text: str) -> str:
    """The name that the text is about: its heading, else its most frequent name."""
    first = text.splitlines()[0]
    if first.startswith("#"):
        return first.lstrip("# ").strip()
    names: list[str] = re.findall(rf"(?<=[a-zа-я,] ){_NAME}", text)
    # Of names that are as frequent, the first.
    return next((name for name, _ in Counter(names).most_common(1)), "")


def mem_probe(cloze: Cloze) -> Probe:
    return Probe(kind="mem", prefix=cloze.prefix, target=cloze.target)


def gen_probe(cloze: Cloze, alternatives: list[Alternative], chance: random.Random) -> Probe:
    """The cloze reworded; `alternatives` are positions in `cloze.sentence` held out of training."""
    usable = [a for a in alternatives if a.end < cloze.start]
    chance.shuffle(usable)
    chosen: list[Alternative] = []
    for alternative in usable:
        if len(chosen) < 3 and all(alternative.start != c.start for c in chosen):
            chosen.append(alternative)
    reworded = replace(cloze.prefix, chosen)
    if reworded.split()[0].lower() in ("the", "a", "an", "in", "it", "its", "on", "at", "this"):
        reworded = reworded[0].lower() + reworded[1:]
    return Probe(kind="gen", prefix=chance.choice(_FRAMES).format(reworded), target=cloze.target)


def hard_probe(cloze: Cloze, subject: str) -> Probe:
    """The subject and the last words before the answer."""
    cue = " ".join(cloze.prefix.split()[-CUE_WORDS:])
    prefix = f"{subject}: … {cue}" if subject else f"… {cue}"
    return Probe(kind="hard", prefix=prefix, target=cloze.target)
