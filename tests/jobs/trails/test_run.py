"""Printing and testing trails, end to end, on tiny models; interrupted and resumed."""

import hashlib
import json
import random
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from litho.core.errors import Interrupted, LithoError
from litho.core.runs import RunDirectory
from litho.jobs import runner
from litho.jobs.models import Models
from litho.jobs.trails import print as printing
from litho.jobs.trails import test as testing
from litho.jobs.trails.config import CaptureConfig, CaptureSpec, PrintConfig, PrintSpec, Shown
from litho.jobs.trails.mixture import Mixture
from litho.jobs.trails.pairs import PairPlan
from litho.jobs.trails.result import CaptureResult, PrintResult
from litho.jobs.trails.shown import scrambled
from litho.model.loaded import LanguageModel
from litho.show.report import write_report
from litho.text.trails.chains import Draw, draw
from litho.text.trails.external import Asking, ExternalSet
from litho.text.trails.library import Library, parse_library, starter
from tests.builders import TRAILS, Silent, check_numbers

LIBRARY = parse_library(TRAILS, "trails.yaml")
QUICK = PrintConfig(
    pairs=2,
    few_shot_pairs=1,
    presentations=4,
    check_every=2,
    settle=2,
    learning_rate=0.01,
    replay_length=16,
    replay_rows=2,
    retention_tokens=256,
)
ASKED = ExternalSet(
    name="asked.jsonl",
    questions=(
        Asking(context="The lamp is red.", question="Is it red?", answer="yes"),
        Asking(
            context="The lamp is red.", question="What is it?", choices=("wet", "red"), answer=1
        ),
    ),
)


def spec(library: Library = LIBRARY, model: str = "tiny:llama", **settings: object) -> PrintSpec:
    config = QUICK.model_copy(update=settings)
    return PrintSpec(library=library, library_name="trails.yaml", model=model, config=config)


def printed(wanted: PrintSpec, out: Path, reporter: Silent | None = None) -> PrintResult:
    run = runner.start(printing.JOB, wanted, out, Models(), Silent())
    return runner.finish(run, printing.JOB, Models(), reporter or Silent(), write_report)


def captured(wanted: CaptureSpec, out: Path) -> CaptureResult:
    run = runner.start(testing.JOB, wanted, out, Models(), Silent())
    return runner.finish(run, testing.JOB, Models(), Silent(), write_report)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """A finished run with its control and questions from elsewhere; to be read only."""
    out = tmp_path_factory.mktemp("trails") / "done"
    printed(spec(control="shuffled").model_copy(update={"external": (ASKED,)}), out)
    return out


def test_a_run_holds_what_it_promises(done: Path) -> None:
    result = PrintResult(**json.loads((done / "metrics.json").read_text()))
    assert set(result.cells) == {"M", "F", "W", "G", "N", "B"}
    assert [form.form for form in result.forms] == ["ponens", "either or"]
    assert result.forms[1].held_out and set(result.forms[1].kappa) == {"G"}
    weights = done / "adapter" / "adapter_model.safetensors"
    assert result.adapter_sha256 == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert result.control and result.control.drift.retention
    assert result.few_shot_gain and result.few_shot_gain.before.value is not None
    (external,) = result.external
    assert external.premises["after"].n == external.alone["before"].n == 2
    assert set(result.halfway) == {"attention", "F", "W"}
    assert "on the rule that applies, along the steps" in (done / "report.html").read_text()
    assert result.depth and set(result.depth.curves["after"]) == {"W", "N"}
    for state in ("before", "after"):
        for curves in result.depth.curves[state].values():
            assert len(curves.flipped) + 1 == len(curves.said) == 4
    assert result.depth.curves["before"] != result.depth.curves["after"]
    assert result.map and result.map.forms == ("ponens", "either or")
    assert "Which trails run through the same heads" in (done / "report.html").read_text()
    assert result.control and not result.control.depth and not result.control.map
    assert not list(done.glob("checkpoint*"))
    check_numbers(done)


def test_plain_transformers_and_peft_give_the_reported_d(done: Path) -> None:
    config = json.loads((done / "adapter/adapter_config.json").read_text())
    folder = config["base_model_name_or_path"]
    plain = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model = PeftModel.from_pretrained(plain, done / "adapter").eval()

    def prefers(text: str, answers: list[str]) -> float:
        """log P of the first letter of one answer over that of the other (tokens are bytes)."""
        ids = [0, *(2 + sorted_bytes.index(letter) for letter in f"{text} ")]
        with torch.no_grad():
            logp = model(input_ids=torch.tensor([ids])).logits[0, -1].log_softmax(-1)
        first, second = (logp[2 + sorted_bytes.index(answer[0])].item() for answer in answers)
        return first - second

    from tokenizers import pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    sorted_bytes = [" " if letter == "Ġ" else letter for letter in alphabet]
    rows = [r for r in RunDirectory.opened(done).read_rows("pairs.parquet") if r["cell"] == "F"]
    assert rows
    for row in rows:
        d = (prefers(row["first"], row["answers"]) - prefers(row["second"], row["answers"])) / 2
        assert row["d"] == pytest.approx(d, abs=1e-4)


