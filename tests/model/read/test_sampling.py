"""Samples of a model's own."""

from litho.model.loaded import LanguageModel
from litho.model.read.sampling import self_samples


def test_self_samples_repeat_by_seed_and_keep_their_openings(any_model: LanguageModel) -> None:
    first = self_samples(any_model, ["", "Once"], 12, seed=3)
    assert first == self_samples(any_model, ["", "Once"], 12, seed=3)
    assert first != self_samples(any_model, ["", "Once"], 12, seed=4)
    assert [len(row) for row in first] == [12, 12]
    assert first[1][:5] == any_model.encode("Once")
