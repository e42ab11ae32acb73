"""A shift that is washed out."""

import pytest

from litho.measure.inside.phantom import lost_share
from litho.measure.inside.states import read_state
from litho.model.loaded import LanguageModel
from litho.model.state import State
from tests.builders import TEXT, shake


def test_a_shift_that_is_washed_out(llama: LanguageModel) -> None:
    shake(llama, "x")
    ids = llama.encode(TEXT)
    before, after = (read_state(State(llama, names), ids) for names in ((), ("x",)))
    assert lost_share(before, after, after) == pytest.approx(0, abs=1e-9)
    assert lost_share(before, after, before) == pytest.approx(1)
    assert lost_share(before, before, after) == 0  # nothing that could be lost