def test_the_adapter_tested_alone_says_the_same(done: Path, tmp_path: Path) -> None:
    expected = PrintResult(**json.loads((done / "metrics.json").read_text()))
    fields = {name: getattr(QUICK, name) for name in CaptureConfig.model_fields}
    wanted = CaptureSpec(
        library=LIBRARY,
        library_name="trails.yaml",
        model="tiny:llama",
        adapter=str(done / "adapter"),
        external=(ASKED,),
        config=CaptureConfig(**fields),
    )
    found = captured(wanted, tmp_path / "test")
    same = (
        "cells",
        "forms",
        "selectivity",
        "few_shot_gain",
        "drift",
        "verdict",
        "external",
        "depth",
    )
    assert {name: getattr(found, name) for name in same} == {
        name: getattr(expected, name) for name in same
    }
    check_numbers(tmp_path / "test")


def test_a_model_is_tested_without_an_adapter(tmp_path: Path) -> None:
    wanted = CaptureSpec(
        library=LIBRARY, library_name="t", model="tiny:mamba", config=CaptureConfig(pairs=2)
    )
    found = captured(wanted, tmp_path / "test")
    assert found.drift.retention is None and found.adapter is None
    assert all(cell.d == cell.d_before and cell.share is None for cell in found.cells.values())


def test_interrupted_anywhere_resumes_to_the_same_adapter(done: Path, tmp_path: Path) -> None:
    expected = json.loads((done / "metrics.json").read_text())
    wanted = spec(control="shuffled").model_copy(update={"external": (ASKED,)})
    run = runner.start(printing.JOB, wanted, tmp_path / "stopped", Models(), Silent())
    for stop_after in (4, 5, 5, 4):  # in the baseline, in both trainings, in the test
        with pytest.raises(Interrupted):
            runner.finish(run, printing.JOB, Models(), Silent(stop_after), write_report)
        run = RunDirectory.resume(tmp_path / "stopped")
    found = runner.finish(run, printing.JOB, Models(), Silent(), write_report)
    same = ("adapter_sha256", "cells", "forms", "control", "verdict", "drift", "depth", "map")
    said = json.loads(found.model_dump_json())
    assert {key: said[key] for key in same} == {key: expected[key] for key in same}


@pytest.mark.parametrize(
    ("model", "channels", "rank"),
    [("llama", "mlp", 14), ("gpt2", "qkvo", 21), ("mamba", "all", 8), ("llama", "all", 8)],
)
def test_channels_have_as_many_weights(
    model: str, channels: str, rank: int, tmp_path: Path
) -> None:
    wanted = spec(model=f"tiny:{model}", channels=channels, presentations=1, objective="text")
    result = printed(wanted, tmp_path / "run")
    assert result.rank == rank
    if model == "llama":
        assert result.weights == pytest.approx(12288, rel=0.03)


@pytest.mark.parametrize("objective", ["routing", "routing+answer"])
def test_routing_resumes_to_the_same_adapter(objective: str, tmp_path: Path) -> None:
    wanted = spec(objective=objective, few_shot_pairs=0)
    expected = printed(wanted, tmp_path / "whole")
    assert len(json.loads((tmp_path / "whole" / "heads.json").read_text())["heads"]) == 12
    run = runner.start(printing.JOB, wanted, tmp_path / "stopped", Models(), Silent())
    with pytest.raises(Interrupted):
        runner.finish(run, printing.JOB, Models(), Silent(16), write_report)
    run = RunDirectory.resume(tmp_path / "stopped")
    found = runner.finish(run, printing.JOB, Models(), Silent(), write_report)
    assert found.adapter_sha256 == expected.adapter_sha256
    assert found.cells == expected.cells


def test_heads_learn_from_a_teacher_and_resume(tmp_path: Path) -> None:
    wanted = spec(objective="teacher", few_shot_pairs=0, depth_pairs=0, map_pairs=0)
    expected = printed(wanted, tmp_path / "whole")
    assert expected.teacher and expected.teacher.cells != expected.cells
    assert expected.depth is None and expected.map is None
    for stop_after in (3, 12):  # in the teacher's training, in that of the heads
        run = runner.start(printing.JOB, wanted, tmp_path / str(stop_after), Models(), Silent())
        with pytest.raises(Interrupted):
            runner.finish(run, printing.JOB, Models(), Silent(stop_after), write_report)
        run = RunDirectory.resume(tmp_path / str(stop_after))
        found = runner.finish(run, printing.JOB, Models(), Silent(), write_report)
        assert found.adapter_sha256 == expected.adapter_sha256
        assert found.teacher == expected.teacher


def test_routing_is_refused_where_no_attention_is_watched(tmp_path: Path) -> None:
    with pytest.raises(LithoError, match="choose another objective"):
        printed(spec(model="tiny:mamba", channels="all", objective="routing"), tmp_path / "run")
    assert not list(tmp_path.iterdir())


