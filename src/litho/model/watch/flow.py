"""What makes a model prefer one token to another: how much of that flows where, in one pass back.

The pass is made linear around what the model computes: where heads look stays as it is, and each
norm and MLP becomes the linear map nearest to its tangent that takes what it was given to what it
gave (Broyden 1965). Of a norm without a bias that is the norm with its scale held. So nothing gets
lost on the way back: what flows out of a part has flowed into it. With tangents alone it would
(Ancona et al. 2018, arXiv 1711.06104).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from litho.core.errors import LithoError
from litho.model.loaded import LanguageModel
from litho.model.placement import HOST
from litho.model.read.scoring import logits_at
from litho.model.watch.attention import LayerAttention, exchanged, seen_attention
from litho.model.watch.capture import block_input, blocks, with_block_input

# Shapes: L layers, H heads, K value heads, T tokens, N queries of a block, S tokens seen up to its
# end, D width.
LEAK = 0.01  # of what flows: more than that must not be lost on the way back


@dataclass(frozen=True)
class HeadFlow:
    """What flows through the heads of one layer, in the units of the preference."""

    attention: LayerAttention
    value_KTD: Tensor
    gradient_HTD: Tensor  # of the preference, by what each head read

    def blocks(self) -> Iterator[tuple[int, Tensor, Tensor]]:
        """Attention and flow H x N x S of each block of queries, and where the block begins.

        The edge from s to t through head h carries A_h[t, s] v_h[s] . (dm / dz_h[t]), in which z
        is what the head reads: by how much m falls when this edge is cut.
        """
        times = len(self.gradient_HTD) // len(self.value_KTD)
        value_HTD = self.value_KTD.repeat_interleave(times, dim=0).float()
        for start, p_HNS in self.attention.shares():
            end = start + p_HNS.shape[1]
            gradient_HND = self.gradient_HTD[:, start:end].float()
            yield start, p_HNS, p_HNS * (gradient_HND @ value_HTD[:, :end].mT)


@dataclass(frozen=True)
class Flow:
    """A preference m = logit of one token - logit of another, and where it comes from.

    The flow from all tokens and from the biases of attention adds up to m.
    """

    m: float
    token_T: Tensor  # from the embedding of each token
    biases: float
    shift_LT: Tensor  # through the MLP of each layer, at each token
    heads: list[HeadFlow]  # by layer


def flow(model: LanguageModel, ids: Sequence[int], tokens: tuple[int, int]) -> Flow:
    """What flows where, when the model prefers the first of two tokens behind `ids`.

    The model is in the state that it is read in. Raises LithoError if its heads cannot be watched,
    or what its blocks do cannot be taken apart into attention and what each token does alone.
    """
    with torch.enable_grad(), _Watch(model).active() as watch:
        logits_V = logits_at(model, torch.tensor([ids], device=HOST), [(0, len(ids) - 1)])[
            0
        ].float()
        m = logits_V[tokens[0]] - logits_V[tokens[1]]
        watch.check_heads()
        watch.m = m.item()
        read = [each.read for each in watch.heads.values()]
        embedded, *gradients = torch.autograd.grad(m, [watch.embedded, *read])
    layers = sorted(watch.heads)
    by_layer = dict(zip(watch.heads, gradients, strict=True))
    found = Flow(
        m=watch.m,
        token_T=(embedded * watch.embedded).detach()[0].float().sum(-1),
        biases=sum(call.out - call.into for call in watch.attentions),
        shift_LT=torch.stack([_sum(calls, len(ids)) for calls in watch.shifts]),
        heads=[
            HeadFlow(
                watch.heads[layer].attention,
                watch.heads[layer].value_KTD,
                by_layer[layer][0].transpose(0, 1),
            )
            for layer in layers
        ],
    )
    _check_sum(model, found)
    return found


def _sum(calls: Sequence["_Call"], tokens: int) -> Tensor:
    return sum((call.flow_T.cpu() for call in calls), torch.zeros(tokens, device=HOST))


def _check_sum(model: LanguageModel, found: Flow) -> None:
    lost = abs(found.m - found.token_T.sum().item() - found.biases)
    if not lost <= LEAK * max(abs(found.m), found.token_T.abs().max().item()):
        raise LithoError(
            f"what the blocks of {model.source.name} do cannot be taken apart into attention and "
            "MLPs: there is no graph of it"
        )


@dataclass
class _Read:
    """What the heads of a layer read."""

    attention: LayerAttention
    value_KTD: Tensor
    read: Tensor  # 1 x T x H x D


class _Call:
    """One call of a part of a block: what flows into it and out of it on the way back."""

    def __init__(self, given: Tensor, alone: bool) -> None:
        """`alone`: of each token nothing but itself goes in, so that what it loses is known."""
        self._given, self._alone = given.detach(), alone
        self._gave = self._given
        self.into = self.out = 0.0
        self.flow_T = torch.empty(0, device=HOST)  # what flows out at each token

    def entry(self, given: Tensor) -> Tensor:
        entered = given.view_as(given)
        if entered.requires_grad:
            entered.register_hook(self._entered)
        return entered

    def left(self, gave: Tensor) -> None:
        self._gave = gave.detach()
        if gave.requires_grad:
            gave.register_hook(self._leaving)

    def _leaving(self, gradient: Tensor) -> None:
        self.flow_T = _inner(gradient, self._gave)[0]
        self.out = self.flow_T.sum().item()

    def _entered(self, gradient: Tensor) -> Tensor | None:
        if not self._alone:
            self.into = _inner(gradient, self._given).sum().item()
            return None
        return _kept(gradient, self._given, self.flow_T)


def _inner(gradient: Tensor, hidden: Tensor) -> Tensor:
    return torch.linalg.vecdot(gradient.float(), hidden.float())


def _kept(gradient: Tensor, given: Tensor, flow_T: Tensor) -> Tensor:
    """The gradient of the nearest linear map through which just this flows, at each token."""
    missing_T = flow_T - _inner(gradient, given)
    size_T = _inner(given, given).clamp_min(torch.finfo(torch.float32).tiny)
    return gradient + ((missing_T / size_T)[..., None] * given).to(gradient)


@dataclass
class _Watch:
    """Hooks around the parts of all blocks, and what they saw."""

    model: LanguageModel
    m: float = 0.0
    embedded: Tensor = field(default_factory=lambda: torch.empty(0, device=HOST))
    heads: dict[int, _Read] = field(default_factory=dict)
    attentions: list[_Call] = field(default_factory=list)
    shifts: list[list[_Call]] = field(default_factory=list)  # by layer

    def check_heads(self) -> None:
        """Raises LithoError if the heads of a layer could not be watched."""
        depth = len(self.shifts)
        if len(self.heads) < depth:
            raise LithoError(
                f"the attention of {self.model.source.name} cannot be watched (in "
                f"{depth - len(self.heads)} of {depth} layers): there is no graph of it; choose "
                "a model with plain attention"
            )

    @contextmanager
    def active(self) -> Iterator["_Watch"]:
        stack = blocks(self.model)
        handles = [
            stack[0].register_forward_pre_hook(self._begin, with_kwargs=True),
            stack[-1].register_forward_hook(self._end),
        ]
        for block in stack:
            self.shifts.append([])
            for part in block.children():
                handles += self._around(part, self.shifts[-1])
        try:
            with exchanged(self._attend):
                yield self
        finally:
            for handle in handles:
                handle.remove()

    def _around(self, part: nn.Module, shifts: list[_Call]) -> list[RemovableHandle]:
        """Hooks of a norm, an MLP or attention; what has no weights changes nothing here."""
        sizes = [weight.dim() for weight in part.parameters()]
        attends = any(hasattr(module, "layer_idx") for module in part.modules())
        if not sizes:
            return []
        kept = self.attentions if attends else shifts if max(sizes) > 1 else []
        running: list[_Call] = []

        def enter(_: nn.Module, args: tuple[Tensor, ...], kwargs: dict[str, Any]) -> Any:  # noqa: ANN401
            given = block_input(args, kwargs)
            running.append(_Call(given, alone=not attends))
            return with_block_input(args, kwargs, running[-1].entry(given))

        def leave(_: nn.Module, __: object, output: Tensor | tuple[Any]) -> None:
            call = running.pop()
            call.left(output if isinstance(output, Tensor) else output[0])
            kept.append(call)

        return [
            part.register_forward_pre_hook(enter, with_kwargs=True),
            part.register_forward_hook(leave),
        ]

    def _begin(self, _: nn.Module, args: tuple[Tensor, ...], kwargs: dict[str, Any]) -> Any:  # noqa: ANN401
        self.embedded = block_input(args, kwargs).detach().requires_grad_()
        return with_block_input(args, kwargs, self.embedded)

    def _end(self, _: nn.Module, __: object, output: Tensor | tuple[Any]) -> None:
        """What follows the last block, the last norm and the output head, is one map, too."""
        last = output if isinstance(output, Tensor) else output[0]
        given = last.detach()

        def keep(gradient: Tensor) -> Tensor:
            flow_T = torch.zeros(given.shape[1], device=given.device)
            flow_T[-1] = self.m
            return _kept(gradient, given, flow_T)

        last.register_hook(keep)

    def _attend(
        self,
        module: nn.Module,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attention_mask: Tensor | None,
        scaling: float | None = None,
        **options: Any,  # noqa: ANN401  whatever transformers passes on
    ) -> tuple[Tensor, None]:
        query, key = query.detach(), key.detach()  # where heads look stays as it is
        output = sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, **options
        )
        if seen := seen_attention(module, query, key, attention_mask, scaling, options):
            layer, attention = seen
            self.heads[layer] = _Read(attention, value[0].detach(), output[0])
        return output
