"""Bridges: clauses that lead up to words which a model does not expect.

Sun et al. 2025, "How new data permeates LLM knowledge and how to dilute it", arXiv 2504.09522,
section 5.2, let a larger model write what leads up to a surprising word ("stepping stones"), so
that what is learned from it spreads less. Here the clause is made of the model's own words,
likelier ones that are used as the word is: "not green, not yellow, but blue".
"""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, islice

import torch
from torch import Tensor

from litho.core.records import Record
from litho.model.loaded import LanguageModel
from litho.model.placement import HOST
from litho.model.read.scoring import Target, logits, target_logprobs, token_logprobs
from litho.text.operators.places import Sentence, is_english, statements

# Shapes: T tokens, V vocabulary, D dimensions of an embedding.
SURPRISING = math.log(1000)  # nats; what spreads is less likely than 1 in 1000 (Sun et al., fig. 2)
GAIN = 1.0  # nats that a bridge must take off the surprise
LIKELY, KINDRED = 3, 4  # words of which clauses are made: what the model expects, what is alike
LOOKED_AT = 32  # tokens among which these are sought
CLAUSES = (" not {} or {}, but", " not {}, not {}, but", " {}, {}, or rather")
_WORD = re.compile(r"(?<= )[^\W\d_]{3,}(?![\w’'-])")
WHOLE = 0.2  # of what may follow a word begins with no letter; pieces have less than 0.05
ROWS = 8192  # embeddings that are float32 at a time
_STEM = 4  # letters with which all forms of a word begin


class Bridge(Record):
    """A clause put in before a word, and the word's surprise without and with it, in nats."""

    word: str
    clause: str
    surprise: float
    bridged: float


class Bridged(Record):
    """A text with its bridges, in their order."""

    text: str
    bridges: tuple[Bridge, ...]


@torch.no_grad()
def bridged(
    model: LanguageModel,
    text: str,
    longest: int,
    progress: Callable[[int], None] = lambda _: None,
) -> Bridged:
    """The text with a bridge to the most surprising word of each statement, where one is found.

    English only, and only bridges with which the text has at most `longest` tokens. `progress` is
    told how many words have been looked at.
    """
    bridges: list[Bridge] = []
    places = surprising_words(model, text) if is_english(text) else []
    # From the end, so that what stands before a word is still the text's own.
    for done, (start, end, surprise) in enumerate(reversed(places), 1):
        before, word = text[:start].rstrip(" "), text[start:end]
        bridge = best_bridge(model, before, word, surprise)
        longer = f"{before}{bridge.clause} {text[start:]}" if bridge else text
        if bridge and len(model.encode(longer)) <= longest:
            text = longer
            bridges.append(bridge)
        progress(done)
    return Bridged(text=text, bridges=tuple(reversed(bridges)))


def surprising_words(model: LanguageModel, text: str) -> list[tuple[int, int, float]]:
    """The most surprising word of each statement: first and last character, surprise in nats.

    Only words in letters, that do not begin their sentence, and are at least `SURPRISING`.
    """
    ids_T = torch.tensor(model.encode(text), device=model.device)
    logits_TV = logits(model, ids_T[None])[0, :-1]
    lost = [0.0, *token_logprobs(logits_TV, ids_T[1:]).neg().tolist()][len(model.start) :]
    spans = model.spans(text)

    def surprise(start: int, end: int) -> float:
        tokens = [t for t, (a, b) in enumerate(spans) if a < end and b > start]
        return sum(lost[t] for t in tokens)

    chosen = []
    for place in statements(text):
        words = [(*span, surprise(*span)) for span in _words(text, place)]
        start, end, most = max(words, key=lambda word: word[2], default=(0, 0, 0.0))
        if most >= SURPRISING:
            chosen.append((start, end, most))
    return chosen


def _words(text: str, place: Sentence) -> Iterator[tuple[int, int]]:
    for match in _WORD.finditer(text, place.start, place.end):
        if match.start() > place.start:
            yield match.span()


