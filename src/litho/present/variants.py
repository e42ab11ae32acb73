"""The presentation plan: which variants of a text are shown, and which are refused."""

import math
import random
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from litho.core.errors import LithoError
from litho.measure.volatility import read, token_edits, volatilities
from litho.model.loaded import LanguageModel
from litho.model.read.vocabulary import Vocabulary
from litho.text import markup
from litho.text.operators import Operator, Rows, Scorer
from litho.text.operators.base import Alternative
from litho.text.operators.choice import chosen_operators
from litho.text.variants import EVERY_OTHER, PresentationPlan, Refusal, Variant, Volatility

MAX_REFUSED = 3  # in a row, until an operator is given up


@dataclass(frozen=True)
class Marked:
    """What the author of a text has marked in it."""

    rows: Iterator[Rows]  # versions by the marks
    anchors: Sequence[str]  # words that stand in every version


def marked_rows(document: markup.Document, scenes: Sequence[str]) -> Marked | None:
    """The marks of a document, if it has any.

    Raises LithoError if the text has to be cut into scenes, which its marks might reach over.
    """
    if not markup.has_marks(document):
        return None
    if len(scenes) > 1:
        raise LithoError(
            "a text with marks must fit into the model's context in one piece: shorten it, or take "
            "the marks out"
        )
    read = markup.expand(document, 0)
    versions = (e.text for e in markup.expansions(document))
    return Marked(
        rows=((text,) for text in versions if text != scenes[0]),
        anchors=sorted({read.text[start:end] for start, end in read.anchors}),
    )


class HalfScorer:
    """Passes on only one side of the model's alternatives, so that the other stays unseen.

    A pair (word, alternative) is always on the same side, wherever it occurs.
    """

    def __init__(self, scorer: Scorer, held_out: bool) -> None:
        self._scorer = scorer
        self._held_out = held_out

    def alternatives(self, text: str) -> list[Alternative]:
        def side(a: Alternative) -> bool:
            return zlib.crc32(f"{text[a.start : a.end]}>{a.word}".encode()) % 3 == 0

        return [a for a in self._scorer.alternatives(text) if side(a) == self._held_out]

    def restatements(self, text: str, sentence: str) -> list[str]:
        return self._scorer.restatements(text, sentence)


def plan_presentations(
    model: LanguageModel,
    scenes: Sequence[str],
    scorer: Scorer,
    count: int,
    max_mean_kl: float,
    max_surprise: float,
    seed: int,
    progress: Callable[[int], None] = lambda _: None,
    marked: Marked | None = None,
    operators: Sequence[str] = (),
    longest: int | None = None,
) -> PresentationPlan:
    """`count` variants inside the volatility budget, taken from all operators in turn.

    `marked`: what the author of the text has marked for it, an operator more and words that must
    stand. `operators`: those that take turns, in their order; none named: all. `longest`: tokens of
    a row at most; None: as many as the model reads. `max_mean_kl` and `max_surprise` are in nats,
    see `litho.measure.volatility`. Fewer variants than `count` come
    back if the operators run out of ideas; the training then starts over.
    Raises LithoError if there is none at all.
    """
    anchors = marked.anchors if marked else ()
    longest = model.context if longest is None else longest
    judge = _Judge(model, scenes, anchors, max_mean_kl, max_surprise, longest)
    accepted: list[Variant] = []
    refused: list[Refusal] = []
    seen: set[Rows] = set()
    sources = {
        name: _versions(operator, scenes, scorer, random.Random(f"{seed} {name}"))
        for name, operator in chosen_operators(operators).items()
    }
    if marked:
        sources = {"markup": marked.rows} | sources
    misses = dict.fromkeys(sources, 0)
    while sources and len(accepted) < count:
        drawn = list(islice(_draw(sources, misses, seen), count - len(accepted)))
        for variant, reason in judge(drawn):
            if reason:
                refused.append(Refusal(variant=variant, reason=reason))
                misses[variant.operator] += 1
            else:
                accepted.append(variant)
                misses[variant.operator] = 0
        progress(len(accepted))
        for name in [name for name in sources if misses[name] >= MAX_REFUSED]:
            del sources[name]
    if not accepted:
        raise LithoError(_too_tight(refused, max_mean_kl, max_surprise))
    return PresentationPlan(scenes=tuple(scenes), variants=tuple(accepted), refused=tuple(refused))


def _draw(
    sources: dict[str, Iterator[Rows]], misses: dict[str, int], seen: set[Rows]
) -> Iterator[tuple[str, Rows]]:
    """One round of new versions, a turn an operator; operators out of ideas are taken out."""
    for name in _turns(list(sources)):
        rows = next(sources[name], None) if name in sources else None
        if rows is None:
            sources.pop(name, None)
        elif rows in seen:
            misses[name] += 1
        else:
            seen.add(rows)
            yield name, rows