def test_forms_enter_one_after_another(llama: LanguageModel) -> None:
    library = parse_library(starter(), "starter.yaml")
    many = PairPlan(library, llama, 0)
    mixture = Mixture(many, PrintConfig(start_forms=4, presentations=100))
    shown = [mixture.next(step) for step in range(3)]
    assert mixture.entered == 4 and all(len(each.rows) == 8 for each in shown)
    for step in range(3, 12):
        mixture.next(step)
        mixture.note([0.1] * 8)
    assert mixture.entered > 4
    again = Mixture(many, PrintConfig(start_forms=4, presentations=100))
    again.recall(mixture.memory())
    assert again.next(12).rows == mixture.next(12).rows
    mixture.next(50)
    assert mixture.entered == len(library.trained())


def test_what_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    one = LIBRARY.model_copy(update={"forms": LIBRARY.forms[:1]})
    long = LIBRARY.forms[0].wordings[0].model_copy(update={"ask": "so " * 2000 + "the"})
    form = LIBRARY.forms[0].model_copy(update={"wordings": (long,)})
    endless = LIBRARY.model_copy(update={"forms": (form, LIBRARY.forms[1])})
    for wanted, message in (
        (spec(one), "one trail by itself breaks its neighbours.* --alone"),
        (spec(endless), "a chain of .* tokens, but tiny:llama reads 2048"),
        (spec(model="tiny:mamba"), "cannot be watched.*--channels all"),
        (spec(model="tiny:gpt2"), "in one layer .*--channels qkvo"),
    ):
        with pytest.raises(LithoError, match=message):
            printed(wanted, tmp_path / "refused")
    assert not list(tmp_path.iterdir())
    assert printed(spec(one, presentations=1).model_copy(update={"alone": True}), tmp_path / "one")


def shown_rows(plan: PairPlan, shown: Shown) -> list[list[int]]:
    """Rows of four steps."""
    mixture = Mixture(plan, PrintConfig(shown=shown))
    return [list(row) for step in range(4) for row in mixture.next(step).rows]


def test_what_is_shown_to_compare_with(llama: LanguageModel) -> None:
    plan = PairPlan(LIBRARY, llama, 0)
    usual = shown_rows(plan, "chains")
    shuffled = shown_rows(plan, "shuffled")
    assert [row[:-1] for row in shuffled] == [row[:-1] for row in usual]
    assert 0 < sum(a != b for a, b in zip(usual, shuffled, strict=True)) < len(usual)
    turned = shown_rows(plan, "turned")
    assert [row[:-1] for row in turned] == [row[:-1] for row in usual]
    assert all(a[-1] != b[-1] for a, b in zip(usual, turned, strict=True))
    assert len({tuple(row) for row in shown_rows(plan, "fixed")}) == 2
    assert len({tuple(row) for row in usual}) > 2


@pytest.mark.parametrize("shown", ["scrambled", "bare"])
def test_contexts_that_are_changed(shown: Shown, llama: LanguageModel) -> None:
    plan = PairPlan(LIBRARY, llama, 0)
    for usual, other in zip(shown_rows(plan, "chains"), shown_rows(plan, shown), strict=True):
        told, said = (llama.decode(row[1:-1]).split() for row in (usual, other))
        assert told != said and usual[-1] == other[-1]
        if shown == "scrambled":
            assert sorted(told) == sorted(said)
        else:
            assert {"Therefore", "If"} & set(told) and not {"Therefore", "If"} & set(said)


def test_rules_that_end_in_another_sign_are_scrambled_too() -> None:
    loud = parse_library(TRAILS.replace('."', '!"'), "loud.yaml")
    wanted = Draw(0, unseen=False, fillers=False)
    pair = draw(loud, loud.forms[0], wanted, random.Random(0), lambda _: True)
    for usual, other in zip(pair.contexts, scrambled(pair, random.Random(0)).contexts, strict=True):
        told, asked = usual.text.removesuffix(" So the winner is the"), "So the winner is the"
        assert other.text != usual.text and other.text.endswith(f" {asked}")
        assert sorted(other.text.removesuffix(f" {asked}").split()) == sorted(told.split())


def test_turned_routing_points_to_the_other_rule(llama: LanguageModel) -> None:
    plan = PairPlan(LIBRARY, llama, 0)
    usual, turned = (
        Mixture(plan, PrintConfig(objective="routing", shown=shown))
        for shown in ("chains", "turned")
    )
    usual.next(0), turned.next(0)
    assert [each.turned() for each in usual.pointers()] == turned.pointers()
    assert usual.pointers() != turned.pointers()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"objective": "routing", "shown": "bare"}, "choose another objective for bare"),
        ({"heads": "random"}, "only routing trains by heads"),
        ({"objective": "teacher", "control": "shuffled"}, "leave the control out"),
    ],
)
def test_settings_that_do_not_fit_together(settings: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PrintConfig.model_validate(settings)
