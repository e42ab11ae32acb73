"""Per-sample gradients of log-probabilities with respect to a LoRA adapter, a batch at a time."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from litho.core.errors import LithoError
from litho.model.adapters import lora
from litho.model.loaded import LanguageModel
from litho.model.placement import sizes
from litho.model.read.scoring import Target, batches, target_token_logprobs

# Shapes: B rows, T tokens, N targets, P parameters, I and O inputs and outputs.


def sample_gradients(
    model: LanguageModel, name: str, targets: Sequence[Target]
) -> Iterator[tuple[list[int], Tensor]]:
    """Gradients of each target's mean log-probability per token, in nats, batch by batch.

    Yields numbers of targets and their gradients, N x P in float32, with respect to the trainable
    matrices of the adapter in the order of `adapters.weights`. The model is in the state in which
    it is read. That of a matrix is the sum over tokens of (gradient of its output) x (its input)
    for each row alone (Goodfellow 2015, arXiv 1510.01799): one pass for the whole batch.
    """
    matrices = _matrices(model, name)
    most = sizes(model.device)
    at_once = max(1, most.gradient_floats // sum(matrix.weight.numel() for matrix in matrices))
    # Nothing is predicted behind the last token, which need not be read.
    lengths = [len(target.ids) - 1 for target in targets]
    for together in batches(lengths, model.device, most.gradient_tokens, bucket=1):
        for begin in range(0, len(together), at_once):
            group = together[begin : begin + at_once]
            chosen = [targets[i] for i in group]
            shape = len(group), max(len(target.ids) for target in chosen) - 1
            with torch.enable_grad(), _recorded(matrices, shape) as gradients:
                means = [logp.mean() for logp in target_token_logprobs(model, chosen)]
                torch.stack(means).sum().backward()  # rows do not mix
            rows = [gradients[matrix].flatten(1).to(model.device) for matrix in matrices]
            yield group, torch.cat(rows, dim=1)


def _matrices(model: LanguageModel, name: str) -> list[nn.Linear]:
    """Those of an adapter that are trained."""
    return [
        model.network.get_submodule(path.removesuffix(".weight"))
        for path, parameter in lora.weights(model, name).items()
        if parameter.requires_grad
    ]


@contextmanager
def _recorded(
    matrices: Sequence[nn.Linear], shape: tuple[int, int]
) -> Iterator[dict[nn.Module, Tensor]]:
    """Collects the gradient of each matrix row by row, B x O x I; none is left in the matrices."""
    gradients: dict[nn.Module, Tensor] = {}

    def watch(matrix: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        input_BTI = _by_rows(args[0].detach(), shape)

        def keep(gradient: Tensor) -> None:
            gradient_BTO = _by_rows(gradient, shape)
            now_BOI = torch.einsum("bto,bti->boi", gradient_BTO, input_BTI).float()
            gradients[matrix] = now_BOI + gradients[matrix] if matrix in gradients else now_BOI

        output.register_hook(keep)

    handles = [matrix.register_forward_hook(watch) for matrix in matrices]
    try:
        yield gradients
    finally:
        for handle in handles:
            handle.remove()
        for matrix in matrices:
            matrix.weight.grad = None


def _by_rows(values: Tensor, shape: tuple[int, int]) -> Tensor:
    """Values of B x T tokens row by row, also where a layer was given them in one long row.

    Raises LithoError where it was given only some of them, as experts are.
    """
    if values.shape[:-1].numel() != shape[0] * shape[1]:
        raise LithoError("a layer of this model reads only some of the tokens: leave it out")
    return values.reshape(*shape, values.shape[-1])
