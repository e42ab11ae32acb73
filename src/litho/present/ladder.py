"""The ladder: from what the model would rather say to the text itself, a token or two a step.

Managed drift: no step asks the model for more than its budget. Where no step is small enough there
is a cliff, and a bridge is sought: words put in for one presentation, over which both steps are.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from litho.measure.volatility import LIKELY, Budget, TextReading, read, read_rows_of, volatility
from litho.model.loaded import LanguageModel
from litho.model.read.scoring import common_length, logits, token_logprobs
from litho.model.read.vocabulary import Vocabulary
from litho.text.diffs import edits
from litho.text.sentences import last_sentence, sentence_end
from litho.text.variants import Cliff, Ladder, Rung, Volatility

CANDIDATES = 32  # likeliest tokens that are tried in the place of one of the text's
TRIES = 4  # tokens that are tried before a place is called a cliff


def own_version(model: LanguageModel, text: str, vocabulary: Vocabulary) -> list[int]:
    """The text as the model would rather say it: as many tokens, but only likely ones.

    A token whose surprise, behind the text's own words, is over `LIKELY` gives way to the likeliest
    one that begins a word, or goes on with one, as it does, and that survives the tokenizer. (Read
    behind its own words instead, a small model soon repeats itself.)
    """
    writer = _Writer(model, text, vocabulary)
    return _settled(model, writer.written(), writer.target)


class _Writer:
    def __init__(self, model: LanguageModel, text: str, vocabulary: Vocabulary) -> None:
        self.model, self.vocabulary = model, vocabulary
        self.offset = len(model.start)
        self.target = model.encode(text)
        pieces = model.pieces(text)
        self.begins = [True] * self.offset + [
            i == 0 or p[:1].isspace() for i, p in enumerate(pieces)
        ]
        self.blank = [False] * self.offset + [not p.strip() for p in pieces]

    @torch.no_grad()
    def written(self) -> list[int]:
        ids = list(self.target)
        ids_BT = torch.tensor([ids], device=self.model.device)
        logp_TV = logits(self.model, ids_BT)[0].float().log_softmax(-1)
        for place in range(max(self.offset, 1), len(ids)):
            ids[place] = self._rather(ids, place, logp_TV[place - 1])
        return ids

    def _rather(self, ids: Sequence[int], place: int, logp_V: Tensor) -> int:
        if self.blank[place] or logp_V[ids[place]] >= -LIKELY:
            return ids[place]
        word = place
        while not self.begins[word]:
            word -= 1
        for token in logp_V.topk(min(CANDIDATES, len(logp_V))).indices.tolist():
            if logp_V[token] <= logp_V[ids[place]]:
                break
            if self._fits([*ids[word:place], token], place):
                return int(token)
        return ids[place]

    def _fits(self, word: list[int], place: int) -> bool:
        said = self.model.decode(word)
        alone = self.model.decode(word[-1:])
        return (
            alone[:1].isspace() == (self.begins[place] and place > self.offset)
            and bool(alone.strip())
            and "\n" not in alone
            and self.model.tokens(said) == word
            and self.vocabulary.complaint([said]) is None
        )


def _settled(model: LanguageModel, ids: list[int], target: list[int]) -> list[int]:
    """A version with words of the text put back that the tokenizer would cut up in another way."""
    while (again := model.encode(model.decode(ids[len(model.start) :]))) != ids:
        changed = _places(ids, target)
        if not changed:  # a tokenizer that does not give back the text itself
            break
        wrong = common_length(ids, again)
        nearest = min(changed, key=lambda i: abs(i - wrong))
        ids = [*ids[:nearest], target[nearest], *ids[nearest + 1 :]]
    return ids


def _places(ids: Sequence[int], others: Sequence[int]) -> list[int]:
    """Places at which two versions of as many tokens differ."""
    return [i for i, (a, b) in enumerate(zip(ids, others, strict=True)) if a != b]


class _Step(NamedTuple):
    """A step that might be taken."""

    ids: list[int]
    places: list[int]  # that it changes
    reading: TextReading
    volatility: Volatility


@dataclass
class Climb:
    """A ladder while it is planned; each step is planned on the model as it is then."""

    model: LanguageModel
    text: str
    budget: Budget
    vocabulary: Vocabulary
    rungs: list[Rung] = field(default_factory=list)
    cliffs: list[Cliff] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.offset = len(self.model.start)
        self.target = self.model.encode(self.text)
        self.ids = own_version(self.model, self.text, self.vocabulary)
        self.look_again()
        nothing = Volatility(mean_kl=0.0, max_surprise=0.0)
        self._note(self._said(self.ids), 0, (), nothing)

    @property
    def said(self) -> str:
        """The current version as it reads."""
        return self._said(self.ids)

    def look_again(self) -> None:
        """Read the current version on the model as it is now."""
        self.reading = read_rows_of(self.model, [self.ids])

    @property
    def open_places(self) -> list[int]:
        """Places at which the current version does not yet say what the text says."""
        return _places(self.ids, self.target)

    def step(self) -> None:
        """Go one step up: the likeliest of the text's tokens that fit into the budget."""
        surprise = self._surprise()
        places = sorted(self.open_places, key=surprise.__getitem__)
        fit = [place for place in places if surprise[place] <= self.budget.surprise] or places[:1]
        together = [fit[: self.budget.tokens]] if min(self.budget.tokens, len(fit)) > 1 else []
        tried = []
        for chosen in (*together, *([place] for place in fit[:TRIES])):
            step = self._tried(chosen)
            if len(step.places) <= self.budget.tokens and self.budget.allows(step.volatility):
                self._take(step)
                return
            tried.append(step)
        self._cross(min(tried[len(together) :], key=lambda step: step.volatility.max_surprise))

    def _surprise(self) -> list[float]:
        """Of the text's tokens, each behind the current version, nats."""
        followers_T = torch.tensor(self.target[self.offset + 1 :], device=self.model.device)
        known = token_logprobs(self.reading.after_NV[:-1], followers_T).neg().tolist()
        return [0.0] * (self.offset + 1) + known

    def _tried(self, places: Sequence[int]) -> _Step:
        ids = list(self.ids)
        for place in places:
            ids[place] = self.target[place]
        ids = _settled(self.model, ids, self.target)
        reading = read_rows_of(self.model, [ids])
        return _Step(ids, _places(ids, self.ids), reading, volatility(self.reading, reading))

    def _take(self, step: _Step) -> None:
        self.ids, self.reading = step.ids, step.reading
        words = tuple(dict.fromkeys(self._word(place) for place in step.places))
        self._note(self._said(step.ids), len(step.places), words, step.volatility)

    def _note(
        self, text: str, changed: int, brought: tuple[str, ...], volatility: Volatility
    ) -> None:
        self.rungs.append(
            Rung(text=text, changed_tokens=changed, brought=brought, **volatility.model_dump())
        )

    def _cross(self, step: _Step) -> None:
        """Note a cliff and cross it: over the best bridge within the budget, or in one jump."""
        word = self._word(step.places[0])
        crossings = []
        for bridge, text in self._bridges(step.places[0], word):
            if self._unfit(text):
                continue
            between = read(self.model, (text,))
            onto, off = volatility(self.reading, between), volatility(between, step.reading)
            if self.budget.allows(onto) and self.budget.allows(off):
                hardest = max(onto.max_surprise, off.max_surprise)
                crossings.append((hardest, bridge, text, between, onto, off))
        best = min(crossings, key=lambda crossing: crossing[0], default=None)
        self.cliffs.append(
            Cliff(
                token=step.places[0] - self.offset,
                text=word,
                **step.volatility.model_dump(),
                bridge=best[1] if best else None,
            )
        )
        if not best:
            self._take(step)
            return
        _, _, text, between, onto, off = best
        self._note(text, _changed(self.reading, between), (word,), onto)
        self.ids, self.reading = step.ids, step.reading
        self._note(self._said(step.ids), _changed(between, step.reading), (word,), off)

    def _unfit(self, text: str) -> bool:
        long = len(self.model.encode(text)) > self.model.context
        return long or self.vocabulary.complaint([text], self.target) is not None

    def _bridges(self, place: int, word: str) -> list[tuple[str, str]]:
        """Kinds of bridges and the current version with each put in."""
        if not word.isalnum():
            return []
        before, after = self.ids[self.offset : place], self.ids[place:]
        said, rest = self.model.decode(before), self.model.decode(after)
        start = last_sentence(said)
        lead, sentence = said[:start], said[start:] + rest
        return [
            ("definition", f"{lead}What is meant here is {word}. {sentence}"),
            ("intermediate clause", f"{lead}There is a word for it, {word}, and so: {sentence}"),
            ("restatement", f"{lead}{self._sentence(place)} {sentence}"),
        ]

    def _word(self, place: int) -> str:
        """The word of the text to which a token belongs."""
        pieces = self.model.pieces(self.text)
        first = last = place - self.offset
        while first > 0 and pieces[first][:1].isalnum() and pieces[first - 1][-1:].isalnum():
            first -= 1
        while last + 1 < len(pieces) and (pieces[last] + pieces[last + 1][:1])[-2:].isalnum():
            last += 1
        return "".join(pieces[first : last + 1]).strip()

    def _sentence(self, place: int) -> str:
        """The text's own sentence around a token."""
        pieces = self.model.pieces(self.text)
        here = len("".join(pieces[: place - self.offset]))
        start = last_sentence(self.text[:here])
        return self.text[start : sentence_end(self.text, here)].strip()

    def _said(self, ids: Sequence[int]) -> str:
        return self.text if ids == self.target else self.model.decode(ids[self.offset :])


def _changed(before: TextReading, after: TextReading) -> int:
    """Tokens that are put in, taken out or replaced between two versions."""
    return sum(max(b - a, len(new)) for a, b, new in edits(before.tokens, after.tokens))


def plan_ladder(
    model: LanguageModel,
    text: str,
    budget: Budget,
    begin: Callable[[int], None] = lambda _: None,
    progress: Callable[[int], None] = lambda _: None,
) -> Ladder:
    """The whole ladder of a text on the model as it is.

    The first rung is the model's own version, the last the text. Volatilities are those of each
    rung against the one before. A step over the budget is taken only at a cliff without a bridge.
    `begin` is told how many tokens there are to change, `progress` how many have been.
    """
    climb = Climb(model, text, budget, Vocabulary(model))
    whole = len(climb.open_places)
    begin(whole)
    while climb.open_places:
        climb.step()
        progress(whole - len(climb.open_places))
    return Ladder(rungs=tuple(climb.rungs), cliffs=tuple(climb.cliffs))
