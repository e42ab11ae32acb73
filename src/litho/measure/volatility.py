"""Volatility: how far a variant moves the model away from where its parent has it.

Let both be read by the same model, and let a token be *shared* when it belongs to a longest
matching block of the two token sequences (difflib, no junk heuristic).

- `mean_kl`: mean over shared tokens of KL(parent || variant), in nats, between the model's
  next-token distributions after reading that token in the parent and in the variant.
- `max_surprise`: largest surprise added by a token of the variant, in nats: for a shared token
  its surprise in the variant minus its surprise in the parent, for a new one its surprise.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from litho.core.records import Edit, Volatility
from litho.model.loading import LanguageModel
from litho.model.scoring import kl, logits_of_rows, token_logprobs
from litho.text.diffs import edits, shared_tokens

# Shapes: N tokens of a text, V vocabulary.


@dataclass(frozen=True)
class Reading:
    """A text as the model reads it; a text of several rows is read row by row."""

    tokens: list[int]
    after_NV: Tensor  # next-token logits after each token
    surprise_N: Tensor  # nats


@torch.no_grad()
def read(model: LanguageModel, rows: tuple[str, ...]) -> Reading:
    """Read rows of text, each from its own beginning."""
    tokens: list[int] = []
    after, surprise = [], []
    offset = len(model.start)
    encoded = [model.encode(row) for row in rows]
    for ids, row_logits in zip(encoded, logits_of_rows(model, encoded), strict=True):
        seen = token_logprobs(row_logits[:-1], torch.tensor(ids[1:])).neg()
        tokens += ids[offset:]
        after.append(row_logits[offset:])
        # Without an opening token nothing predicts the first one: it counts as unsurprising.
        surprise.append(seen if offset else torch.cat([seen.new_zeros(1), seen]))
    return Reading(tokens, torch.cat(after), torch.cat(surprise))


def volatility(parent: Reading, variant: Reading) -> Volatility:
    """Volatility of `variant` against `parent`, both read by the same model."""
    pairs = shared_tokens(parent.tokens, variant.tokens)
    added = variant.surprise_N.clone()
    mean_kl = 0.0
    if pairs:
        old, new = (torch.tensor(side) for side in zip(*pairs, strict=True))
        mean_kl = kl(parent.after_NV[old], variant.after_NV[new]).mean().item()
        added[new] -= parent.surprise_N[old]
    return Volatility(mean_kl=mean_kl, max_surprise=max(added.max().item(), 0.0))


def token_edits(model: LanguageModel, parent: Reading, variant: Reading) -> tuple[Edit, ...]:
    """What changed between two readings, in tokens of the parent."""
    found = edits(parent.tokens, variant.tokens)
    return tuple(Edit(start=a, end=b, new=model.decode(new)) for a, b, new in found)
