"""Log-probabilities, surprise and divergence of a model on token sequences.

Sequences are padded on the right and no attention mask is passed: in a causal model no token
sees what follows it, so that padding cannot change a real token's logits.
"""

import copy
import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import DynamicCache

from litho.model.loading import LanguageModel

# Shapes: B rows, T tokens, V vocabulary.
BUCKET = 32
TOKENS_AT_ONCE = 1024
CHUNK = 256  # tokens whose distributions are compared at once


@dataclass(frozen=True)
class Target:
    """A sequence of which the tokens from position `first` on are scored."""

    ids: tuple[int, ...]
    first: int


def pad_rows(
    rows: Sequence[Sequence[int]], pad: int, bucket: int = BUCKET
) -> tuple[Tensor, Tensor]:
    """Token ids and a mask of real tokens, both B x T, T rounded up to a multiple of `bucket`."""
    length = -(-max(map(len, rows)) // bucket) * bucket
    ids_BT = torch.full((len(rows), length), pad)
    mask_BT = torch.zeros((len(rows), length), dtype=torch.bool)
    for i, row in enumerate(rows):
        ids_BT[i, : len(row)] = torch.tensor(row)
        mask_BT[i, : len(row)] = True
    return ids_BT, mask_BT


def batches(
    lengths: Sequence[int], tokens: int = TOKENS_AT_ONCE, bucket: int = BUCKET
) -> Iterator[list[int]]:
    """Indices of rows that go together: like lengths, at most `tokens` padded tokens a batch."""
    group: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: (lengths[i], i)):
        padded = -(-lengths[index] // bucket) * bucket
        if group and (len(group) + 1) * padded > tokens:
            yield group
            group = []
        group.append(index)
    if group:
        yield group


def logits(
    model: LanguageModel, ids_BT: Tensor, keep: int = 0, past: DynamicCache | None = None
) -> Tensor:
    """Logits B x T x V, or of the last `keep` positions only; `past` is what was read before."""
    extra: dict[str, object] = {"use_cache": past is not None}
    if past is not None:
        extra["past_key_values"] = past
    if keep and "logits_to_keep" in inspect.signature(_plain(model).forward).parameters:
        extra["logits_to_keep"] = keep
    out = model.network(input_ids=ids_BT.to(model.device), **extra).logits
    return out[:, -keep:] if keep else out


def _plain(model: LanguageModel) -> torch.nn.Module:
    return model.network.get_base_model() if model.adapters else model.network


def target_logprobs(model: LanguageModel, targets: Sequence[Target]) -> list[float]:
    """Mean log-probability per target token in nats, one number a target.

    What all sequences begin with is computed once and kept as attention keys and values, where
    the architecture has them.
    """
    if not targets:
        return []
    shared = _shared_length(targets)
    prefix = _read_prefix(model, targets[0].ids[:shared]) if shared > BUCKET else None
    scores = [0.0] * len(targets)
    for group in batches([len(t.ids) - (shared if prefix else 0) for t in targets]):
        values = _score_batch(model, [targets[i] for i in group], prefix)
        for i, value in zip(group, values, strict=True):
            scores[i] = value
    return scores


@torch.no_grad()
def _score_batch(
    model: LanguageModel, targets: Sequence[Target], prefix: DynamicCache | None
) -> list[float]:
    skipped = prefix.get_seq_length() if prefix else 0
    # Behind a prefix, rounding up could run past the end of the context.
    bucket = 1 if prefix else BUCKET
    ids_BT, _ = pad_rows([t.ids[skipped:] for t in targets], model.pad, bucket)
    # Only the positions from the earliest target token on need the output head.
    start = min(t.first for t in targets) - 1 - skipped
    past = None
    if prefix:
        past = copy.deepcopy(prefix)
        past.batch_repeat_interleave(len(targets))
    given_BT = ids_BT[:, :-1]
    logp = logits(model, given_BT, given_BT.shape[1] - start, past).float().log_softmax(-1)
    labels = ids_BT[:, start + 1 :].to(logp.device)
    picked = logp.gather(-1, labels.unsqueeze(-1)).squeeze(-1)
    return [
        row[t.first - 1 - skipped - start : len(t.ids) - 1 - skipped - start].mean().item()
        for t, row in zip(targets, picked, strict=True)
    ]


@torch.no_grad()
def _read_prefix(model: LanguageModel, ids: Sequence[int]) -> DynamicCache | None:
    """Keys and values of a prefix; None where the model keeps something else."""
    ids_BT = torch.tensor([list(ids)], device=model.device)
    out = model.network(input_ids=ids_BT, use_cache=True)
    cache = getattr(out, "past_key_values", None)
    if cache and all(hasattr(layer, "batch_repeat_interleave") for layer in cache.layers):
        return cache
    return None


def _shared_length(targets: Sequence[Target]) -> int:
    """Length of the longest common beginning that leaves each target its predicting token."""
    shared = min(t.first for t in targets) - 1
    first = targets[0].ids
    for t in targets[1:]:
        shared = next((i for i in range(shared) if t.ids[i] != first[i]), shared)
    return shared


@torch.no_grad()
def greedy(model: LanguageModel, ids: Sequence[int], count: int) -> list[int]:
    """The next `count` tokens, each the likeliest."""
    row = list(ids)
    for _ in range(count):
        row.append(int(logits(model, torch.tensor([row]), keep=1)[0, -1].argmax()))
    return row[len(ids) :]


def kl(logits_p: Tensor, logits_q: Tensor) -> Tensor:
    """KL(p || q) in nats over the last axis, computed in float32."""
    if not torch.is_grad_enabled() and logits_p.dim() == 2 and len(logits_p) > CHUNK:
        # Without gradients nothing has to be kept, so that long texts need little memory.
        pairs = zip(logits_p.split(CHUNK), logits_q.split(CHUNK), strict=True)
        return torch.cat([kl(p, q) for p, q in pairs])
    logp, logq = logits_p.float().log_softmax(-1), logits_q.float().log_softmax(-1)
    return (logp.exp() * (logp - logq)).sum(-1)


@torch.no_grad()
def kl_between_states(
    model: LanguageModel, rows: Sequence[Sequence[int]], before: str | None, after: str | None
) -> list[Tensor]:
    """KL(before || after) of the next-token distribution at each token, one T vector a row."""
    found = []
    for row in rows:
        ids_BT = torch.tensor([list(row)])
        with model.state(before):
            first = logits(model, ids_BT)[0]
        with model.state(after):
            found.append(kl(first, logits(model, ids_BT)[0]).cpu())
    return found
