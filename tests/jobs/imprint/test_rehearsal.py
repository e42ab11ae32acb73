"""The rhythm is the one whose anchor a short training brings highest."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest
import torch

from litho.jobs.imprint import rehearsal
from litho.jobs.imprint.monitor import ArmMonitor
from litho.jobs.imprint.rehearsal import rehearse
from litho.learn.optimizer import OptimizerSpec
from litho.learn.records import Check, LoopConfig
from litho.learn.sources import Planned
from litho.learn.trainable import TrainedAdapter
from litho.learn.trainer import Trainer
from litho.model.adapters import lora
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel
from litho.model.state import State
from litho.present.rhythm import RHYTHMS
from tests.builders import ROWS, Silent

HIGHEST = list(RHYTHMS)[1]


class Told:
    """A monitor that measures the anchors that it was told, and notes the weights it was shown."""

    def __init__(self, anchors: dict[str, float | None]) -> None:
        self._anchors = list(anchors.values())
        self.weights: list[dict[str, torch.Tensor]] = []

    def check(self, state: State, presentations: int) -> Check:
        assert state.adapters == ("x",)
        trained = lora.weights(state.model, "x")
        self.weights.append({name: w.detach().clone() for name, w in trained.items()})
        anchor = self._anchors[len(self.weights) - 1]
        return Check(
            presentations=presentations,
            anchor=anchor,
            imprint={},
            drift_self=0.0,
            drift_retention=0.0,
        )


@pytest.mark.parametrize(
    ("anchors", "chosen"),
    [
        ({name: 0.5 if name == HIGHEST else 0.1 for name in RHYTHMS}, HIGHEST),
        ({name: None if name == HIGHEST else -0.1 for name in RHYTHMS} | {"spaced": -0.2}, None),
        (dict.fromkeys(RHYTHMS), "spaced"),
    ],
)
def test_the_highest_anchor_is_chosen(
    llama: LanguageModel,
    monkeypatch: pytest.MonkeyPatch,
    anchors: dict[str, float | None],
    chosen: str | None,
) -> None:
    monkeypatch.setattr(rehearsal, "TRIED", 2)
    rows = [llama.encode(row) for row in ROWS]
    asked: list[tuple[str, int]] = []

    @contextmanager
    def trainer_in(rhythm: str, used: LoopConfig) -> Iterator[Trainer]:
        asked.append((rhythm, used.presentations))
        with lora.fresh(llama, "x", AdapterSpec(8, 16)):
            what, spec = TrainedAdapter(llama, "x"), OptimizerSpec.of(used)
            yield Trainer(what, Planned([rows]), spec, used.presentations)

    told = Told(anchors)
    config = LoopConfig(presentations=9, learning_rate=1e-2, settle=1)
    found: dict[str, Any] = rehearse(trainer_in, cast("ArmMonitor", told), config, Silent())
    assert found["anchors"] == anchors
    assert asked == [(name, 2) for name in RHYTHMS]
    if chosen:
        assert found["chosen"] == chosen
    else:  # of equals one, but none that has no anchor or a lower one
        assert anchors[found["chosen"]] == -0.1
    # All begin alike and learn: the same presentations give the same weights.
    first = told.weights[0]
    assert any(weight.any() for name, weight in first.items() if ".lora_B." in name)
    for weights in told.weights[1:]:
        assert all(torch.equal(weight, first[name]) for name, weight in weights.items())
    assert llama.adapters == []