def _too_tight(refused: Sequence[Refusal], max_mean_kl: float, max_surprise: float) -> str:
    measured = [r.variant.volatility for r in refused if r.variant.volatility]
    if refused and not measured:
        reason, _ = Counter(r.reason for r in refused).most_common(1)[0]
        return f"no version of the text can be presented; most often one {reason}"
    if not measured:
        return "no operator finds anything to change in this text: give a longer one"
    limits = max(max_mean_kl, 1e-9), max(max_surprise, 1e-9)
    least = min(measured, key=lambda v: max(v.mean_kl / limits[0], v.max_surprise / limits[1]))
    return (
        f"no version of the text stays within the volatility budget of {max_mean_kl} nats per "
        f"token and {max_surprise} nats of new surprise: the smallest that works is max_mean_kl "
        f"{_rounded_up(least.mean_kl)} with max_surprise {_rounded_up(least.max_surprise)}"
    )


def _rounded_up(value: float, digits: int = 3) -> float:
    """Rounded up, so that it is enough."""
    return math.ceil(value * 10**digits) / 10**digits


def _turns(names: list[str]) -> list[str]:
    """One round: after each other operator it is the turn of `EVERY_OTHER`."""
    others = [name for name in names if name != EVERY_OTHER]
    if EVERY_OTHER not in names:
        return others
    return [turn for name in others for turn in (name, EVERY_OTHER)] or names


def _versions(
    operator: Operator, scenes: Sequence[str], scorer: Scorer, chance: random.Random
) -> Iterator[Rows]:
    """Versions of the whole text: one operator at work on every scene that it can change.

    White space at the ends of a scene, where the text was cut, stays as it is.
    """
    per_scene = [operator(scene.strip(), scorer, chance) for scene in scenes]
    while True:
        changed = [next(versions, None) for versions in per_scene]
        if all(rows is None for rows in changed):
            return
        yield tuple(
            row
            for scene, rows in zip(scenes, changed, strict=True)
            for row in (_spaced(rows, scene) if rows else (scene,))
        )


def _spaced(rows: Rows, scene: str) -> Rows:
    """Rows with the white space at the ends of a scene put back."""
    said = scene.strip()
    before, after = scene.split(said, 1) if said else ("", "")
    spaced = list(rows)
    spaced[0] = before + spaced[0]
    spaced[-1] += after
    return tuple(spaced)


def _times(words: str, text: str) -> int:
    """How often words stand in a text as words of their own."""
    return len(re.findall(rf"(?<!\w){re.escape(words)}(?!\w)", text))


class _Judge:
    """Measures variants of a text, many at once, and says which are refused and why."""

    def __init__(
        self,
        model: LanguageModel,
        scenes: Sequence[str],
        anchors: Sequence[str],
        max_mean_kl: float,
        max_surprise: float,
        longest: int,
    ) -> None:
        self.model, self.anchors, self.longest = model, anchors, longest
        self.max_mean_kl, self.max_surprise = max_mean_kl, max_surprise
        self.parent = read(model, tuple(scenes))
        self.vocabulary = Vocabulary(model)
        self.own = [model.tokens(scene) for scene in scenes]
        self.known = set(self.parent.tokens)
        self.text = "\n".join(scenes)

    def __call__(self, drawn: Sequence[tuple[str, Rows]]) -> list[tuple[Variant, str | None]]:
        unfit = [self._unfit(rows) for _, rows in drawn]
        readable = [rows for (_, rows), reason in zip(drawn, unfit, strict=True) if not reason]
        measured = iter(volatilities(self.model, self.parent, readable))
        return [
            (Variant(rows=rows, operator=name), reason)
            if reason
            else self._within(name, rows, next(measured))
            for (name, rows), reason in zip(drawn, unfit, strict=True)
        ]

    def _unfit(self, rows: Rows) -> str | None:
        longest = max(len(self.model.encode(row)) for row in rows)
        if longest > self.longest:
            return f"has {longest} tokens in a row, but at most {self.longest} can be read there"
        text = "\n".join(rows)
        lost = next((a for a in self.anchors if _times(a, text) < _times(a, self.text)), None)
        if lost:
            return f"leaves out or changes the anchor {lost!r}"
        if [self.model.tokens(row) for row in rows] == self.own:
            return "reads as the text itself does: the tokenizer knows no difference"
        return self.vocabulary.complaint(rows, self.known)

    def _within(self, name: str, rows: Rows, volatility: Volatility) -> tuple[Variant, str | None]:
        diff = token_edits(self.model, self.parent, rows)
        variant = Variant(rows=rows, operator=name, diff=diff, volatility=volatility)
        if volatility.mean_kl > self.max_mean_kl:
            moved = f"{volatility.mean_kl:.3f} nats per token"
            return variant, f"moves the model by {moved}, over {self.max_mean_kl}"
        if volatility.max_surprise > self.max_surprise:
            added = f"{volatility.max_surprise:.1f} nats"
            return variant, f"adds a surprise of {added}, over {self.max_surprise}"
        return variant, None


def duplicates(text: Sequence[Sequence[int]], tokens: int) -> list[Sequence[int]]:
    """The rows of the text over and over, cut so that exactly `tokens` are supervised."""
    rows: list[Sequence[int]] = []
    while tokens > 0:
        row = text[len(rows) % len(text)][: tokens + 1]
        rows.append(row)
        tokens -= len(row) - 1
    return rows
