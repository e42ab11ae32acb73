"""Reports are written whatever was not measured: every number that may be missing is."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import pytest
from pydantic import BaseModel, RootModel

import litho
from litho.cli.shown import show
from litho.core.runs import RunDirectory
from litho.jobs.bench.result import BenchResult
from litho.jobs.diff.result import AlignedResult, DiffResult
from litho.jobs.ensemble.result import EnsembleResult
from litho.jobs.exam.result import ExamRun
from litho.jobs.expose.result import ExposeResult
from litho.jobs.imprint.history import steps_of
from litho.jobs.imprint.result import IMPRINT, ImprintResult
from litho.jobs.map.result import MapResult
from litho.jobs.predict.result import CalibrationResult, PredictResult
from litho.jobs.trails.result import CaptureResult, GraphResult
from litho.jobs.vary.result import VaryResult
from litho.learn.records import Check, Step
from litho.show.pages import imprint as imprint_page
from litho.show.report import write_report
from litho.text.trails.library import parse_library
from litho.text.variants import PresentationPlan, Refusal
from tests.builders import TEXT, TRAILS, shake
from tests.show.runs import KINDS
from tests.text.school.test_genome import GENOME

RESULTS: dict[str, type[Any]] = {
    "bench": BenchResult,
    "calibrate": CalibrationResult,
    "diff": DiffResult,
    "align": AlignedResult,
    "ensemble": EnsembleResult,
    "exam": ExamRun,
    "expose": ExposeResult,
    "imprint": ImprintResult,
    "map": MapResult,
    "predict": PredictResult,
    "trails graph": GraphResult,
    "trails test": CaptureResult,
    "vary": VaryResult,
}

ASKED = {"layers"}  # what was to be measured is never missing


def missing(kind: Any, value: Any) -> Any:  # noqa: ANN401  JSON of any type
    """`value`, the JSON of a `kind`, with None wherever that is allowed."""
    arguments = get_args(kind)
    if get_origin(kind) in (Union, UnionType) and type(None) in arguments:
        return None
    if isinstance(kind, type) and issubclass(kind, BaseModel) and isinstance(value, Mapping):
        fields = kind.model_fields
        return {
            key: item if key in ASKED else missing(fields[key].annotation, item)
            for key, item in value.items()
        }
    if isinstance(kind, type) and issubclass(kind, RootModel):
        return missing(kind.model_fields["root"].annotation, value)
    if isinstance(value, list) and arguments:
        return [missing(arguments[0], item) for item in value]
    if isinstance(value, Mapping) and arguments:
        return {key: missing(arguments[1], item) for key, item in value.items()}
    return value


def adapter(folder: Path) -> Path:
    model = litho.load("tiny:llama")
    shake(model)
    model.network.save_pretrained(folder)
    return folder / "x"


def made(kind: str, folder: Path) -> RunDirectory:
    """A small finished run."""
    if kind in KINDS:
        return KINDS[kind](folder)
    small: dict[str, Any] = {"out": folder, "model": "tiny:llama"}
    if kind == "map":
        litho.map(TEXT, gradients=True, **small)
    elif kind == "vary":
        litho.vary(TEXT, count=2, ladder=False, max_mean_kl=100, max_surprise=100, **small)
    elif kind == "exam":  # as many questions as it takes for each part of the page
        (folder.parent / "school.yaml").write_text(GENOME.replace("n: 10", "n: 2"))
        litho.exam("tiny:llama", folder.parent / "school.yaml", out=folder)
    elif kind == "trails test":
        litho.test_trails(parse_library(TRAILS, "trails.yaml"), pairs=2, few_shot_pairs=1, **small)
    elif kind == "trails graph":
        litho.graph_trails("The lamp is", ("red", "wet"), near_miss="The lamp was", **small)
    elif kind == "expose":
        small |= {"presentations": (1,), "seeds": 1, "third_steps": 1, "directions": 2}
        litho.expose(TEXT, tokens=16, strengths=(1.0,), **small)
    else:
        after = "tiny:gpt2" if kind == "align" else str(adapter(folder.with_name("adapter")))
        litho.diff(TEXT, after, "tiny:llama", out=folder, nulls=3, null_tokens=8)
    return RunDirectory.opened(folder)


@pytest.mark.parametrize("kind", [*sorted({*RESULTS} - {"imprint"})])
def test_a_report_needs_no_number_that_may_be_missing(kind: str, tmp_path: Path) -> None:
    run = made(kind, tmp_path / "run")
    result = missing(RESULTS[kind], run.read_json("metrics.json"))
    run.write_json("metrics.json", result)
    write_report(run)
    show(RESULTS[kind].model_validate(result), False, run.path)


def test_an_imprint_is_reported_where_versions_were_refused_unmeasured(
    finished: Path, tmp_path: Path
) -> None:
    run = RunDirectory.opened(Path(shutil.copytree(finished, tmp_path / "run")))
    plan = PresentationPlan(**run.read_json("plan.json"))
    unread = plan.variants[0].model_copy(update={"volatility": None})
    refused = (Refusal(variant=unread, reason="holds 'x', for which the model has no token"),)
    run.write_json("plan.json", plan.model_copy(update={"refused": refused}).model_dump())
    page = write_report(run).read_text()
    assert "for which the model has no token" in page.split("Refused (1)")[1]


def test_an_imprint_is_reported_where_no_check_measured_anything(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunDirectory.opened(Path(shutil.copytree(finished, tmp_path / "run")))
    run.write_json("metrics.json", missing(ImprintResult, run.read_json("metrics.json")))
    measured = steps_of

    def unmeasured(run: RunDirectory, arm: str) -> list[Step]:
        rows = [step.model_dump(mode="json") for step in measured(run, arm)]
        checks = [missing(Check, row["check"]) if row["check"] else None for row in rows]
        return [
            Step(**(missing(Step, row) | {"check": check}))
            for row, check in zip(rows, checks, strict=True)
        ]

    monkeypatch.setattr(imprint_page, "steps_of", unmeasured)
    assert any(step.check and step.check.anchor is None for step in unmeasured(run, IMPRINT))
    write_report(run)
