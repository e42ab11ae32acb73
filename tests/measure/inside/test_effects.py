"""Detectors, on changes that are made."""

from collections.abc import Callable

import numpy as np
import pytest

from litho.measure.inside.effects import DETECTORS, ComparedReadings, judge
from litho.measure.inside.states import read_state
from litho.model.loaded import LanguageModel
from litho.model.state import State
from tests.builders import TEXT


def detected(model: LanguageModel, change: Callable[[LanguageModel], State]) -> dict[str, float]:
    ids = model.encode(TEXT)
    before = read_state(State(model), ids)
    assert before.predictions  # computed before weights change in place
    return ComparedReadings(before, read_state(change(model), ids), model).statistics()


def test_detectors_are_still_where_nothing_changed(any_model: LanguageModel) -> None:
    found = detected(any_model, State)
    assert set(found.values()) == {0.0}
    spoken = {"repetition_loop", "spill"}  # where the model is not asked to speak
    missing = set(dict(DETECTORS.items())) - set(found) - spoken
    attention = {"attention_divergence", "sink_shift"}
    assert missing == (attention if any_model.source.name == "tiny:mamba" else set())


def scaled_head(factor: float) -> Callable[[LanguageModel], State]:
    def change(model: LanguageModel) -> State:
        model.network.lm_head.weight.data.mul_(factor)
        return State(model)

    return change


def test_logits_that_flatten_and_sharpen(
    make_model: Callable[[str], LanguageModel],
) -> None:
    flat = detected(make_model("llama"), scaled_head(0.5))
    sharp = detected(make_model("llama"), scaled_head(4.0))
    assert flat["logit_collapse"] == pytest.approx(np.log(2), rel=1e-4)
    assert flat["entropy_collapse"] < 0 < sharp["entropy_collapse"]
    assert flat["overconfidence"] < 0 < sharp["overconfidence"]
    assert flat["attention_divergence"] == sharp["sink_shift"] == 0.0
    assert sharp["end_of_text_damage"] > 0 and sharp["representation_collapse"] == 0.0


def test_representations_that_collapse(llama: LanguageModel) -> None:
    def change(model: LanguageModel) -> State:
        for block in model.network.model.layers:
            block.mlp.down_proj.weight.data[1:] *= 0.01
            block.self_attn.o_proj.weight.data[1:] *= 0.01
            block.mlp.down_proj.weight.data[:1] *= 300
        return State(model)

    found = detected(llama, change)
    assert found["representation_collapse"] > 0.1
    assert found["attention_divergence"] > 0 and found["sink_shift"] > 0


def test_findings_need_to_be_beyond_chance() -> None:
    null = [{"a": value, "b": value} for value in np.linspace(-1, 1, 16).tolist()]
    loud, quiet = judge({"a": 9.0, "b": 0.5}, null)
    assert (loud.name, loud.found, quiet.found) == ("a", True, False)
    assert loud.null[0] < -1 and 1 < loud.null[1] < 9
    with pytest.raises(ValueError, match="too few"):
        judge({"a": 1.0}, null[:2])
