"""The life cycle that all commands share."""

import errno
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest
import torch
import yaml

from litho.core.errors import Cancelled, Interrupted, LithoError
from litho.core.reporter import Event, Listener
from litho.core.runs import RunDirectory
from litho.jobs import runner
from litho.jobs.diff.config import DiffSpec
from litho.jobs.imprint.onto import Onto
from litho.jobs.imprint.unprint import UnprintSpec
from litho.jobs.map.config import MapSpec
from litho.jobs.models import Models
from litho.jobs.spec import Spec
from litho.jobs.vary.config import VaryConfig, VarySpec
from litho.jobs.vary.run import JOB
from litho.model.adapters import lora, saved
from litho.model.loading import load
from litho.model.sources import locate
from litho.show.report import write_report
from litho.text.pages import Page
from tests.builders import TEXT, Silent, shake

SPEC = VarySpec(
    model="tiny:llama", source=TEXT, text_name="text.md", config=VaryConfig(count=3, ladder=False)
)


def begun(out: Path, spec: VarySpec = SPEC) -> RunDirectory:
    return runner.start(JOB, spec, out, Models(), Silent())


def failing(error: BaseException) -> Callable[..., Any]:
    def fail(*_: object) -> NoReturn:
        raise error

    return fail


def resumed(out: Path, notes: list[Event] | None = None) -> RunDirectory:
    listener = Listener((notes if notes is not None else []).append)
    runner.resume(out, Models(), listener, write_report)
    return RunDirectory.opened(out)


def test_an_error_in_the_report_takes_no_number_away(tmp_path: Path) -> None:
    notes: list[Event] = []
    listener = Listener(notes.append)
    report = failing(ValueError("no ink"))
    result = runner.finish(begun(tmp_path / "x"), JOB, Models(), listener, report)
    run = RunDirectory.opened(tmp_path / "x")
    assert run.read_json("metrics.json") == result.model_dump(mode="json")
    (said,) = [event.note for event in notes if event.note and "could not be" in event.note]
    assert "no ink" in said and f"litho report {tmp_path / 'x'}" in said
    assert write_report(run).is_file()


def test_a_cancelled_run_goes_on_to_the_same_numbers(tmp_path: Path) -> None:
    whole = runner.finish(begun(tmp_path / "whole"), JOB, Models(), Silent(), write_report)
    told: list[Event] = []
    listener = Listener(told.append, lambda: told[-1].stage.startswith("seeing"))
    with pytest.raises(Interrupted, match=f"litho resume {tmp_path / 'x'}'"):
        runner.finish(begun(tmp_path / "x"), JOB, Models(), listener, write_report)
    assert not (tmp_path / "x").exists()
    found = resumed(tmp_path / "x").read_json("metrics.json")
    assert found | {"run": ""} == whole.model_dump(mode="json") | {"run": ""}
    with pytest.raises(LithoError, match="is finished: there is nothing to resume"):
        resumed(tmp_path / "x")


@pytest.mark.parametrize("stages", [False, True])
def test_bad_input_found_late_leaves_no_run_without_stages(tmp_path: Path, stages: bool) -> None:
    run = begun(tmp_path / "x")
    if stages:
        run.once("plan.json", dict)
    job = replace(JOB, run=failing(LithoError("no variant keeps within the budget")))
    said = f"no variant.*kept in {run.path}" if stages else "no variant keeps within the budget$"
    with pytest.raises(LithoError, match=said):
        runner.finish(run, job, Models(), Silent(), write_report)
    assert (tmp_path / "x.partial").exists() == stages


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (OSError(errno.ENOSPC, "No space"), LithoError, "the disk is full.*litho resume"),
        (OSError(errno.EROFS, "Read-only", "x"), LithoError, "x cannot be used.*litho resume"),
        (MemoryError(), LithoError, "the memory is not enough.*--bits 4.*litho resume"),
        (RuntimeError("CUDA out of memory"), LithoError, "the memory is not enough.*litho resume"),
        (KeyboardInterrupt(), Interrupted, "stopped; go on with 'litho resume"),
        (RuntimeError("a bug"), RuntimeError, "a bug"),
    ],
)
def test_what_was_done_survives_an_error(
    tmp_path: Path, error: BaseException, kind: type[Exception], said: str
) -> None:
    run = begun(tmp_path / "x")
    with pytest.raises(kind, match=said):
        runner.finish(run, replace(JOB, run=failing(error)), Models(), Silent(), write_report)
    assert resumed(tmp_path / "x").read_json("metrics.json")["variants"]


def test_cancelling_while_the_report_is_written_ends_with_the_numbers(tmp_path: Path) -> None:
    report = failing(Cancelled())
    runner.finish(begun(tmp_path / "x"), JOB, Models(), Silent(), report)
    assert RunDirectory.opened(tmp_path / "x").read_json("metrics.json")


def test_stopping_while_the_report_is_written_says_how_to_go_on(tmp_path: Path) -> None:
    report = failing(KeyboardInterrupt())
    with pytest.raises(Interrupted, match=f"litho resume {tmp_path / 'x'}'"):
        runner.finish(begun(tmp_path / "x"), JOB, Models(), Silent(), report)
    assert (resumed(tmp_path / "x").path / "report.html").is_file()


def test_numbers_survive_an_error_behind_them(tmp_path: Path) -> None:
    job = replace(JOB, done=failing(LithoError("the effects registry cannot be used")))
    with pytest.raises(LithoError, match=f"registry.*kept in {tmp_path / 'x.partial'}"):
        runner.finish(begun(tmp_path / "x"), job, Models(), Silent(), write_report)
    assert resumed(tmp_path / "x").read_json("metrics.json")["variants"]


