"""What training has added to a model, without its largest parts ("ignore top-k").

Sun et al. 2025, "How new data permeates LLM knowledge and how to dilute it", arXiv 2504.09522,
appendix A.6, equation 3: the largest entries of what a whole training has added to each matrix are
set back to 0, and the others stay as they are. (Step by step this would mean little: those of
AdamW are all about as large as the learning rate.)
"""

from collections.abc import Callable

import torch
from torch import Tensor

from litho.model.adapters import updates
from litho.model.loaded import LanguageModel

# Shapes: O and I outputs and inputs of a matrix, R rank.
ROUNDS = 6  # of the orthogonal iteration


@torch.no_grad()
def prune(model: LanguageModel, name: str, dropped: Callable[[Tensor], Tensor]) -> None:
    """Set entries of what an adapter adds to each matrix to 0: those in the mask that is returned.

    What is left is written back as the nearest product of the adapter's own rank.
    """
    for _, a_RI, b_OR, _ in updates.factors(model, name):
        added_OI = b_OR @ a_RI
        added_OI[dropped(added_OI)] = 0
        columns_OK, rows_KI = nearest_product(added_OI, a_RI)
        kept = len(rows_KI)  # fewer than the rank, where a matrix has fewer outputs or inputs
        for matrix in (a_RI, b_OR):
            matrix.zero_()
        a_RI[:kept], b_OR[:, :kept] = rows_KI, columns_OK


def largest(values: Tensor, fraction: float) -> Tensor:
    """Which entries of a tensor are its largest by size, at most `fraction` of all; a mask.

    Those that are just as large as one that stays, stay as well.
    """
    sizes = values.abs()
    kept = sizes.numel() - int(fraction * sizes.numel())
    if not kept:
        return torch.ones_like(values, dtype=torch.bool)
    return sizes > sizes.flatten().kthvalue(kept).values


def nearest_product(matrix_OI: Tensor, start_RI: Tensor) -> tuple[Tensor, Tensor]:
    """Two factors, O x K and K x I, whose product is the nearest to a matrix of rank K <= R.

    Its largest singular directions, by orthogonal iteration from the rows of `start_RI` (Golub and
    Van Loan 2013, section 8.2.4), which needs no random numbers and no full decomposition.
    """
    rows_IK = torch.linalg.qr(start_RI.T).Q[:, : min(matrix_OI.shape)]
    for _ in range(ROUNDS):
        columns_OK = torch.linalg.qr(matrix_OI @ rows_IK).Q
        rows_IK = torch.linalg.qr(matrix_OI.T @ columns_OK).Q
    return matrix_OI @ rows_IK, rows_IK.T
