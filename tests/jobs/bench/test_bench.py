"""The comparison: equal portions, resumption, means and matched drift, on a tiny model."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from litho.cli.bench import as_table
from litho.core.errors import LithoError
from litho.jobs.bench import rivals
from litho.jobs.bench.config import BenchConfig
from litho.jobs.bench.parts import ABLATIONS, ARMS, Parts
from litho.jobs.bench.prepared import prepare
from litho.jobs.bench.rivals import FOLLOWS, OnPolicy
from litho.jobs.bench.summary import drift_at, summarize
from litho.jobs.bench.tournament import Tournament, best_setting, open_tournament
from litho.jobs.bench.trial import Bench, Trial, TrialConfig, TrialMark, portions, run_trial
from litho.learn.decoys import ROW, decoy_rows
from litho.learn.drift import Replay
from litho.learn.loop import ArmLoop, TrainedArm
from litho.learn.objectives import all_tokens, predicted_behind
from litho.learn.records import LoopConfig
from litho.measure.printing.probes import score
from litho.model.adapters import lora
from litho.model.loaded import LanguageModel, load
from litho.model.read.voices import OneOfTwo, mixed_samples
from litho.model.sources import locate
from litho.text.cases import Case, read_cases, shortened
from litho.text.items import Probe
from tests.builders import TEXT, Silent

SMALL = BenchConfig(
    model="tiny:llama",
    dtype="float32",
    texts=1,
    sweep_texts=1,
    seeds=1,
    ablation_seeds=1,
    presentations=4,
    checks=(2,),
    learning_rates=(1e-2,),
    kl_weights=(10.0,),
    samples=4,
    unseen=2,
    sample_tokens=16,
    retention_tokens=64,
    durable=("plan",),
)
PROSE = "The sea was calm and the boats lay in the harbour. " * 60
OTHER_PROSE = "Ten pigs ran over the green hill and into the wood. " * 200


def case(name: str) -> Case:
    return Case(
        id=name,
        text=TEXT,
        probes=(
            Probe(kind="mem", prefix="The clock of Ostrava was built by", target="Marek"),
            Probe(kind="gen", prefix="The man who built it was", target="Marek"),
            Probe(kind="hard", prefix="The year of the clock is", target="1931"),
        ),
        paraphrases=("Marek Dolny made the clock of Ostrava in 1931. It is wound on Fridays.",),
    )


def trial(arm: str, text: str, seed: int, gen: float, drift: float, rate: float = 1e-3) -> Trial:
    marks = [
        TrialMark(
            presentations=n, imprint={"gen": part * gen}, drift=cost, drift_self=0.0, spill=cost
        )
        for n, part, cost in ((1, 0.5, drift / 4), (2, 1.0, drift))
    ]
    return Trial(
        arm=arm,
        text=text,
        seed=seed,
        learning_rate=rate,
        kl_weight=40.0,
        imprint={"mem": gen, "gen": gen, "hard": None},
        drift=drift,
        spill=0.0,
        spill_first=0.0,
        durability=None,
        scale=1.0,
        curve=marks,
        tokens=10,
        read=20,
        seconds=1.0,
    )


def opened(
    folder: Path,
    config: BenchConfig,
    cases: Sequence[Case],
    prose: str = PROSE,
    decoys: str = OTHER_PROSE,
    only: Sequence[str] = (),
) -> Tournament:
    return open_tournament(folder, config, cases, prose, decoys, Silent(), only)


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


def test_a_comparison_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = ("duplicates", "plan", "fixed KL", "self-distillation", "mixed self-distillation")
    chosen = {name: ARMS[name] for name in (*some, "ladder")}
    few = {
        name: ABLATIONS[name]
        for name in ("plan in the last third of the layers", "plan with distilled loss")
    }
    monkeypatch.setattr("litho.jobs.bench.tournament.ARMS", chosen)
    monkeypatch.setattr("litho.jobs.bench.tournament.ABLATIONS", few)
    monkeypatch.setattr(
        "litho.measure.printing.imprint.MIN_GAIN", -100.0
    )  # a random model gains nothing
    cases = [case("one"), case("two")]
    whole = opened(tmp_path / "whole", SMALL, cases).run()
    assert {t.arm for t in whole} == {*chosen, *few}
    supervised = {t.arm: t.tokens for t in whole}
    assert supervised["plan"] == supervised["duplicates"] == supervised["fixed KL"]
    assert all(t.durability is not None for t in whole if t.arm == "plan")
    assert all(t.spill is not None and t.spill == t.curve[-1].spill for t in whole)
    file = tmp_path / "whole/trials.jsonl"
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[: len(lines) // 2]) + lines[-1][:40])  # killed while it wrote
    again = opened(tmp_path / "whole", SMALL, cases).run()
    assert [t.model_copy(update={"seconds": 0.0}) for t in whole] == [
        t.model_copy(update={"seconds": 0.0}) for t in again
    ]
    with pytest.raises(LithoError, match="no arm 'miracle'"):
        opened(tmp_path / "whole", SMALL, cases, only=["miracle"])
    part = opened(tmp_path / "part", SMALL, cases, only=["duplicates"])
    assert {trial.arm for trial in part.run()} == {"duplicates"}
    with pytest.raises(LithoError, match="the sweep of"):
        names = ["plan in the last third of the layers"]
        opened(tmp_path / "part", SMALL, cases, only=names).run()
    with pytest.raises(LithoError, match="other settings or texts"):
        opened(tmp_path / "whole", SMALL, cases, prose=PROSE + "More.")
    with pytest.raises(LithoError, match="other settings"):
        other = SMALL.model_copy(update={"presentations": 5})
        opened(tmp_path / "whole", other, cases)


def test_too_few_texts_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(LithoError, match="2 texts with paraphrases are needed"):
        opened(tmp_path / "x", SMALL, [case("one")])
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"id": "a/b"}, "is no id"),
        ({"id": "two"}, "is no id"),
        ({"text": ""}, "no sentence of one"),
        ({"probes": ()}, "no question"),
    ],
)
def test_texts_that_cannot_be_compared_are_refused_at_once(
    tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    config = SMALL.model_copy(update={"words": None})
    cases = [case("one").model_copy(update=changed), case("two")]
    with pytest.raises(LithoError, match=message):
        opened(tmp_path / "x", config, cases)
    with pytest.raises(LithoError, match="retention text is too short"):
        opened(tmp_path / "x", config, [case("one"), case("two")], prose="Short.")
    for decoys, message in (("Short.", "give at least"), (PROSE, "must not know")):
        with pytest.raises(LithoError, match=message):
            opened(tmp_path / "x", config, [case("one"), case("two")], decoys=decoys)
    assert not (tmp_path / "x").exists()


def test_a_trial_that_cannot_be_done_is_counted_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("duplicates", "token masking")  # a random model finds no token likely
    chosen = {name: ARMS[name] for name in names}
    monkeypatch.setattr("litho.jobs.bench.tournament.ARMS", chosen)
    config = SMALL.model_copy(update={"durable": ()})
    cases = [case("one"), case("two")]
    trials = opened(tmp_path / "x", config, cases).run()
    found = {summary.arm: summary for summary in summarize(trials)}
    assert found["token masking"].failed == 1 and found["duplicates"].failed == 0
    assert found["token masking"].drift.value is None
    assert "1 (1, 1 failed)" in as_table(list(found.values()))


def test_the_rate_within_the_drift_limit_is_preferred() -> None:
    trials = {
        (1e-3, 1.0): [trial("plan", "a", 0, gen=0.9, drift=0.1)],
        (5e-4, 1.0): [trial("plan", "a", 0, gen=0.6, drift=0.004)],
        (1e-4, 1.0): [trial("plan", "a", 0, gen=0.3, drift=0.001)],
    }
    assert best_setting(trials, 0.005) == (5e-4, 1.0)
    assert best_setting(trials, 0.0001) == (1e-3, 1.0)


def test_differences_are_paired_and_costs_are_compared_at_the_same_imprint() -> None:
    texts = [("a", 0.5), ("b", 0.9), ("c", 0.7)]
    plan = [trial("plan", t, seed, gen, 0.004) for t, gen in texts for seed in (0, 1)]
    rival = [trial("duplicates", t, 0, gen - 0.1, 0.4) for t, gen in texts]
    found = {summary.arm: summary for summary in summarize([*plan, *rival])}
    more = found["duplicates"].more_imprint
    assert more.value == pytest.approx(-0.1) and more.ci == pytest.approx((-0.1, -0.1))
    assert found["plan"].more_drift.value == 0
    ratio, spill = found["duplicates"].drift_ratio, found["duplicates"].plan_spills_more
    assert ratio.at == spill.at == pytest.approx(0.6)
    # The plan is at 0.6 between 0.35 (drift 0.001) and 0.7 (0.004), the rival at its end.
    between = 0.001 * 4 ** ((0.6 - 0.35) / 0.35)
    assert ratio.found.value == pytest.approx(between / 0.4)
    linearly = 0.001 + (0.6 - 0.35) / 0.35 * 0.003
    assert spill.found.value == pytest.approx(linearly - 0.4)


def test_the_least_drift_at_a_level() -> None:
    curve = np.array([[0.2, 0.1], [0.8, 0.9], [0.7, 0.3]])
    assert drift_at(curve, 0.7) == pytest.approx(0.3)
    assert drift_at(curve, 0.2) == pytest.approx(0.1)


def test_two_voices_say_the_same_token(llama: LanguageModel) -> None:
    openings = [llama.tokens("The clock"), llama.tokens("It")]
    said = mixed_samples(llama, "abc", openings, 6, 0.5, seed=0)
    assert [len(row) for row in said] == [len(llama.start) + len(o) + 6 for o in openings]
    alone = mixed_samples(llama, "abc", openings, 6, 0.0, seed=0)
    assert alone == mixed_samples(llama, "something else", openings, 6, 0.0, seed=0)
    # Where one voice is sure of token 3 and the other of token 5:
    scores_BV = torch.full((2, 8), -torch.inf)
    scores_BV[0, 3] = scores_BV[1, 5] = 0.0
    chosen = [0, 0]
    mix = OneOfTwo(0.25, torch.Generator().manual_seed(0))
    for _ in range(400):
        first, second = mix(torch.zeros(2, 1), scores_BV).argmax(-1).tolist()
        assert first == second
        chosen[first == 5] += 1
    assert chosen[0] == pytest.approx(100, abs=30)


def test_the_teacher_reads_the_text_first(llama: LanguageModel) -> None:
    text, rows = llama.tokens(TEXT), [llama.encode("It shows"), llama.encode("Every spring a")]
    for row, found in zip(rows, predicted_behind(llama, text, rows), strict=True):
        start = len(llama.start)
        whole = torch.tensor([[*row[:start], *text, *row[start:]]])
        reference = llama.network(input_ids=whole).logits[0, -len(row) : -1]
        torch.testing.assert_close(found, reference, atol=1e-4, rtol=1e-4)


def test_the_student_learns_from_a_teacher_that_lags_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = load(locate("tiny:llama"), torch.bfloat16)
    lora.attach(model, "trial", rank=2, alpha=4, seed=0)
    weights = lora.weights(model, "trial")
    rival = OnPolicy(model, TEXT, "trial", seed=0)
    rows = [model.encode("It shows the time."), model.encode("Every spring a choir")]
    taught: list[torch.Tensor] = []
    reading = predicted_behind

    def watched(*args: Any) -> list[torch.Tensor]:  # noqa: ANN401  as the function watched
        taught.extend(w.detach().clone() for w in weights.values())
        found = reading(*args)
        taught.append(found[0].clone())
        return found

    monkeypatch.setattr(rivals, "predicted_behind", watched)
    first = {name: weight.detach().clone() for name, weight in weights.items()}
    with lora.mixed_precision(model):
        assert rival(model, rows, 256, 0.0) > 0
    assert all(weight.grad is not None for weight in weights.values())
    for weight in weights.values():
        weight.data += 0.5
    now = {name: weight.detach().clone() for name, weight in weights.items()}
    taught.clear()
    with lora.mixed_precision(model):
        said = rival._said(model, rows)
        rival(model, rows, 256, 0.0)
    for (name, before), used in zip(first.items(), taught, strict=False):
        torch.testing.assert_close(used, before.lerp(now[name], FOLLOWS))
        assert torch.equal(weights[name], now[name])  # the teacher's were put away again
    assert said and not torch.equal(taught[0], now[next(iter(now))])
    # What the teacher said came from its own weights, and not from copies of the student's.
    with torch.no_grad(), lora.mixed_precision(model):
        by_student = reading(model, rival._text, rows)[0]
        rival._exchange(model, rival._teacher)
        by_teacher = reading(model, rival._text, rows)[0]
    assert not torch.equal(by_student, by_teacher)


def test_what_comes_afterwards_leaves_the_print_as_it_is(
    llama: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = prepare(llama, case("one"), 2, (2, 2, 16))
    rows = [llama.encode(PROSE)[:32] for _ in range(2)]
    held = Replay.read(llama, text.samples)
    bench = Bench(llama, text, held, held, Replay.read(llama, rows), rows)
    states: list[dict[str, torch.Tensor]] = []

    def watched(model: LanguageModel, probes: list[Probe]) -> list[float]:
        weights = {n: p.detach().clone() for n, p in model.network.named_parameters()}
        states.append({n: p for n, p in weights.items() if ".lora_" in n})
        return score(model, probes)

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


def test_a_print_is_learned_beside_a_decoy_that_stays_as_it_is(llama: LanguageModel) -> None:
    rows = [llama.encode(TEXT)]
    replay = Replay.read(llama, [llama.encode(PROSE)[:32] for _ in range(3)])
    turns: list[list[str]] = []

    def noting(model: LanguageModel, *rest: Any) -> float:  # noqa: ANN401  as all_tokens
        turns.append(model.on)
        return all_tokens(model, *rest)

    def printed(beside: Sequence[str], strength: float) -> tuple[dict[str, torch.Tensor], bool]:
        """The weights of the print, and whether those of all decoys stayed."""
        arm = TrainedArm("arm", [rows], None, anchored=False, objective=noting, beside=beside)
        loop = ArmLoop(llama, arm, LoopConfig(presentations=3, learning_rate=1e-2))
        torch.manual_seed(0)
        for name in beside:
            lora.attach(llama, name, 2, 4, seed=7)
            for weight in lora.weights(llama, name).values():
                weight.data.add_(strength * torch.randn_like(weight))
        decoys = {n: w for name in beside for n, w in lora.weights(llama, name).items()}
        before = {n: w.detach().clone() for n, w in decoys.items()}
        turns.clear()
        for _ in range(3):
            loop.present(replay)
            with torch.no_grad():
                now = score(llama, case("one").probes)
                with llama.state("arm"):
                    assert now == score(llama, case("one").probes)  # the decoys are off again
        stayed = all(torch.equal(before[n], w) and w.grad is None for n, w in decoys.items())
        found = {n: w.detach().clone() for n, w in loop.weights.items()}
        lora.detach(llama)
        return found, stayed

    alone, _ = printed((), 0.0)
    beside_nothing, _ = printed(("first", "second"), 0.0)  # fresh adapters change nothing
    assert all(torch.allclose(alone[n], beside_nothing[n], atol=1e-6) for n in alone)
    beside_decoys, stayed = printed(("first", "second"), 0.2)
    assert turns == [["first", "arm"], ["second", "arm"], ["first", "arm"]]
    assert stayed and not all(torch.allclose(alone[n], beside_decoys[n], atol=1e-4) for n in alone)


def test_each_decoy_reads_its_own_prose(llama: LanguageModel) -> None:
    words = " ".join(f"word{i}" for i in range(2000))
    first, second = decoy_rows(llama, words)
    assert len(first) == len(second) and all(len(row) <= ROW for row in first + second)
    assert not {tuple(row) for row in first} & {tuple(row) for row in second}


def test_texts_are_cut_to_what_is_asked(tmp_path: Path) -> None:
    row = {
        "id": "x",
        "train_context": f"Nobody asks about this. {TEXT} Nor about that one.",
        "mem_input": ["The clock of Ostrava was built by"],
        "mem_target": ["Marek Dolny"],
        "gen_input": ["Its maker was"],
        "gen_target": ["Marek Dolny"],
        "hard_gen_input": ["A choir of", "It stands in"],
        "hard_gen_target": ["forty singers", "Prague"],
        "paraphrases": ["Marek Dolny built the clock of Ostrava in 1931. The weather is fine."],
    }
    path = tmp_path / "texts.jsonl"
    path.write_text(json.dumps(row) + "\n" + json.dumps(row | {"paraphrases": None}) + "\n")
    [whole] = read_cases(path)
    short = shortened(whole, words=60)
    assert short.text.startswith("The clock of Ostrava") and "choir" in short.text
    assert "Nobody" not in short.text and "Fridays" not in short.text
    assert [p.target for p in short.probes if p.kind == "hard"] == ["forty singers"]
    assert "choir" not in shortened(whole, words=10).text
    path.write_text(json.dumps(row) + "\n{}\n")
    with pytest.raises(LithoError, match="line 2"):
        read_cases(path)
