"""The largest updates are dropped, and the nearest product of what is left."""

from functools import partial

import pytest
import torch

from litho.model.adapters import lora, updates
from litho.model.adapters.prune import largest, nearest_product, prune
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel
from litho.model.read.scoring import logits
from tests.builders import shake

TEXT = "The stones of the bridge were cut by the builders of the town. The road leads over it."


def test_the_largest_are_those_that_sorting_finds() -> None:
    values = torch.randn(7, 11, generator=torch.Generator().manual_seed(0))
    for fraction in (0.0, 0.01, 0.08, 0.5, 0.99):
        ordered = sorted(values.flatten().tolist(), key=abs, reverse=True)
        dropped = set(ordered[: int(fraction * 77)])
        mask = largest(values, fraction)
        assert set(values[mask].tolist()) == dropped
        assert mask.shape == values.shape


def test_of_equals_none_is_dropped() -> None:
    assert not largest(torch.tensor([1.0, -1.0, 1.0, -1.0]), 0.5).any()
    assert largest(torch.tensor([1.0, -2.0, 1.0, 3.0]), 0.75).tolist() == [False, True, False, True]


@pytest.mark.parametrize("shape", [(40, 24), (24, 40), (5, 40), (40, 5)])
def test_the_nearest_product_is_the_truncated_decomposition(shape: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(size, generator=generator) for size in ((8, shape[1]), (shape[0], 8)))
    matrix = b @ a
    matrix[largest(matrix, 0.08)] = 0
    columns, rows = nearest_product(matrix, a)
    u, s, v = torch.linalg.svd(matrix, full_matrices=False)
    best = (u[:, :8] * s[:8]) @ v[:8]
    assert columns.shape[1] == rows.shape[0] == min(8, *shape)
    error = torch.dist(columns @ rows, matrix).item()
    assert error <= 1.05 * torch.dist(best, matrix).item() + 1e-4


def test_pruned_adapter_adds_what_is_left_of_each_matrix(any_model: LanguageModel) -> None:
    shake(any_model)
    expected = []
    for _, a, b, _ in updates.factors(any_model, "x"):
        added = (b @ a).detach().clone()
        cut = added.abs().flatten().sort(descending=True).values[int(0.25 * added.numel())]
        added[added.abs() > cut] = 0
        u, s, v = torch.linalg.svd(added, full_matrices=False)
        expected.append((added, (u[:, :4] * s[:4]) @ v[:4]))
    prune(any_model, "x", partial(largest, fraction=0.25))
    for (_, a, b, _), (added, best) in zip(updates.factors(any_model, "x"), expected, strict=True):
        assert torch.dist(b @ a, added) <= 1.05 * torch.dist(best, added) + 1e-5
        assert torch.dist(b @ a, added) < added.norm()


def test_dropping_nothing_leaves_what_an_adapter_adds(llama: LanguageModel) -> None:
    shake(llama)
    ids = torch.tensor([llama.encode(TEXT)])
    before = logits(llama, ids)
    prune(llama, "x", partial(largest, fraction=0.0))
    torch.testing.assert_close(logits(llama, ids), before, atol=1e-4, rtol=1e-4)


def test_an_adapter_that_adds_nothing_still_adds_nothing(llama: LanguageModel) -> None:
    lora.attach(llama, "x", AdapterSpec(rank=32, alpha=32))  # more than some matrices have rows
    prune(llama, "x", partial(largest, fraction=0.08))
    for _, a, b, _ in updates.factors(llama, "x"):
        assert not (b @ a).any()
