"""Gradients of the loss with respect to hidden states, in the memory of a single block."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.checkpoint import checkpoint

from litho.model.loaded import LanguageModel
from litho.model.placement import sizes
from litho.model.watch.capture import block_input, blocks, watched_head, with_block_input

# Shapes: L layers, T tokens, N of them at a time, D width of the residual stream.


def gradient_norms(model: LanguageModel, ids: Sequence[int]) -> Tensor | None:
    """Norm of the gradient of the loss with respect to the output of every block, L x T.

    The loss is -log P of all tokens but the first, summed, in nats; the model is in the state that
    it is read in. Blocks are computed again on the way back instead of being kept (Chen et al.
    2016). None where the logits are more than the output head's product (soft caps, scales).
    """
    ids_T = torch.tensor(ids, device=model.device)
    with torch.enable_grad(), _recomputed(model) as outputs:
        with watched_head(model) as call:
            last_V = model.network(input_ids=ids_T[None], use_cache=False).logits[0, -1]
        if not call.gives(last_V):
            return None
        head = model.network.get_output_embeddings()
        followed_T = ids_T.to(call.input_TD.device)
        call.input_TD.backward(_from_loss(head, call.input_TD.detach(), followed_T))
    return torch.stack([_norms(output).to(model.device) for output in outputs])


def _from_loss(head: nn.Module, input_TD: Tensor, ids_T: Tensor) -> Tensor:
    """Gradient of the loss with respect to the input of the output head."""
    gradient_TD = torch.zeros_like(input_TD)
    known = len(ids_T) - 1
    at_once = sizes(input_TD.device).head_places
    for start in range(0, known, at_once):
        end = min(start + at_once, known)
        part_ND = input_TD[start:end].clone().requires_grad_()
        loss = cross_entropy(head(part_ND).float(), ids_T[start + 1 : end + 1], reduction="sum")
        (gradient_TD[start:end],) = torch.autograd.grad(loss, part_ND)
    return gradient_TD


def _norms(output: Tensor) -> Tensor:
    assert output.grad is not None
    return output.grad[0].norm(dim=-1)


@contextmanager
def _recomputed(model: LanguageModel) -> Iterator[list[Tensor]]:
    """Blocks that keep only their inputs; collects their outputs, whose gradients are kept."""
    outputs: list[Tensor] = []
    stack = blocks(model)

    def start(_: nn.Module, args: tuple[Tensor, ...], kwargs: dict[str, Any]) -> Any:  # noqa: ANN401
        return with_block_input(args, kwargs, block_input(args, kwargs).detach().requires_grad_())

    def keep(_: nn.Module, __: object, output: Tensor | tuple[Any]) -> None:
        hidden = output if isinstance(output, Tensor) else output[0]
        hidden.retain_grad()
        outputs.append(hidden)

    handles = [stack[0].register_forward_pre_hook(start, with_kwargs=True)]
    handles += [block.register_forward_hook(keep) for block in stack]
    # A model that is spread over devices has a `forward` of accelerate in each of its blocks.
    kept = [vars(block).get("forward") for block in stack]
    for block in stack:
        block.forward = partial(checkpoint, block.forward, use_reentrant=False)
    try:
        yield outputs
    finally:
        for block, forward in zip(stack, kept, strict=True):
            del block.forward  # the class's own is behind it
            if forward:
                block.forward = forward
        for handle in handles:
            handle.remove()
