"""Attention seen beside the model's own attention function, block by block.

While somebody watches, transformers' SDPA is exchanged for a function that calls it, so that its
output keeps every bit, and then hands queries and keys on. It goes by the same name: many models
ask what their attention is called, and choose their masks by it. No array of heads x tokens x
tokens ever exists.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from litho.model.loaded import LanguageModel
from litho.model.placement import sizes

# Shapes: H heads, K key heads, T tokens, N queries of a block, S tokens seen up to its end, D width
# of a head.
STRETCH = 32  # keys that are sought through at once; queries come in multiples of it
_NAME = "sdpa"
_NEVER = -1e30  # instead of minus infinity, whose product with a probability of 0 is no number


@dataclass(frozen=True)
class LayerAttention:
    """What the attention of one layer follows from, for one sequence."""

    query_HTD: Tensor
    key_KTD: Tensor
    mask_TT: Tensor | None  # True: may be seen; None: everything before
    scaling: float

    def equals(self, other: "LayerAttention") -> bool:
        """Whether both attend alike, bit by bit."""
        return torch.equal(self.query_HTD, other.query_HTD) and torch.equal(
            self.key_KTD, other.key_KTD
        )

    def scores(self) -> Iterator[tuple[int, Tensor]]:
        """Scores H x N x S before the softmax, and where each block of queries begins.

        S is rounded up to whole stretches; what may not be seen has a score of -1e30. Each block
        overwrites the one before, which saves more than half of the time.
        """
        heads, tokens, width = self.query_HTD.shape
        keys = self.key_KTD.shape[0]
        query = self.query_HTD.view(keys, heads // keys, tokens, width).float() * self.scaling
        key = pad(self.key_KTD.float(), (0, 0, 0, -tokens % STRETCH)).transpose(1, 2)
        most = sizes(query.device)
        at_once = most.scores // (heads * tokens) // STRETCH * STRETCH
        at_once = max(STRETCH, min(at_once, most.queries))
        room = query.new_empty(heads * at_once * key.shape[-1])
        later = torch.full((at_once, at_once), _NEVER, device=query.device).triu_(1)
        for start in range(0, tokens, at_once):
            end, seen = min(start + at_once, tokens), min(start + at_once, key.shape[-1])
            block = query[:, :, start:end].reshape(keys, -1, width)
            scores = room[: heads * (end - start) * seen]
            torch.bmm(block, key[:, :, :seen], out=scores.view(keys, -1, seen))
            scores_HNS = scores.view(heads, end - start, seen)
            scores_HNS[:, :, start:].add_(later[: end - start, : seen - start])
            if self.mask_TT is not None:
                scores_HNS[:, :, :tokens].masked_fill_(~self.mask_TT[start:end, :seen], _NEVER)
            yield start, scores_HNS

    def shares(self) -> Iterator[tuple[int, Tensor]]:
        """Attention H x N x S, S up to the end of the block, and where each block begins."""
        for start, scores_HNS in self.scores():
            end = start + scores_HNS.shape[1]
            yield start, scores_HNS.softmax(-1)[..., :end]


Watcher = Callable[[int, LayerAttention], None]  # called with the layer, from 0


def unwatched(layer: int, seen: LayerAttention) -> None:
    """A watcher that drops the attention of a layer."""


# Called with the layer, queries B x H x T x D, keys B x K x T x D, the scaling of scores and what
# the heads read, B x T x H x D: of all rows of a batch, and with what gradients go through.
Taker = Callable[[int, Tensor, Tensor, float, Tensor], None]


class ReadSoFar(Exception):
    """All that is needed has been read; raised by a `Taker`, and ends the pass."""


_watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)
_taker: ContextVar[Taker | None] = ContextVar("taker", default=None)


def _watched_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    **options: Any,  # noqa: ANN401  whatever transformers passes on
) -> tuple[Tensor, None]:
    output = sdpa_attention_forward(
        module, query, key, value, attention_mask, scaling=scaling, **options
    )
    watcher, taker = _watcher.get(), _taker.get()
    seen = seen_attention(module, query, key, attention_mask, scaling, options)
    if seen:
        layer, attention = seen
        if watcher:
            watcher(layer, attention)
        if taker:
            taker(layer, query, key, attention.scaling, output[0])
    return output


def seen_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None,
    options: Mapping[str, Any],
) -> tuple[int, LayerAttention] | None:
    """The layer of a call of an attention function, and how the first row of it attends.

    None where that does not follow from queries, keys and a mask alone.
    """
    layer = getattr(module, "layer_idx", None)
    plain = not any(options.get(name) is not None for name in ("softcap", "position_bias", "s_aux"))
    boolean = attention_mask is None or attention_mask.dtype == torch.bool
    if layer is None or not plain or not boolean or query.shape[2] != key.shape[2]:
        return None
    scale = 1 / math.sqrt(query.shape[-1]) if scaling is None else scaling
    mask = None if attention_mask is None else attention_mask[0, 0].detach()
    return layer, LayerAttention(query[0].detach(), key[0].detach(), mask, scale)


@contextmanager
def watched(watcher: Watcher) -> Iterator[None]:
    """Call `watcher` with the attention of every layer of a single sequence.

    It is not called where the architecture has no attention, or computes it in a way that our
    function cannot serve (biases, soft caps, sinks that are no tokens, code of its own): the
    model's own numbers are right there too, and those on attention are absent.
    """
    with exchanged(_watched_attention):
        token = _watcher.set(watcher)
        try:
            yield
        finally:
            _watcher.reset(token)


@contextmanager
def taken(taker: Taker) -> Iterator[None]:
    """Call `taker` with the queries and keys of every layer, as far as `watched` would.

    Where it raises `ReadSoFar`, what is left of the block is passed over.
    """
    with suppress(ReadSoFar), exchanged(_watched_attention):
        token = _taker.set(taker)
        try:
            yield
        finally:
            _taker.reset(token)


@contextmanager
def exchanged(attend: Callable[..., tuple[Tensor, None]]) -> Iterator[None]:
    """Have another function compute attention, called as transformers calls its own."""
    before = ALL_ATTENTION_FUNCTIONS[_NAME]
    ALL_ATTENTION_FUNCTIONS[_NAME] = attend
    try:
        yield
    finally:
        ALL_ATTENTION_FUNCTIONS[_NAME] = before


def looks_from(query_BHTD: Tensor, key_BKTD: Tensor, scaling: float, at_B: Tensor) -> Tensor:
    """Attention B x H x T of one place of each row on all before it, in float32."""
    rows, heads = query_BHTD.shape[:2]
    query_BHD = query_BHTD[torch.arange(rows, device=query_BHTD.device), :, at_B].float()
    key_BHTD = key_BKTD.repeat_interleave(heads // key_BKTD.shape[1], dim=1).float()
    scores_BHT = torch.einsum("bhd,bhtd->bht", query_BHD * scaling, key_BHTD)
    later_BT = torch.arange(key_BHTD.shape[2], device=at_B.device) > at_B[:, None]
    return scores_BHT.masked_fill(later_BT[:, None], _NEVER).softmax(-1)


class Strongest(NamedTuple):
    """What each head and token looks at most, the first token apart."""

    source_HT: Tensor
    share_HT: Tensor  # of its attention


def unwatched_notice(model: LanguageModel, watched_layers: int) -> list[str]:
    """What to tell where attention could not be watched everywhere: one sentence, or nothing."""
    depth = model.network.config.get_text_config().num_hidden_layers
    if watched_layers == depth:
        return []
    return [
        f"attention was watched in {watched_layers} of {depth} layers: the others have none, or "
        "compute it in a way that Litho cannot watch; their numbers on heads are absent, all other "
        "numbers are right"
    ]


@dataclass(frozen=True)
class AttentionMap:
    """Attention of one layer, head by head and token by token."""

    entropy_HT: Tensor  # nats
    distance_HT: Tensor  # mean distance to what is looked at, tokens
    first_HT: Tensor  # share of the first token, the usual sink
    strongest: Strongest


def attention_map(layer: LayerAttention) -> AttentionMap:
    """Reduce the attention of a sequence of at least two tokens."""
    places_T = torch.arange(layer.query_HTD.shape[1], device=layer.query_HTD.device)
    weights_S = pad(places_T, (0, STRETCH)).float()
    mean_place, parts = [], []
    for _, scores_HNS in layer.scores():
        p_HNS = scores_HNS.softmax(-1)
        mean_place.append(p_HNS @ weights_S[: p_HNS.shape[-1]])
        parts.append(_Part.of(p_HNS, scores_HNS))
    whole = _Part.joined(parts)
    return AttentionMap(
        whole.entropy(), places_T - torch.cat(mean_place, dim=1), whole.first, whole.strongest()
    )


@dataclass(frozen=True)
class ComparedAttention:
    """Two attentions of one layer on the same sequence."""

    divergence_HT: Tensor  # Jensen-Shannon, nats
    first_change_HT: Tensor  # by how much the share of the first token grew
    before: Strongest
    after: Strongest


def compared_attention(before: LayerAttention, after: LayerAttention) -> ComparedAttention:
    """Divergence of two attentions, and what each looks at most.

    JS(p, q) = H((p + q) / 2) - (H(p) + H(q)) / 2 (Lin 1991), between 0 and log 2; exactly 0 where
    both are the same, else good to about 1e-6. The sequence has at least two tokens.
    """
    same = before.equals(after)
    of_both, old, new = [], [], []
    for (_, old_HNS), (_, new_HNS) in zip(before.scores(), after.scores(), strict=True):
        p, q = (
            s_HNS.sub_(s_HNS.amax(-1, keepdim=True)).softmax(-1) for s_HNS in (old_HNS, new_HNS)
        )
        old.append(_Part.of(p, old_HNS))
        new.append(_Part.of(q, new_HNS))
        if not same:
            both = torch.add(p, q, out=old_HNS).clamp_min_(1e-38)
            of_both.append(-torch.linalg.vecdot(both, torch.log(both, out=new_HNS)))
    first, second = _Part.joined(old), _Part.joined(new)
    if same:
        divergence_HT = torch.zeros_like(first.first)
    else:
        of_mean_HT = torch.cat(of_both, dim=1).div_(2).add_(math.log(2))
        divergence_HT = (of_mean_HT - (first.entropy() + second.entropy()) / 2).clamp_min_(0)
    return ComparedAttention(
        divergence_HT, second.first - first.first, first.strongest(), second.strongest()
    )


class _Part(NamedTuple):
    """What is kept of the attention of some queries, H x N each."""

    mean_score: Tensor
    largest_score: Tensor
    first: Tensor  # share of the first token
    source: Tensor  # of the largest share, the first token apart
    share: Tensor

    @classmethod
    def of(cls, p_HNS: Tensor, scores_HNS: Tensor) -> "_Part":
        """From probabilities and scores; overwrites the scores of the first token.

        An index costs far more than a maximum: it is sought in the stretch that holds the maximum.
        """
        mean_score_HN = torch.linalg.vecdot(p_HNS, scores_HNS)
        first_score_HN = scores_HNS[..., 0].clone()
        scores_HNS[..., 0] = _NEVER
        stretches = scores_HNS.unflatten(-1, (-1, STRETCH))
        stretch_HN = stretches.amax(-1).argmax(-1)
        count = stretches.shape[-2]
        rows = torch.arange(0, stretch_HN.numel() * count, count, device=stretch_HN.device)
        best = stretches.flatten(0, -2).index_select(0, rows + stretch_HN.flatten()).max(-1)
        source_HN = stretch_HN * STRETCH + best.indices.view_as(stretch_HN)
        share_HN = p_HNS.gather(-1, source_HN[..., None])[..., 0]
        return cls(
            mean_score_HN,
            torch.maximum(best.values.view_as(stretch_HN), first_score_HN),
            p_HNS[..., 0].clone(),
            source_HN,
            share_HN.masked_fill_(source_HN == 0, 0),  # where only the first token is seen
        )

    @classmethod
    def joined(cls, parts: Sequence["_Part"]) -> "_Part":
        return cls(*(torch.cat(each, dim=1) for each in zip(*parts, strict=True)))

    def entropy(self) -> Tensor:
        """log Z - sum p s with scores s and log Z = max s - log max p, in nats.

        That spares the logarithms of all probabilities; the error of rounding grows with max s.
        """
        normalizer = self.largest_score - torch.maximum(self.share, self.first).log()
        return normalizer - self.mean_score

    def strongest(self) -> Strongest:
        return Strongest(self.source, self.share)
