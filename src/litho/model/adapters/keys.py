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


KEPT = 2048  # tokens of pages whose inputs are held in memory at once

Rows = Sequence[Sequence[int]]


def text_keys(
    model: LanguageModel,
    rows: Rows,
    others_BT: Tensor,
    rank: int,
    layers: Collection[int] | None,
    seed: int,
    kinds: Collection[str] | None = None,
) -> dict[str, Tensor]:
    """A matrix A (rank x inputs, float32) by name for each layer that an adapter would be on.

    Its rows are random mixtures of C^-1 x over the inputs x of the text `rows`; C is that of
    `others_BT`. On the text, A x is `LOUD` times as large as under the random A that PEFT begins
    with. The first token of each row counts in C alone: its inputs can be a hundred times as large
    as all others (Sun et al. 2024, "Massive Activations", arXiv 2402.17762), and a key must not
    answer to it. The model has no adapter yet.
    """
    return page_keys(model, [rows], others_BT, [rank], layers, seed, kinds)


@torch.no_grad()
def page_keys(
    model: LanguageModel,
    pages: Sequence[Rows],
    others_BT: Tensor,
    ranks: Sequence[int],
    layers: Collection[int] | None,
    seed: int,
    kinds: Collection[str] | None = None,
) -> dict[str, Tensor]:
    """The keys of several texts, one below the other, each of its own rank: see `text_keys`."""
    inside = {
        name: model.network.get_submodule(name) for name in target_modules(model, layers, kinds)
    }
    generator = torch.Generator(HOST).manual_seed(seed)
    parts: dict[str, list[Tensor]] = {name: [] for name in inside}
    for group in _groups([sum(map(len, rows)) for rows in pages]):
        own, sizes = [pages[i] for i in group], [ranks[i] for i in group]
        for name, key_RD in _keys_of(model, inside, own, others_BT, sizes, generator).items():
            parts[name].append(key_RD)
    return {name: torch.cat(keys) for name, keys in parts.items()}


def _keys_of(
    model: LanguageModel,
    inside: dict[str, nn.Module],
    pages: Sequence[Rows],
    others_BT: Tensor,
    ranks: Sequence[int],
    generator: torch.Generator,
) -> dict[str, Tensor]:
    inputs: dict[str, list[Tensor]] = {name: [] for name in inside}
    keys = {}

    def keep(name: str, x_BTD: Tensor) -> None:
        inputs[name].append(x_BTD[:, 1:].flatten(0, 1))

    def solve(name: str, x_BTD: Tensor) -> None:
        rows = iter(inputs.pop(name))
        texts = [torch.cat([next(rows) for _ in page]).float() for page in pages]
        keys[name] = _keys(texts, x_BTD.float(), ranks, generator)

    with _reading(inside, keep):
        for row in (row for page in pages for row in page):
            logits(model, torch.tensor([list(row)], device=model.device), [0])
    with _reading(inside, solve):  # in one pass, so that one C at a time is held
        logits(model, others_BT, [0])
    return keys


def _groups(lengths: Sequence[int]) -> list[list[int]]:
    """Places of texts one behind the other, at most `KEPT` tokens together if one has no more."""
    groups: list[list[int]] = []
    held = KEPT
    for i, length in enumerate(lengths):
        if held + length > KEPT:
            groups.append([])
            held = 0
        groups[-1].append(i)
        held += length
    return groups


def _keys(
    texts_ND: Sequence[Tensor], others_BTD: Tensor, ranks: Sequence[int], generator: torch.Generator
) -> Tensor:
    others_ND = others_BTD.flatten(0, 1)
    moment_DD = exactly(others_ND.T @ others_ND / len(others_ND))
    moment_DD.diagonal().add_(exactly(DAMPING * others_BTD[:, 1:].square().mean()))
    mixed_DR = torch.cat(
        [_mixed(text_ND, rank, generator) for text_ND, rank in zip(texts_ND, ranks, strict=True)], 1
    )
    keys_RD = torch.linalg.solve(moment_DD, mixed_DR).T.float().to(others_BTD.device)
    of_texts = zip(keys_RD.split(list(ranks)), texts_ND, strict=True)
    return torch.cat([_loud(keys_rD, text_ND) for keys_rD, text_ND in of_texts])


def _mixed(text_ND: Tensor, rank: int, generator: torch.Generator) -> Tensor:
    mixture_RN = torch.randn(rank, len(text_ND), generator=generator, device=HOST)
    return exactly((mixture_RN.to(text_ND.device) @ text_ND).T)


def _loud(keys_RD: Tensor, text_ND: Tensor) -> Tensor:
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
