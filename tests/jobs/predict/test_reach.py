"""Which price reaches which recipe."""

import numpy as np

from litho.core.stats import Estimate
from litho.jobs.predict.calibration import Calibration, calibrate
from litho.jobs.predict.config import Price
from litho.jobs.predict.reach import advice, needed_price


def test_the_lower_price_that_reaches_a_recipe_is_named() -> None:
    def known(price: Price, steps: int, agreement: float) -> Calibration:
        estimates_TQF = np.random.default_rng(0).normal(size=(12, 9, 1))
        made = calibrate(
            price, "", {"steps": steps}, None, "float32", estimates_TQF, estimates_TQF[..., 0]
        )
        return made.model_copy(update={"agreement": Estimate(value=agreement, ci=None, n=12)})

    reach = [known("cheap", 8, 0.8), known("cheap", 20, 0.4), known("careful", 20, 0.95)]
    assert [needed_price(reach, steps) for steps in (1, 8, 9, 20, 21)] == [
        "cheap", "cheap", "careful", "careful", None,
    ]  # fmt: skip
    assert "Take --price careful" in advice("cheap", reach[1], "careful", 60)[0]
    assert "run it, which takes about 1 minutes" in advice("cheap", reach[1], None, 60)[0]
    assert "Take --price cheap" in advice("careful", None, "cheap", 60)[0]
    assert not advice("careful", reach[2], "careful", 60)
