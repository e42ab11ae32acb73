"""The parts of a block that are no matrix products, with their derivatives written out.

Autograd would make several passes over memory of each; at the sizes of micro models those take a
fifth of a step.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function

EPS = 1e-6


class RmsNorm(Function):
    """x / root mean square(x) · weight, for x_ND."""

    @staticmethod
    def forward(ctx: Any, x_ND: Tensor, weight_D: Tensor) -> Tensor:  # noqa: ANN401  torch's own
        norm_N1 = torch.linalg.vector_norm(x_ND, dim=-1, keepdim=True)
        scale_N1 = norm_N1.square_().div_(x_ND.shape[-1]).add_(EPS).rsqrt_()
        normal_ND = x_ND * scale_N1
        ctx.save_for_backward(normal_ND, scale_N1, weight_D)
        return normal_ND * weight_D

    @staticmethod
    def backward(ctx: Any, grad_ND: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ANN401
        normal_ND, scale_N1, weight_D = ctx.saved_tensors
        along_ND = grad_ND * normal_ND
        mean_N1 = (along_ND @ weight_D).div_(len(weight_D)).unsqueeze(1)
        back_ND = torch.mul(grad_ND, weight_D).addcmul_(normal_ND, mean_N1, value=-1)
        return back_ND.mul_(scale_N1), along_ND.sum(0)


class SwiGlu(Function):
    """silu(gate) · up, for both of them side by side."""

    @staticmethod
    def forward(ctx: Any, both_NF: Tensor) -> Tensor:  # noqa: ANN401
        gate_NF, up_NF = both_NF.chunk(2, -1)
        opened_NF = F.silu(gate_NF)
        ctx.save_for_backward(both_NF, opened_NF)
        return opened_NF * up_NF

    @staticmethod
    def backward(ctx: Any, grad_NF: Tensor) -> Tensor:  # noqa: ANN401
        both_NF, opened_NF = ctx.saved_tensors
        gate_NF, up_NF = both_NF.chunk(2, -1)
        back_NF = torch.empty_like(both_NF)
        gate_back_NF, up_back_NF = back_NF.chunk(2, -1)
        torch.mul(opened_NF, grad_NF, out=up_back_NF)
        torch.ops.aten.silu_backward.grad_input(grad_NF * up_NF, gate_NF, grad_input=gate_back_NF)
        return back_NF


class Rotary(Function):
    """Turns queries and keys by their places, as complex numbers, in place."""

    @staticmethod
    def forward(ctx: Any, qkv_BT3HE: Tensor, turn_TE: Tensor) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(turn_TE)
        ctx.mark_dirty(qkv_BT3HE)
        _complex(qkv_BT3HE).mul_(turn_TE)
        return qkv_BT3HE

    @staticmethod
    def backward(ctx: Any, grad_BT3HE: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        (turn_TE,) = ctx.saved_tensors
        back_BT3HE = grad_BT3HE.contiguous()
        _complex(back_BT3HE).mul_(turn_TE.conj())
        return back_BT3HE, None


def _complex(qkv_BT3HE: Tensor) -> Tensor:
    """Queries and keys as complex numbers that share their memory."""
    return torch.view_as_complex(qkv_BT3HE[:, :, :2].unflatten(-1, (-1, 2)))


def losses_and_gradient(
    logits_NV: Tensor, targets_N: Tensor, share: float | Tensor
) -> tuple[Tensor, Tensor]:
    """Cross-entropy of each target, and the gradient of `share` times their sum.

    `share`: one for all, or one for each (N). Targets below 0 are none: their loss is 0.
    """
    known_N = targets_N >= 0
    targets_N1 = targets_N.clamp(min=0).unsqueeze(1)
    gradient_NV = logits_NV.float().log_softmax(-1)
    losses_N = gradient_NV.gather(1, targets_N1).squeeze(1).neg_().mul_(known_N)
    gradient_NV.exp_()
    gradient_NV.scatter_add_(1, targets_N1, torch.full_like(losses_N, -1).unsqueeze(1))
    gradient_NV.mul_((known_N * share).unsqueeze(1))
    return losses_N, gradient_NV.to(logits_NV.dtype)
