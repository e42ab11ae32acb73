"""Volatility: how far a variant moves the model away from where its parent has it.

Let both be read by the same model, and let a token be *shared* when it belongs to a longest
matching block of the two token sequences (difflib, no junk heuristic).

- `mean_kl`: mean over shared tokens of KL(parent || variant), in nats, between the model's
  next-token distributions after reading that token in the parent and in the variant.
- `max_surprise`: largest surprise added by a token of the variant, in nats: for a shared token
  its surprise in the variant minus its surprise in the parent, for a new one its surprise.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from litho.model.loaded import LanguageModel
from litho.model.placement import HOST
from litho.model.read.prefixes import Read, read_rows
from litho.model.read.scoring import (
    chunks,
    common_length,
    kl,
    logits_of_rows,
    normalizers,
    token_logprobs,
)
from litho.text.diffs import edits, shared_tokens
from litho.text.variants import Edit, Volatility

# Shapes: N tokens of a text, T places of a row with what opens it, V vocabulary.
Rows = tuple[str, ...]
_NEW = -1  # instead of the place in the parent of a token that the parent does not have


@dataclass(frozen=True)
class TextReading:
    """A text as the model reads it; a text of several rows is read row by row."""

    rows: tuple[tuple[int, ...], ...]  # with what opens them
    tokens: list[int]
    after_NV: Tensor  # next-token logits after each token
    surprise_N: Tensor  # nats


def read(model: LanguageModel, rows: Rows) -> TextReading:
    """Read rows of text, each from its own beginning."""
    return read_rows_of(model, [model.encode(row) for row in rows])


@torch.no_grad()
def read_rows_of(model: LanguageModel, encoded: Sequence[Sequence[int]]) -> TextReading:
    """Read rows of tokens, each with what opens it."""
    tokens: list[int] = []
    after, surprise = [], []
    offset = len(model.start)
    for ids, row_logits in zip(encoded, logits_of_rows(model, encoded), strict=True):
        seen = token_logprobs(row_logits[:-1], torch.tensor(ids[1:], device=HOST)).neg()
        tokens += ids[offset:]
        after.append(row_logits[offset:])
        # Without an opening token nothing predicts the first one: it counts as unsurprising.
        surprise.append(seen if offset else torch.cat([seen.new_zeros(1), seen]))
    return TextReading(tuple(map(tuple, encoded)), tokens, torch.cat(after), torch.cat(surprise))


def volatility(parent: TextReading, variant: TextReading) -> Volatility:
    """Volatility of `variant` against `parent`, both read by the same model."""
    pairs = shared_tokens(parent.tokens, variant.tokens)
    added = variant.surprise_N.clone()
    mean_kl = 0.0
    if pairs:
        device = parent.after_NV.device
        old, new = (torch.tensor(side, device=device) for side in zip(*pairs, strict=True))
        mean_kl = kl(parent.after_NV[old], variant.after_NV[new]).mean().item()
        added[new] -= parent.surprise_N[old]
    return Volatility(mean_kl=mean_kl, max_surprise=max(added.max().item(), 0.0))


@torch.no_grad()
def volatilities(
    model: LanguageModel, parent: TextReading, variants: Sequence[Rows]
) -> list[Volatility]:
    """Volatility of many variants, as `volatility` defines it, good to 1e-4 nats.

    What variants share at the beginning of their rows is read once, and so is the divergence
    there; where a row begins as the parent does, nothing diverges.
    """
    encoded = {row: model.encode(row) for variant in variants for row in variant}
    unique = list(encoded)
    uses: dict[str, list[tuple[int, list[int]]]] = {row: [] for row in unique}
    pairs = [0] * len(variants)
    for number, variant in enumerate(variants):
        partners = _partners(parent, [encoded[row][len(model.start) :] for row in variant])
        pairs[number] = sum(p != _NEW for row in partners for p in row)
        for row, places in zip(variant, partners, strict=True):
            uses[row].append((number, [_NEW] * len(model.start) + places))
    numbers, distances = list[int](), list[Tensor]()
    longest = max(map(len, encoded.values()), default=0)
    path = _Path(parent, len(model.start), longest)
    for new in read_rows(model, list(encoded.values())):
        path.move(encoded[unique[new.row]], new)
        for number, places in uses[unique[new.row]]:
            numbers.append(number)
            distances.append(path.against(torch.tensor(places, device=HOST)))
    total, largest = [0.0] * len(variants), [0.0] * len(variants)
    measured = torch.stack(distances).tolist() if distances else []
    for number, (divergence, added) in zip(numbers, measured, strict=True):
        total[number] += divergence
        largest[number] = max(largest[number], added)
    return [
        Volatility(mean_kl=kl_sum / max(1, count), max_surprise=surprise)
        for kl_sum, count, surprise in zip(total, pairs, largest, strict=True)
    ]


def _partners(parent: TextReading, rows: Sequence[Sequence[int]]) -> list[list[int]]:
    """For every token of the rows its place among the parent's tokens, or `_NEW`."""
    tokens = [token for row in rows for token in row]
    places = {new: old for old, new in shared_tokens(parent.tokens, tokens)}
    partners, start = [], 0
    for row in rows:
        partners.append([places.get(start + i, _NEW) for i in range(len(row))])
        start += len(row)
    return partners


