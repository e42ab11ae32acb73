"""Depth: which layers a text's own gradient pulls at, beyond what any text pulls at."""

import math
import random
from collections.abc import Sequence

import torch
from torch import Tensor

from litho.learn.losses import backward_text
from litho.learn.records import Depth, Layers
from litho.measure.printing.drift import retention_blocks
from litho.model.adapters import lora
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel
from litho.model.placement import exactly, sizes
from litho.text.shipped import shipped_retention

SHARE = 1 / 3  # of the layers that are chosen
RANK = 8
UNRELATED_TOKENS = 512  # of plain prose
_PROBE = "depth"


def choose_layers(
    model: LanguageModel,
    rows: Sequence[Sequence[int]],
    unrelated: Sequence[Sequence[int]],
    seed: int,
) -> Depth:
    """The third of the layers at which the text pulls most.

    For each layer: the squared norm of the gradient of the text's mean loss with respect to fresh
    LoRA weights, without its component along that of unrelated prose, |g|^2 (1 - cos^2), as a share
    of the sum over all layers. Whether printing there does better is for a comparison to say.
    """
    with lora.fresh(model, _PROBE, AdapterSpec(RANK, seed=seed)):
        text, other = (_gradients(model, part) for part in (rows, unrelated))
    pull_L = torch.stack([_own_part(text[layer], other[layer]) for layer in sorted(text)])
    share_L = (pull_L / pull_L.sum().clamp_min(1e-38)).tolist()
    count = math.ceil(SHARE * len(share_L))
    chosen = sorted(sorted(range(len(share_L)), key=lambda i: -share_L[i])[:count])
    held = sum(share_L[i] for i in chosen)
    return Depth(
        layers=tuple(chosen),
        pull=tuple(share_L),
        reason=(
            f"these {count} of {len(share_L)} layers hold {100 * held:.0f} % of what the text's "
            f"loss pulls at and unrelated prose does not; any {count} would hold "
            f"{100 * count / len(share_L):.0f} % if all were alike"
        ),
    )


def layers_pulled(model: LanguageModel, rows: Sequence[Sequence[int]], seed: int) -> Depth:
    """`choose_layers` against a few pages of plain prose."""
    unrelated = retention_blocks(model, shipped_retention(), UNRELATED_TOKENS)
    return choose_layers(model, rows, unrelated, seed)


def layers_by(policy: Layers, pulled: Sequence[int], whole: int, chance: str) -> list[int]:
    """The layers of `whole` that a policy names.

    `pull`: those that the text pulls at; to compare with, as many by `chance` or the last ones.
    """
    count = len(pulled)
    if policy == "random":
        return sorted(random.Random(f"{chance} layers").sample(range(whole), count))
    if policy == "top":
        return list(range(whole - count, whole))
    return list(pulled) if policy == "pull" else list(range(whole))


def _gradients(model: LanguageModel, rows: Sequence[Sequence[int]]) -> dict[int, Tensor]:
    """Gradient of the mean loss with respect to B of every layer, where B is 0 still."""
    with torch.enable_grad(), lora.learning(model, _PROBE):
        backward_text(model, rows, sizes(model.device).gradient_tokens)
    gradients: dict[int, list[Tensor]] = {}
    for name, weight in lora.weights(model, _PROBE).items():
        if ".lora_B." in name and weight.grad is not None:
            gradients.setdefault(lora.layer_of(name), []).append(weight.grad.flatten().clone())
        weight.grad = None
    return {layer: exactly(torch.cat(parts)) for layer, parts in gradients.items()}


def _own_part(own: Tensor, other: Tensor) -> Tensor:
    along = (own @ other).square() / other.square().sum().clamp_min(1e-300)
    return (own.square().sum() - along).clamp_min(0)
