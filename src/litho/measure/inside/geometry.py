"""Lengths, ranks and likenesses of representations."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from litho.model.placement import exactly

# Shapes: T tokens, D width of the residual stream.


def relative(difference: Tensor, base: Tensor) -> Tensor:
    """Norm of `difference` over that of `base`, along the last axis."""
    return difference.norm(dim=-1) / base.norm(dim=-1).clamp_min(1e-12)


def linear_cka(x_TD: Tensor, y_TD: Tensor) -> Tensor:
    """Linear centred kernel alignment of two representations of the same tokens, 0 to 1.

    ||Y'X||^2 / (||X'X|| ||Y'Y||) with centred columns and Frobenius norms (Kornblith et al. 2019,
    section 3), in float64. NaN if a representation is constant.
    """
    return linear_cka_of_all([x_TD], [y_TD])[0, 0]


def linear_cka_of_all(first: Sequence[Tensor], second: Sequence[Tensor]) -> Tensor:
    """`linear_cka` of every representation of one list with every one of another."""
    xs, ys = ([exactly(m) - exactly(m).mean(0) for m in each] for each in (first, second))
    norms = [torch.stack([(m.T @ m).norm() for m in each]) for each in (xs, ys)]
    crossed = torch.stack([torch.stack([(y.T @ x).square().sum() for y in ys]) for x in xs])
    return crossed / (norms[0][:, None] * norms[1])


def effective_rank(x_TD: Tensor) -> Tensor:
    """exp of the entropy of the normalised singular values (Roy & Vetterli 2007), in float64."""
    x = exactly(x_TD)
    return _rank_of(x.T @ x if x.shape[0] >= x.shape[1] else x @ x.T)


def _rank_of(gram: Tensor) -> Tensor:
    values = torch.linalg.eigvalsh(gram).clamp_min(0).sqrt()
    share = values / values.sum()
    return torch.special.entr(share).sum().exp()


class Likeness(NamedTuple):
    """Two representations of the same tokens compared."""

    cka: Tensor
    first_rank: Tensor
    second_rank: Tensor


def likeness(x_TD: Tensor, y_TD: Tensor) -> Likeness:
    """`linear_cka` and `effective_rank` of both, from three products instead of five."""
    tokens, width = x_TD.shape
    if tokens < width:  # products along the tokens are the smaller ones
        return Likeness(linear_cka(x_TD, y_TD), effective_rank(x_TD), effective_rank(y_TD))
    means_D = [exactly(m).mean(0) for m in (x_TD, y_TD)]
    x, y = (exactly(m) - mean for m, mean in zip((x_TD, y_TD), means_D, strict=True))
    grams = [m.T @ m for m in (x, y)]
    cka = (y.T @ x).square().sum() / (grams[0].norm() * grams[1].norm())
    ranks = [
        _rank_of(gram + tokens * torch.outer(mean, mean))
        for gram, mean in zip(grams, means_D, strict=True)
    ]
    return Likeness(cka, *ranks)


def mean_of_finite(values: Tensor, weights_S: Tensor) -> Tensor:
    """Weighted mean over the first axis of `values`, S x any; what is not finite does not count.

    NaN where nothing is finite.
    """
    finite = values.isfinite()
    weights = weights_S.view(-1, *[1] * (values.dim() - 1)) * finite
    return (values.where(finite, 0) * weights).sum(0) / weights.sum(0)
