"""The comparison: resumption, refusals, choice of settings, on a tiny model."""

import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch

from litho.core.errors import LithoError
from litho.jobs.bench.config import BenchConfig
from litho.jobs.bench.parts import ABLATIONS, ARMS
from litho.jobs.bench.summary import summarize
from litho.jobs.bench.tournament import Tournament, best_setting, check_comparison, open_tournament
from litho.model.loading import load
from litho.model.sources import locate
from litho.show.comparison import comparison_table
from litho.text.cases import Case
from tests.builders import PROSE, Silent, case, shake, trial

SMALL = BenchConfig(
    model="tiny:llama",
    dtype="float32",
    texts=1,
    sweep_texts=1,
    seeds=1,
    ablation_seeds=1,
    presentations=3,
    checks=(2,),
    learning_rates=(1e-2,),
    kl_weights=(10.0,),
    samples=4,
    unseen=2,
    sample_tokens=16,
    retention_tokens=64,
    durable=("plan",),
)

OTHER_PROSE = "Ten pigs ran over the green hill and into the wood. " * 200


def opened(
    folder: Path,
    config: BenchConfig,
    cases: Sequence[Case],
    prose: str = PROSE,
    decoys: str = OTHER_PROSE,
    only: Sequence[str] = (),
) -> Tournament:
    model = load(locate(config.model), getattr(torch, config.dtype or "float32"))
    check_comparison(model, config, cases, prose, decoys, only)
    return open_tournament(folder, model, config, cases, prose, decoys, Silent(), only)


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
    monkeypatch.setattr("litho.jobs.bench.trial.AFTERWARDS", 4)
    monkeypatch.setattr(
        "litho.measure.printing.imprint.MIN_GAIN", -100.0
    )  # a random model gains nothing
    cases = [case("one"), case("two")]
    begun = opened(tmp_path / "whole", SMALL, cases)
    assert begun.left() == 2 * len(chosen) + len(few)
    whole = begun.run()
    assert begun.left() == 0
    assert {t.arm for t in whole} == {*chosen, *few}
    supervised = {t.arm: t.tokens for t in whole}
    assert supervised["plan"] == supervised["duplicates"] == supervised["fixed KL"]
    assert all(t.durability is not None for t in whole if t.arm == "plan")
    assert all(t.spill is not None and t.spill == t.curve[-1].spill for t in whole)
    with closing(sqlite3.connect(tmp_path / "whole/ledger.sqlite")) as db:
        db.execute("DELETE FROM results WHERE rowid % 3 = 0")
        db.commit()
    again = opened(tmp_path / "whole", SMALL, cases).run()
    assert [t.model_copy(update={"seconds": 0.0}) for t in whole] == [
        t.model_copy(update={"seconds": 0.0}) for t in again
    ]
    with pytest.raises(LithoError, match="unknown arm 'miracle'"):
        opened(tmp_path / "whole", SMALL, cases, only=["miracle"])
    part = opened(tmp_path / "part", SMALL, cases, only=["duplicates"])
    assert part.left() == 2
    assert {trial.arm for trial in part.run()} == {"duplicates"}
    assert opened(tmp_path / "part", SMALL, cases).left() == 2 * len(chosen) + len(few) - 2
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


def test_trials_of_another_model_or_precision_are_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("litho.jobs.bench.tournament.ARMS", {"duplicates": ARMS["duplicates"]})
    monkeypatch.setattr("litho.jobs.bench.tournament.ABLATIONS", {})
    model = load(locate("tiny:llama"), torch.float32)
    folder = tmp_path / "model"
    model.network.save_pretrained(folder)
    model.tokenizer.save_pretrained(folder)
    config = SMALL.model_copy(update={"model": str(folder), "durable": ()})
    cases = [case("one"), case("two")]
    assert opened(tmp_path / "x", config, cases).run()
    with pytest.raises(LithoError, match="other placement"):
        opened(tmp_path / "x", config.model_copy(update={"dtype": "bfloat16"}), cases)
    shake(model)
    model.network.merge_and_unload().save_pretrained(folder)
    with pytest.raises(LithoError, match="other weights"):
        opened(tmp_path / "x", config, cases)
    (tmp_path / "y").mkdir()
    shutil.copy(tmp_path / "x" / "ledger.sqlite", tmp_path / "y")
    assert not opened(tmp_path / "y", config, cases).finished()


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
    result = summarize(trials)
    found = {summary.arm: summary for summary in result.root}
    assert found["token masking"].failed == 1 and found["duplicates"].failed == 0
    assert found["token masking"].drift.value is None
    assert "1 (1, 1 failed)" in comparison_table(result)


def test_the_rate_within_the_drift_limit_is_preferred() -> None:
    trials = {
        (1e-3, 1.0): [trial("plan", "a", 0, gen=0.9, drift=0.1)],
        (5e-4, 1.0): [trial("plan", "a", 0, gen=0.6, drift=0.004)],
        (1e-4, 1.0): [trial("plan", "a", 0, gen=0.3, drift=0.001)],
    }
    assert best_setting(trials, 0.005) == (5e-4, 1.0)
    assert best_setting(trials, 0.0001) == (1e-3, 1.0)
