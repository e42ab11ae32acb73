"""How alike trails are inside a model: the heads through which they flow, by what their words are.

Two forms are interwoven where they are as alike as two halves of the chains of one of them.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from litho.core.errors import LithoError
from litho.measure.trails.asked import Asked
from litho.model.loaded import LanguageModel
from litho.model.placement import HOST
from litho.model.watch.flow import flow
from litho.text.trails.chains import Context, Pair

# Shapes: L layers, H heads, R roles, N queries of a block, S tokens seen up to its end, T tokens.
ROLES = ("condition", "consequent", "fact", "connective", "other", "place")  # of the answer: last


def roles_of(model: LanguageModel, context: Context, tokens: int) -> Tensor:
    """The role of each of so many tokens of a row, as its number in `ROLES`."""
    roles_T = torch.full((tokens,), ROLES.index("other"), device=HOST)
    for number, (start, end) in enumerate(model.spans(context.text), len(model.start)):
        for span in context.spans:
            if start < span.end and span.start < end:
                roles_T[number] = ROLES.index(span.role)
    roles_T[-1] = ROLES.index("place")
    return roles_T


def woven(model: LanguageModel, pair: Pair, chain: Asked) -> Tensor:
    """L x H x R x R: what flows through each head, by the roles of who looks and what is looked at.

    In the units of the preference for the right answer (see `litho.model.watch.flow`), mean of both
    contexts. Raises LithoError if the heads of the model cannot be watched.
    """
    turned = [chain.tokens, chain.tokens[::-1]]
    both = [
        _of_context(model, context, row, tokens)
        for context, row, tokens in zip(pair.contexts, chain.rows, turned, strict=False)
    ]
    return torch.stack(both).mean(0)


def _of_context(
    model: LanguageModel, context: Context, row: Sequence[int], tokens: tuple[int, int]
) -> Tensor:
    kinds = torch.eye(len(ROLES), device=HOST)[roles_of(model, context, len(row))]
    layers = []
    for heads in flow(model, row, tokens).heads:
        shape = (len(heads.gradient_HTD), len(ROLES), len(ROLES))
        sums_HRR = torch.zeros(shape, device=HOST)
        for start, _, flow_HNS in heads.blocks():
            looking_NR = kinds[start : start + flow_HNS.shape[1]]
            seen_SR = kinds[: flow_HNS.shape[2]]
            sums_HRR += looking_NR.T @ flow_HNS.cpu() @ seen_SR
        layers.append(sums_HRR)
    return torch.stack(layers)


def check_woven(model: LanguageModel, chain: Asked) -> str | None:
    """Why there is no map of a model's trails; None where there is one."""
    try:
        flow(model, chain.rows[0], chain.tokens)
    except LithoError as error:
        return str(error)
    return None


def likeness(halves: Sequence[tuple[Tensor, Tensor]]) -> list[list[float]]:
    """Cosine between the first half of one form and the second of another, mean of both ways.

    On the diagonal that of the two halves of one form. `halves`: of each form, the means of
    `woven` over two sets of chains.
    """
    first, second = (
        torch.nn.functional.normalize(torch.stack([each.flatten() for each in half]), dim=1)
        for half in zip(*halves, strict=True)
    )
    one_way = first.double() @ second.double().T
    found: list[list[float]] = ((one_way + one_way.T) / 2).tolist()
    return found
