"""The presentation plan: which variants of a text are shown, and which are refused."""

import random
import zlib
from collections.abc import Callable, Iterator, Sequence

from litho.core.errors import LithoError
from litho.core.records import Alternative, Plan, Refusal, Variant
from litho.measure.volatility import Reading, read, token_edits, volatility
from litho.model.loading import LanguageModel
from litho.text.operators import OPERATORS, Operator, Rows, Scorer

EVERY_OTHER = "apart"  # what a question can reach without the text before it, see LOG.md
MAX_MEAN_KL, MAX_SURPRISE = 1.5, 20.0  # nats: what is admitted unless the user says otherwise
MAX_REFUSED = 3  # in a row, until an operator is given up


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


def plan_presentations(
    model: LanguageModel,
    scenes: Sequence[str],
    scorer: Scorer,
    count: int,
    max_mean_kl: float,
    max_surprise: float,
    seed: int,
    progress: Callable[[int], None] = lambda _: None,
) -> Plan:
    """`count` variants inside the volatility budget, taken from all operators in turn.

    `max_mean_kl` and `max_surprise` are in nats, see `litho.measure.volatility`. Fewer variants
    than `count` come back if the operators run out of ideas; the training then starts over.
    Raises LithoError if there is none at all.
    """
    parent = read(model, tuple(scenes))
    accepted: list[Variant] = []
    refused: list[Refusal] = []
    seen: set[Rows] = set()
    sources = {
        name: _versions(operator, scenes, scorer, random.Random(f"{seed} {name}"))
        for name, operator in OPERATORS.items()
    }
    misses = dict.fromkeys(sources, 0)
    while sources and len(accepted) < count:
        for name in _turns(list(sources)):
            if name not in sources or len(accepted) == count:
                continue
            rows = next(sources[name], None)
            if rows is None:
                del sources[name]
                continue
            if rows in seen:
                misses[name] += 1
            else:
                seen.add(rows)
                variant, reason = _judged(model, parent, rows, name, max_mean_kl, max_surprise)
                if reason:
                    refused.append(Refusal(variant=variant, reason=reason))
                    misses[name] += 1
                else:
                    accepted.append(variant)
                    misses[name] = 0
                    progress(len(accepted))
            if misses[name] >= MAX_REFUSED:
                del sources[name]
    if not accepted:
        raise LithoError(
            "no version of the text stays within the volatility budget: raise max_mean_kl "
            f"(now {max_mean_kl}) or max_surprise (now {max_surprise})"
        )
    return Plan(scenes=tuple(scenes), variants=tuple(accepted), refused=tuple(refused))


def _turns(names: list[str]) -> list[str]:
    """One round: after each other operator it is the turn of `EVERY_OTHER`."""
    others = [name for name in names if name != EVERY_OTHER]
    if EVERY_OTHER not in names:
        return others
    return [turn for name in others for turn in (name, EVERY_OTHER)] or names


def _versions(
    operator: Operator, scenes: Sequence[str], scorer: Scorer, chance: random.Random
) -> Iterator[Rows]:
    """Versions of the whole text: one operator at work on every scene that it can change."""
    per_scene = [operator(scene, scorer, chance) for scene in scenes]
    while True:
        changed = [next(versions, None) for versions in per_scene]
        if all(rows is None for rows in changed):
            return
        yield tuple(
            row for scene, rows in zip(scenes, changed, strict=True) for row in (rows or (scene,))
        )


def _judged(
    model: LanguageModel,
    parent: Reading,
    rows: Rows,
    operator: str,
    max_mean_kl: float,
    max_surprise: float,
) -> tuple[Variant, str | None]:
    """A variant with its diff and volatility, and the reason to refuse it, if there is one."""
    longest = max(len(model.encode(row)) for row in rows)
    if longest > model.context:
        reason = f"has {longest} tokens in a row, but the model reads {model.context}"
        return Variant(rows=rows, operator=operator), reason
    reading = read(model, rows)
    found = volatility(parent, reading)
    variant = Variant(
        rows=rows, operator=operator, diff=token_edits(model, parent, reading), volatility=found
    )
    if found.mean_kl > max_mean_kl:
        return variant, f"moves the model by {found.mean_kl:.3f} nats a token, over {max_mean_kl}"
    if found.max_surprise > max_surprise:
        return variant, f"adds a surprise of {found.max_surprise:.1f} nats, over {max_surprise}"
    return variant, None


def duplicates(text: Sequence[Sequence[int]], tokens: int) -> list[Sequence[int]]:
    """The rows of the text over and over, cut so that exactly `tokens` are supervised."""
    rows: list[Sequence[int]] = []
    while tokens > 0:
        row = text[len(rows) % len(text)][: tokens + 1]
        rows.append(row)
        tokens -= len(row) - 1
    return rows
