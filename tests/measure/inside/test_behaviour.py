"""What a model says: repetition and words that tell."""

import pytest

from litho.measure.inside.behaviour import Behaviour, behaviour, repeated, telling_words
from litho.measure.inside.effects import ComparedReadings
from litho.measure.inside.states import read_state
from litho.model.loaded import LanguageModel
from litho.model.state import State
from tests.builders import TEXT


def test_repetition_and_telling_words(llama: LanguageModel) -> None:
    assert repeated([1, 2, 3, 4, 5, 6]) == repeated([1, 2]) == 0
    assert repeated([1, 2] * 6) == 9 - 2
    base = read_state(State(llama), llama.encode(TEXT))
    words = telling_words(llama, TEXT, base)
    assert len(words) == len(set(words)) == 6 and all(word in TEXT for word in words)
    said = behaviour(State(llama), words, ["Once", "The"])
    assert said == behaviour(State(llama), words, ["Once", "The"])
    louder = Behaviour([value + 0.5 for value in said.spill], said.repeated + 40)
    found = ComparedReadings(base, base, llama, (said, louder)).statistics()
    assert found["spill"] == pytest.approx(0.5)
    rise = 2 * ((said.repeated + 40.375) ** 0.5 - (said.repeated + 0.375) ** 0.5)
    assert found["repetition_loop"] == pytest.approx(rise)
