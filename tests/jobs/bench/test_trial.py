"""One trial: equal portions, and what comes afterwards."""

from itertools import count, islice

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from litho.jobs.bench.parts import ABLATIONS, ARMS, Parts
from litho.jobs.bench.prepared import prepare
from litho.jobs.bench.trial import Bench, TrialConfig, portions, run_trial
from litho.learn.drift import Replay
from litho.measure.printing.probes import score
from litho.model.loaded import LanguageModel
from litho.model.state import State
from litho.text.items import Probe
from tests.builders import PROSE, case


def test_portions_are_equal_and_lose_nothing() -> None:
    rows = [[0, *range(1, 8)], [0, 20, 21], [0, *range(30, 41)]]
    found = list(portions(rows, 5, opening=1))
    assert all(sum(len(row) - 1 for row in portion) == 5 for portion in found)
    said = [token for portion in found for row in portion for token in row[1:]]
    assert said == [token for row in rows for token in row[1:]][: len(said)]
    assert all(row[0] == 0 for portion in found for row in portion)


def test_every_arm_differs_from_the_plan_in_the_part_it_names() -> None:
    assert len({parts.model_dump_json() for parts in (ARMS | ABLATIONS).values()}) == len(
        ARMS | ABLATIONS
    )
    for parts in ABLATIONS.values():
        changed = [k for k in Parts.model_fields if getattr(parts, k) != getattr(ARMS["plan"], k)]
        assert len(changed) == 1


def test_what_comes_afterwards_leaves_the_print_as_it_is(
    llama: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = prepare(llama, case("one"), 2, (2, 2, 16))
    rows = [llama.encode(PROSE)[:32] for _ in range(2)]
    held = Replay.read(llama, text.samples)
    bench = Bench(llama, text, held, held, Replay.read(llama, rows), rows)
    states: list[dict[str, torch.Tensor]] = []

    def watched(state: State, probes: list[Probe]) -> list[float]:
        weights = {n: p.detach().clone() for n, p in state.model.network.named_parameters()}
        states.append({n: p for n, p in weights.items() if ".lora_" in n})
        return score(state, probes)

    monkeypatch.setattr("litho.jobs.bench.trial.score", watched)
    monkeypatch.setattr(
        "litho.measure.printing.imprint.MIN_GAIN", -100.0
    )  # a random model gains nothing
    config = TrialConfig(presentations=2, budget=0.1, checks=(), learning_rate=0.01)
    found = run_trial(bench, "duplicates", Parts(), config, spilled=False, lasting=True)
    assert found.durability is not None
    before, after = states
    assert all(torch.equal(after[name], weight) for name, weight in before.items())
    later = [w for name, w in after.items() if ".afterwards." in name and ".lora_B." in name]
    assert later and all(weight.any() for weight in later)


@given(lengths=st.lists(st.integers(1, 40), max_size=12), tokens=st.integers(1, 30))
def test_portions_of_any_rows(lengths: list[int], tokens: int) -> None:
    numbers = count(1)
    rows = [[0, *islice(numbers, length - 1)] for length in lengths]
    whole = [token for row in rows for token in row[1:]]
    found = list(portions(rows, tokens, opening=1))
    assert len(found) == len(whole) // tokens  # only what fills no portion is left
    assert all(sum(len(row) - 1 for row in portion) == tokens for portion in found)
    assert all(row[0] == 0 and len(row) > 1 for portion in found for row in portion)
    said = [token for portion in found for row in portion for token in row[1:]]
    assert said == whole[: len(said)]