class _Path:
    """What is known of the places of the row that was read last.

    On the device of the logits, but for the places in the parent, which are but bookkeeping.
    """

    def __init__(self, parent: TextReading, offset: int, longest: int) -> None:
        self.parent, self.offset = parent, offset
        self.normalizer_N = normalizers(parent.after_NV)
        self.device = parent.after_NV.device
        self.normalizer_T, self.surprise_T, self.kl_T = torch.zeros(3, longest, device=self.device)
        self.partner_T = torch.full((longest,), _NEW, device=HOST)  # to which kl_T belongs
        self.logits_TV = parent.after_NV[:0]

    def move(self, ids: Sequence[int], new: Read) -> None:
        """Go on to another row, of which `new.kept` places are those of the row before."""
        kept, end = new.kept, len(ids)
        self.logits_TV = new.logits_TV
        self.normalizer_T[kept:end] = normalizers(new.logits_TV[kept:])
        first = max(kept, 1)
        own_T = torch.tensor(ids[first:], device=self.device)[:, None]
        logit_T = new.logits_TV[first - 1 : -1].float().gather(-1, own_T)[:, 0]
        self.surprise_T[first:end] = self.normalizer_T[first - 1 : end - 1] - logit_T
        self.partner_T[kept:end] = _NEW
        self._begins_as_parent(ids, kept)

    def _begins_as_parent(self, ids: Sequence[int], kept: int) -> None:
        start = 0
        for row in self.parent.rows:
            same = common_length(row, ids)
            first = max(kept, self.offset)
            if same > first:
                begin, end = (place - self.offset + start for place in (first, same))
                self.partner_T[first:same] = torch.arange(begin, end, device=HOST)
                self.kl_T[first:same] = 0.0
                self.surprise_T[first:same] = self.parent.surprise_N[begin:end]
            start += len(row) - self.offset

    def against(self, partner_T: Tensor) -> Tensor:
        """Sum of the divergences from the parent, and the largest surprise added, in nats: 2."""
        length = len(partner_T)
        shared_T = partner_T != _NEW
        new = (shared_T & (partner_T != self.partner_T[:length])).nonzero()[:, 0]
        partners, places = (each.to(self.device) for each in (partner_T[new], new))
        self.kl_T[places] = self._divergence(places, partners)
        self.partner_T[new] = partner_T[new]
        shared = shared_T.nonzero()[:, 0]
        partners, places = (each.to(self.device) for each in (partner_T[shared], shared))
        added_T = self.surprise_T[:length].clone()
        added_T[places] -= self.parent.surprise_N[partners]
        return torch.stack([self.kl_T[places].sum(), added_T[self.offset :].max()])

    def _divergence(self, places_N: Tensor, partners_N: Tensor) -> Tensor:
        """KL(parent || variant) = sum p (x - y) - (log Z - log Z'), with logits x and y."""
        divergences = [places_N.new_zeros(0, dtype=torch.float32)]
        for places, partners in chunks(places_N, partners_N):
            x_NV = self.parent.after_NV[partners].float()
            p_NV = x_NV.softmax(-1)
            change_NV = x_NV.sub_(self.logits_TV[places])
            shift_N = self.normalizer_N[partners] - self.normalizer_T[places]
            divergences.append(torch.linalg.vecdot(p_NV, change_NV) - shift_N)
        return torch.cat(divergences).clamp_min_(0)


def token_edits(model: LanguageModel, parent: TextReading, rows: Rows) -> tuple[Edit, ...]:
    """What changed between a parent and a variant, in tokens of the parent."""
    tokens = [token for row in rows for token in model.encode(row)[len(model.start) :]]
    changes = edits(parent.tokens, tokens)
    return tuple(Edit(start=a, end=b, new=model.decode(new)) for a, b, new in changes)


# Shapes: T tokens of the text, V vocabulary.
LIKELY = 3.0  # nats; a token of the text that surprises less is one that the model might have said


@dataclass(frozen=True)
class Budget:
    """How far one step of a ladder may move the model, in nats, and how many tokens it changes."""

    mean_kl: float
    surprise: float
    tokens: int = 2

    def allows(self, change: Volatility) -> bool:
        return change.mean_kl <= self.mean_kl and change.max_surprise <= self.surprise
