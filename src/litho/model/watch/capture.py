"""Reading a model's inner states where they arise. Hooks live only inside `with`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from litho.core.errors import LithoError
from litho.model.loaded import LanguageModel
from litho.model.placement import HOST

# Shapes: L layers, T tokens, D width of the residual stream, V vocabulary.
PLACES = 512  # whose logits exist at the same time


_paths: WeakKeyDictionary[nn.Module, str] = WeakKeyDictionary()  # by network


def block_path(network: nn.Module, layers: int) -> str:
    """Name of the module list that holds the transformer (or state-space) blocks.

    Raises LithoError if the network has no such list that reads text.
    """
    if network not in _paths:
        lists = {
            name: module
            for name, module in network.named_modules()
            if isinstance(module, nn.ModuleList) and len(module) == layers
        }
        # A tower that reads images may be of the same depth.
        there = [*lists] if len(lists) < 2 else [n for n in lists if _reads(network, lists[n])]
        if not there:
            raise LithoError(
                f"no list of {layers} blocks, one a layer, found in {type(network).__name__}: what "
                "happens in it cannot be measured"
            )
        _paths[network] = there[0]
    return _paths[network]


@torch.no_grad()
def _reads(network: nn.Module, stack: nn.ModuleList) -> bool:
    """Whether text passes through all blocks of a list."""
    passed: list[nn.Module] = []
    handles = [block.register_forward_hook(lambda b, *_: passed.append(b)) for block in stack]
    device = next(network.parameters()).device
    try:
        network(input_ids=torch.zeros(1, 2, dtype=torch.long, device=device), use_cache=False)
    finally:
        for handle in handles:
            handle.remove()
    return len(passed) == len(stack)


def blocks(model: LanguageModel) -> nn.ModuleList:
    """The blocks of a model, from the one next to the embedding to the last."""
    layers = model.network.config.get_text_config().num_hidden_layers
    stack = model.network.get_submodule(block_path(model.network, layers))
    assert isinstance(stack, nn.ModuleList)
    return stack


def check_layer(model: LanguageModel, layer: int) -> None:
    """Raises LithoError if the model has no block of that number."""
    depth = len(blocks(model))
    if not 0 <= layer < depth:
        raise LithoError(f"there is no layer {layer}: {model.source.name} has 0 to {depth - 1}")


@contextmanager
def residual_stream(model: LanguageModel) -> Iterator[list[Tensor]]:
    """Collect the output of every block, each of shape batch x T x D, in order of depth.

    The list fills when the model runs inside the block; it starts with the input of block 0.
    """
    states: list[Tensor] = []

    def keep_input(_: nn.Module, args: tuple[Tensor, ...], kwargs: dict[str, Any]) -> None:
        states.append(block_input(args, kwargs).detach())

    def keep_output(_: nn.Module, __: object, output: Tensor | tuple[Any]) -> None:
        states.append(_hidden(output))

    stack = blocks(model)
    handles = [stack[0].register_forward_pre_hook(keep_input, with_kwargs=True)]
    handles += [block.register_forward_hook(keep_output) for block in stack]
    try:
        yield states
    finally:
        for handle in handles:
            handle.remove()


def block_input(args: tuple[Tensor, ...], kwargs: dict[str, Any]) -> Tensor:
    """The hidden states among what a block is called with."""
    hidden: Tensor = args[0] if args else kwargs["hidden_states"]
    return hidden


def with_block_input(
    args: tuple[Tensor, ...], kwargs: dict[str, Any], hidden: Tensor
) -> tuple[tuple[Tensor, ...], dict[str, Any]]:
    """The same call with other hidden states."""
    if args:
        return (hidden, *args[1:]), kwargs
    return args, kwargs | {"hidden_states": hidden}


@torch.no_grad()
def answers(model: LanguageModel, ids: list[int], given: Sequence[Tensor]) -> list[Tensor]:
    """What each block answers, T x D, to a hidden state of `ids` that another model gave it.

    `given` holds one input T x D for each block; what the blocks before answered is not looked at.
    """
    answered: list[Tensor] = []

    def replace(
        args: tuple[Tensor, ...], kwargs: dict[str, Any], x_TD: Tensor
    ) -> tuple[tuple[Tensor, ...], dict[str, Any]]:
        return with_block_input(args, kwargs, x_TD[None].to(block_input(args, kwargs)))

    stack = blocks(model)
    handles = [
        block.register_forward_pre_hook(
            lambda _, args, kwargs, x_TD=x_TD: replace(args, kwargs, x_TD), with_kwargs=True
        )
        for block, x_TD in zip(stack, given, strict=True)
    ]
    handles += [
        block.register_forward_hook(
            lambda _, __, output: answered.append(_hidden(output)[0].float())
        )
        for block in stack
    ]
    try:
        with watched_head(model):
            model.network(input_ids=torch.tensor([ids], device=model.device), use_cache=False)
    finally:
        for handle in handles:
            handle.remove()
    return answered


@contextmanager
def injected(model: LanguageModel, layer: int, vector_D: Tensor) -> Iterator[None]:
    """Add a vector to the output of a block at every token, while the model runs in the block.

    Activation addition (Turner et al. 2023).
    """

    def add(_: nn.Module, __: object, output: Tensor | tuple[Any]) -> Tensor | tuple[Any]:
        if isinstance(output, Tensor):
            return output + vector_D.to(output)
        return (output[0] + vector_D.to(output[0]), *output[1:])

    handle = blocks(model)[layer].register_forward_hook(add)
    try:
        yield
    finally:
        handle.remove()


def _hidden(output: Tensor | tuple[Any]) -> Tensor:
    hidden: Tensor = output if isinstance(output, Tensor) else output[0]
    return hidden.detach()


@dataclass(frozen=True)
class HiddenStates:
    """What one forward pass leaves of a sequence, in float32."""

    residual: list[Tensor]  # L + 1 of T x D: what block 0 is given, then the output of every block
    head_input_TD: Tensor
    logits_TV: Tensor | None  # None: of a long sequence, whose output head gives them

    def logits(self, model: LanguageModel, start: int, end: int) -> Tensor:
        """Logits of the places from `start` to `end`; `model` is in the state that was read."""
        if self.logits_TV is not None:
            return self.logits_TV[start:end]
        return _head(model, self.head_input_TD[start:end])


@torch.no_grad()
def hidden_states(model: LanguageModel, ids: list[int]) -> HiddenStates:
    """Read one sequence.

    Of a long one the logits, by far the largest of all arrays, are left to be computed piece by
    piece, unless the architecture does more to them than multiply (soft caps, scales).
    """
    ids_BT = torch.tensor([ids], device=model.device)
    short = len(ids) <= PLACES
    with residual_stream(model) as states, watched_head(model, last_only=not short) as call:
        logits_TV = model.network(input_ids=ids_BT, use_cache=False).logits[0]
    residual = [state[0].float().to(model.device) for state in states]
    if not short:
        if call.gives(logits_TV[-1]):
            return HiddenStates(residual, call.input_TD, None)
        logits_TV = model.network(input_ids=ids_BT, use_cache=False).logits[0]
    return HiddenStates(residual, call.input_TD, logits_TV.float())


@dataclass
class HeadCall:
    """A call of the output head."""

    input_TD: Tensor = field(default_factory=lambda: torch.empty(0, device=HOST))  # of all places
    last_V: Tensor | None = None  # what it made of the last; None where there is no head to watch

    def gives(self, logits_V: Tensor) -> bool:
        """Whether the head alone makes the model's logits, as those of the last place show."""
        return self.last_V is not None and torch.allclose(
            self.last_V, logits_V.to(self.last_V.device), atol=1e-4
        )


@contextmanager
def watched_head(model: LanguageModel, last_only: bool = True) -> Iterator[HeadCall]:
    """Keep what the output head is given, and let it do only the last place of it."""
    call = HeadCall()

    def cut(_: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        call.input_TD = args[0][0]
        return (args[0][:, -1:], *args[1:]) if last_only else args

    def keep(_: nn.Module, __: object, output: Tensor) -> None:
        call.last_V = output[0, -1].detach()

    head = model.network.get_output_embeddings()
    handles = (
        [head.register_forward_pre_hook(cut), head.register_forward_hook(keep)] if head else []
    )
    try:
        yield call
    finally:
        for handle in handles:
            handle.remove()


def _head(model: LanguageModel, input_TD: Tensor) -> Tensor:
    return model.network.get_output_embeddings()(input_TD).detach().float()
