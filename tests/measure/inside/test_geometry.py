"""Likeness and rank of representations, by hand."""

import pytest
import torch

from litho.measure.inside.geometry import effective_rank, likeness, linear_cka, mean_of_finite


def test_cka_and_effective_rank_by_hand() -> None:
    torch.manual_seed(0)
    x = torch.randn(50, 6)
    turned = x @ torch.linalg.qr(torch.randn(6, 6)).Q * 3 + 1
    assert linear_cka(x, turned).item() == pytest.approx(1.0)  # blind to rotation, scale, shift
    y = torch.randn(50, 6)
    gram_x, gram_y = ((m - m.mean(0)) @ (m - m.mean(0)).T for m in (x.double(), y.double()))
    by_gram = (gram_x * gram_y).sum() / (gram_x.norm() * gram_y.norm())
    assert linear_cka(x, y).item() == pytest.approx(by_gram.item())
    assert linear_cka(x, torch.ones(50, 6)).isnan()
    basis = torch.linalg.qr(torch.randn(40, 5)).Q
    assert effective_rank(basis).item() == pytest.approx(5.0)  # five equal singular values
    assert effective_rank(basis.T).item() == pytest.approx(5.0)
    assert effective_rank(torch.outer(torch.rand(9), torch.rand(4))).item() == pytest.approx(
        1, 1e-3
    )
    for few in (x[:4], x):  # in one go, fewer tokens than columns and more
        again = few @ torch.randn(6, 6) + 5
        found = likeness(few, again)
        expected = linear_cka(few, again), effective_rank(few), effective_rank(again)
        torch.testing.assert_close(tuple(found), expected, atol=1e-9, rtol=1e-9)
    assert likeness(x, torch.ones(50, 6)).cka.isnan()


def test_a_mean_leaves_out_what_is_not_finite() -> None:
    values = torch.tensor([[1.0, torch.nan, torch.nan], [4.0, 2.0, torch.inf]])
    found = mean_of_finite(values, torch.tensor([1.0, 3.0]))
    assert found[:2].tolist() == [3.25, 2.0] and found[2].isnan()