def test_other_circumstances_are_said(tmp_path: Path) -> None:
    run = begun(tmp_path / "x")
    manifest = run.read_yaml("manifest.yaml")
    assert manifest["placement"]["dtype"] == "float32"
    manifest["versions"]["torch"] = "1.0"
    run.write_yaml("manifest.yaml", manifest)
    run.release()
    notes: list[Event] = []
    resumed(tmp_path / "x", notes)
    assert any(n.note and "torch 1.0" in n.note and "last digits" in n.note for n in notes)


def test_another_model_under_the_name_is_refused(tmp_path: Path) -> None:
    model = load(locate("tiny:llama"), torch.float32)
    folder = tmp_path / "model"
    model.network.save_pretrained(folder)
    model.tokenizer.save_pretrained(folder)
    begun(tmp_path / "x", SPEC.model_copy(update={"model": str(folder)})).release()
    shake(model)
    model.network.merge_and_unload().save_pretrained(folder)
    with pytest.raises(LithoError, match="is not the one that this run was started with"):
        resumed(tmp_path / "x")


def test_a_manifest_of_an_earlier_version_is_named(tmp_path: Path) -> None:
    run = begun(tmp_path / "x")
    run.write_json("inputs.json", {"text": "another form"})
    run.release()
    with pytest.raises(LithoError, match="earlier version of Litho cannot be resumed"):
        resumed(tmp_path / "x")
    manifest = run.read_yaml("manifest.yaml") | {"command": "dream"}
    run.write_text("manifest.yaml", yaml.safe_dump(manifest))
    with pytest.raises(LithoError, match="unknown command 'dream' in a manifest"):
        resumed(tmp_path / "x")


SHARED = replace(JOB, joint=("vary",))
OTHER = SPEC.model_copy(update={"config": VaryConfig(count=2, ladder=False)})


def shared(out: Path, spec: VarySpec, job: Any = SHARED) -> Any:  # noqa: ANN401
    run = runner.start(job, spec, out, Models(), Silent())
    return runner.finish(run, job, Models(), Silent(), write_report)


def test_what_another_process_has_finished_is_not_this_ones(tmp_path: Path) -> None:
    def stopped(_: object) -> NoReturn:
        shared(tmp_path / "x", OTHER)
        raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="stopped; give the same command again"):
        shared(tmp_path / "x", SPEC, replace(SHARED, run=stopped))
    assert runner.is_done(SHARED, OTHER, tmp_path / "x")
    assert not runner.is_done(SHARED, SPEC, tmp_path / "x")


def test_a_folder_holds_inputs_and_result_of_the_process_that_ended_last(tmp_path: Path) -> None:
    def overtaken(context: Any) -> Any:  # noqa: ANN401
        shared(tmp_path / "x", OTHER)
        return JOB.run(context)

    result = shared(tmp_path / "x", SPEC, replace(SHARED, run=overtaken))
    found = RunDirectory.opened(tmp_path / "x").read_json("metrics.json")
    assert found == result.model_dump(mode="json")
    assert runner.is_done(SHARED, SPEC, tmp_path / "x")
    assert not runner.is_done(SHARED, OTHER, tmp_path / "x")


def test_a_run_that_may_not_be_gone_on_with_stays_as_it_is(tmp_path: Path) -> None:
    shared(tmp_path / "x", SPEC)
    names = ("inputs.json", "manifest.yaml", "metrics.json")
    before = [(tmp_path / "x" / name).read_bytes() for name in names]
    strict = replace(SHARED, admits=failing(LithoError("choose another --out")))
    with pytest.raises(LithoError, match="choose another --out"):
        shared(tmp_path / "x", OTHER, strict)
    assert [(tmp_path / "x" / name).read_bytes() for name in names] == before
    assert shared(tmp_path / "x", SPEC, strict)


@pytest.mark.parametrize(
    "spec",
    [
        MapSpec(model="tiny:llama", text=TEXT, text_name="text.md", adapter="a"),
        DiffSpec(text=TEXT, text_name="text.md", before="tiny:llama", after="tiny:llama+a"),
    ],
)
def test_another_adapter_in_the_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: Spec
) -> None:
    monkeypatch.chdir(tmp_path)
    model = load(locate("tiny:llama"), torch.float32)
    shake(model)
    saved.save(model, "x", Path("a"))
    job = runner.job_of("diff" if isinstance(spec, DiffSpec) else "map")
    run = runner.start(job, spec, tmp_path / "x", Models(), Silent())
    run.release()
    assert runner.is_begun(job, spec, tmp_path / "x")
    with torch.no_grad():
        next(iter(lora.weights(model, "x").values())).add_(1.0)
    saved.save(model, "x", Path("a"))
    assert not runner.is_begun(job, spec, tmp_path / "x")
    with pytest.raises(LithoError, match=r"the adapter .*a is not the one that this run was"):
        resumed(tmp_path / "x")
    shutil.rmtree("a")
    with pytest.raises(LithoError, match="is not the one that this run was"):
        resumed(tmp_path / "x")


def test_a_page_is_taken_out_of_the_adapter_of_the_start() -> None:
    onto = Onto(run="/runs/a", adapter_sha256="0", slices=(), layers=(0,), drift=None)
    page = Page(name="a", text=TEXT)
    spec = UnprintSpec(model="tiny:llama", onto=onto, page=page, place=0, pages=())
    assert spec.adapters() == {"adapter": "/runs/a/adapter"}
