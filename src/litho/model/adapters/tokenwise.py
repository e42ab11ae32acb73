"""Which linear layers belong to a part of a block that treats every token by itself: the MLPs."""

from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from litho.model import trial
from litho.model.adapters.targets import target_modules
from litho.model.loaded import LanguageModel
from litho.model.watch.capture import block_path

_kinds: WeakKeyDictionary[nn.Module, tuple[str, ...]] = WeakKeyDictionary()  # by network


def mlp_kinds(model: LanguageModel) -> tuple[str, ...]:
    """What names of the linear layers of the MLPs end in; none where a model has no such parts.

    A direct part of a block is an MLP if it is called with the hidden states alone and its output
    at a token does not change with the others. Tried on the first block, once a network. The model
    has no adapter yet.
    """
    network = model.unwrapped
    if network not in _kinds:
        _kinds[network] = _found(model)
    return _kinds[network]


@torch.no_grad()
def _found(model: LanguageModel) -> tuple[str, ...]:
    network = model.unwrapped
    path = block_path(network, network.config.get_text_config().num_hidden_layers)
    block: nn.Module = network.get_submodule(path)[0]
    parts = dict(block.named_children())
    with _inputs(parts) as seen:
        model.network(input_ids=trial.rows(model)[:1].to(model.device), use_cache=False)
    apart = {name for name, hidden in seen.items() if _is_tokenwise(parts[name], hidden)}
    inside = f"{path}.0."
    return tuple(
        dict.fromkeys(
            name[len(inside) :]
            for name in target_modules(model, [0])
            if name[len(inside) :].partition(".")[0] in apart
        )
    )


@contextmanager
def _inputs(parts: dict[str, nn.Module]) -> Iterator[dict[str, Tensor]]:
    """Inside, the hidden states with which each part is called, if it is called with no more."""
    seen: dict[str, Tensor] = {}

    def note(name: str, args: tuple[object, ...], kwargs: dict[str, object]) -> None:
        given = [*args, *kwargs.values()]
        if len(given) == 1 and isinstance(given[0], Tensor) and given[0].dim() == 3:
            seen[name] = given[0]

    handles = [
        part.register_forward_pre_hook(
            lambda _, args, kwargs, name=name: note(name, args, kwargs), with_kwargs=True
        )
        for name, part in parts.items()
    ]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def _is_tokenwise(part: nn.Module, hidden_BTD: Tensor) -> bool:
    """Whether the output at the last token is the same behind other tokens."""
    others_BTD = torch.cat([hidden_BTD[:, :-1].flip(1), hidden_BTD[:, -1:]], dim=1)
    first, second = part(hidden_BTD), part(others_BTD)
    if not isinstance(first, Tensor) or first.shape[:2] != hidden_BTD.shape[:2]:
        return False
    return torch.allclose(first[:, -1], second[:, -1], rtol=1e-4, atol=1e-5)
