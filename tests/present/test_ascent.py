"""The ladder of a text, climbed in time."""

import pytest

from litho.measure.volatility import Budget
from litho.model.adapters import lora
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel
from litho.present.ascent import Ascent
from tests.builders import TEXT


@pytest.mark.parametrize("budget", [Budget(100, 100), Budget(0, 0)])
def test_an_ascent_is_up_in_time(llama: LanguageModel, budget: Budget) -> None:
    lora.attach(llama, "x", AdapterSpec(rank=2, alpha=4, seed=0))
    scenes = [TEXT[:54], "It shows the time of nine towns."]
    ascent = Ascent(llama, scenes, budget, presentations=4)
    shown: list[list[list[int]]] = []
    while not ascent.arrived:
        shown.append(ascent.rows(len(shown)))
        assert {tuple(ids) for ids in ascent.versions} <= {tuple(row) for row in shown[-1]}
    assert len(shown) <= 4
    assert ascent.versions == [llama.encode(scene) for scene in scenes]
    assert ascent.text == "\n\n".join(scenes)
    again, other = (Ascent(llama, scenes, budget, presentations=4) for _ in range(2))
    again.rows(0)
    other.resume([list(ids) for ids in again.versions])
    assert other.text == again.text
    assert other.rows(1) == again.rows(1)
