"""The share of what the open book gains."""

import pytest

from litho.measure.printing.imprint import imprint


def test_imprint_formula() -> None:
    before, openbook, after = [-4.0, -3.0, -2.0], [-1.0, -1.0, -1.9], [-2.0, -1.0, 9.0]
    # The last probe gains only 0.1 nat from the open book and does not count.
    found = imprint(before, openbook, after)
    assert found.value == pytest.approx((2.0 + 2.0) / (3.0 + 2.0))
    assert found.n == 2
    assert imprint([-1.0], [-0.9], [0.0]).value is None
