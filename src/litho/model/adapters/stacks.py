"""Weights that are stacks of matrices, such as fused experts: LoRA on linear layers misses them."""

from torch import nn
from torch.nn.modules.conv import _ConvNd

from litho.model.adapters.updates import kind
from litho.model.loaded import LanguageModel
from litho.model.watch.capture import blocks


def stacks_notice(model: LanguageModel) -> list[str]:
    """What to tell of a model with weights that get no adapter for it: one sentence, or nothing."""
    stack = blocks(model)
    missed = {
        f"{path}.{name}": weight.numel()
        for path, module in stack.named_modules()
        for name, weight in module.named_parameters(recurse=False)
        if _is_stack(module, weight)
    }
    if not missed:
        return []
    share = sum(missed.values()) / sum(weight.numel() for weight in stack.parameters())
    names = sorted({kind(f".{name}") for name in missed})
    return [
        f"the experts of {model.source.name} get no LoRA, only the linear layers around them: "
        f"{share:.0%} of the weights in its blocks are stacks of matrices ({', '.join(names)})"
    ]


def _is_stack(module: nn.Module, weight: nn.Parameter) -> bool:
    return weight.dim() > 2 and weight.shape[0] > 1 and not isinstance(module, _ConvNd)
