"""Where an adapter listens: directions of its inputs in which a text stands out.

Of all changes of a weight matrix that change its answer to an input x by the same amount, the one
along C^-1 x, with C = E[y y^T] over other inputs y, changes its answers to those least (Meng et al.
2022, "Locating and Editing Factual Associations in GPT", arXiv 2202.05262, section 3.1).
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from litho.model.adapters.targets import target_modules
from litho.model.loaded import LanguageModel
from litho.model.placement import HOST, exactly
from litho.model.read.scoring import logits

# Shapes: B rows, T tokens, N tokens of all rows, D inputs of a linear layer, R rank.

DAMPING = 0.01  # of an input's mean square, added to C's diagonal: what hardly occurs is noise
LOUD = 2.0  # makes up for A that does not learn: the same learning rates suit


@torch.no_grad()
def text_keys(
    model: LanguageModel,
    rows: Sequence[Sequence[int]],
    others_BT: Tensor,
    rank: int,
    layers: Collection[int] | None,
    seed: int,
) -> dict[str, Tensor]:
    """A matrix A (rank x inputs, float32) by name for each layer that an adapter would be on.

    Its rows are random mixtures of C^-1 x over the inputs x of the text `rows`; C is that of
    `others_BT`. On the text, A x is `LOUD` times as large as under the random A that PEFT begins
    with. The first token of each row counts in C alone: its inputs can be a hundred times as large
    as all others (Sun et al. 2024, "Massive Activations", arXiv 2402.17762), and a key must not
    answer to it. The model has no adapter yet.
    """
    inside = {name: model.network.get_submodule(name) for name in target_modules(model, layers)}
    generator = torch.Generator(HOST).manual_seed(seed)
    inputs: dict[str, list[Tensor]] = {name: [] for name in inside}
    keys = {}

    def keep(name: str, x_BTD: Tensor) -> None:
        inputs[name].append(x_BTD[:, 1:].flatten(0, 1))

    def solve(name: str, x_BTD: Tensor) -> None:
        text_ND = torch.cat(inputs.pop(name)).float()
        keys[name] = _keys(text_ND, x_BTD.float(), rank, generator)

    with _reading(inside, keep):
        for row in rows:
            logits(model, torch.tensor([list(row)], device=model.device), [0])
    with _reading(inside, solve):  # in one pass, so that one C at a time is held
        logits(model, others_BT, [0])
    return keys


def _keys(text_ND: Tensor, others_BTD: Tensor, rank: int, generator: torch.Generator) -> Tensor:
    others_ND = others_BTD.flatten(0, 1)
    moment_DD = exactly(others_ND.T @ others_ND / len(others_ND))
    moment_DD.diagonal().add_(exactly(DAMPING * others_BTD[:, 1:].square().mean()))
    mixture_RN = torch.randn(rank, len(text_ND), generator=generator, device=HOST)
    mixed_DR = exactly((mixture_RN.to(text_ND.device) @ text_ND).T)
    keys_RD = torch.linalg.solve(moment_DD, mixed_DR).T.float().to(text_ND.device)
    # PEFT draws entries of A from a uniform distribution of variance 1 / (3 D).
    drawn = text_ND.square().sum(-1).mean() / (3 * text_ND.shape[-1])
    return keys_RD * LOUD * (drawn / (text_ND @ keys_RD.T).square().mean()).sqrt()


@contextmanager
def _reading(modules: dict[str, nn.Module], tell: Callable[[str, Tensor], None]) -> Iterator[None]:
    """Inside, `tell` gets the name and the inputs, B x T x D, of each module that is read."""

    def hook(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        return lambda _, args: tell(name, args[0])

    handles = [module.register_forward_pre_hook(hook(name)) for name, module in modules.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