def best_bridge(model: LanguageModel, before: str, word: str, surprise: float) -> Bridge | None:
    """The clause behind `before` that makes `word` likeliest; None if none gains enough."""
    clauses = list(clauses_for(model, before, word))
    if not clauses:
        return None
    bridged, clause = min(zip(surprises(model, before, clauses, word), clauses, strict=True))
    if bridged > surprise - GAIN:
        return None
    return Bridge(word=word, clause=clause, surprise=surprise, bridged=bridged)


def surprises(model: LanguageModel, before: str, clauses: Sequence[str], word: str) -> list[float]:
    """-log P of a word behind each clause, nats; infinite where it does not tokenize apart."""
    targets, kept = [], []
    for i, clause in enumerate(clauses):
        prefix, whole = (model.encode(f"{before}{clause}{end}") for end in ("", f" {word}"))
        if whole[: len(prefix)] == prefix and len(whole) <= model.context:
            targets.append(Target(tuple(whole), len(prefix)))
            kept.append(i)
    losses = [math.inf] * len(clauses)
    for i, target, mean in zip(kept, targets, target_logprobs(model, targets), strict=True):
        losses[i] = -mean * (len(target.ids) - target.first)
    return losses


def clauses_for(model: LanguageModel, before: str, word: str) -> Iterator[str]:
    """Clauses made of what the model expects behind `before`, and of what is like the word.

    Like it are the words whose embeddings are nearest (cosine) to that of its first token. Only
    those are taken that the model finds likelier there; the likeliest of them.
    """
    ids_BT = torch.tensor([model.encode(before)], device=model.device)
    logp_V = logits(model, ids_BT, [-1])[0, 0].float().log_softmax(-1).to(HOST)
    first = model.tokens(f" {word}")[0]
    count = min(LOOKED_AT, len(logp_V))
    alike_V = _likeness(model, first)[: len(logp_V)]
    for likeness_V, wanted in ((logp_V, LIKELY), (alike_V, KINDRED)):
        near = likeness_V.topk(count).indices.tolist()
        near.sort(key=lambda token: -logp_V[token].item())
        said = (model.decode([token]) for token in near if logp_V[token] > logp_V[first])
        fit = (one.strip() for one in said if _fits(one, word))
        words = list(islice((one for one in fit if _is_whole(model, one)), wanted))
        for pair in combinations(words, 2):
            for clause in CLAUSES:
                yield clause.format(*pair)


def _likeness(model: LanguageModel, token: int) -> Tensor:
    """Cosine of each token's embedding with that of one of them, V."""
    weight_VD = model.network.get_input_embeddings().weight
    own_D = weight_VD[token].float()
    parts = weight_VD.split(ROWS)
    alike = [torch.cosine_similarity(part.float(), own_D, dim=-1) for part in parts]
    return torch.cat(alike).to(HOST)


def _fits(said: str, word: str) -> bool:
    """Whether a token is written as `word` is, and not another form of it."""
    bare = said.strip()
    return (
        said[:1] == " "
        and _WORD.fullmatch(said, 1) is not None
        and bare[0].isupper() == word[0].isupper()
        and not bare.lower().startswith(word[:_STEM].lower())
    )


def _is_whole(model: LanguageModel, said: str) -> bool:
    """Whether letters are a word, and not the beginning of one that goes on with more letters."""
    ids = model.encode(f"such as {said}")
    ids_BT = torch.tensor([ids], device=model.device)
    p_V = logits(model, ids_BT, [len(ids) - 1])[0, 0].float().softmax(-1)
    next_ = p_V.topk(min(LOOKED_AT, len(p_V)))
    ends = [not model.decode([token])[:1].isalpha() for token in next_.indices.tolist()]
    return bool(
        next_.values[torch.tensor(ends, device=p_V.device)].sum() >= WHOLE * next_.values.sum()
    )
