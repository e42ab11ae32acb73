"""`import litho`: what it offers, and how little it takes."""

import subprocess
import sys
from pathlib import Path
from threading import Event as Flag

import pytest
import torch

import litho
from litho.jobs.vary.config import VaryConfig
from litho.model import loaded
from litho.model.adapters import lora, saved
from litho.model.adapters.spec import AdapterSpec
from tests.builders import TEXT

QUICK = VaryConfig(count=2, ladder=False)


@pytest.mark.parametrize("module", ["litho", "litho.api", "litho.cli.main"])
def test_importing_is_quick(module: str) -> None:
    heavy = ["torch", "transformers", "numpy", "scipy", "ray", "plotly", "pyarrow"]
    if module != "litho.api":
        heavy += ["pydantic", "yaml"]  # of the settings, which '--help' has no use for
    code = f"import sys, {module}; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_everything_that_is_offered_is_there() -> None:
    assert set(litho.__all__) <= set(dir(litho))
    assert all(getattr(litho, name) for name in litho.__all__) and litho.__version__
    with pytest.raises(AttributeError, match="no attribute 'dream'"):
        litho.dream  # noqa: B018


def test_texts_and_models_in_either_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "text.md"
    file.write_text(TEXT)
    model = litho.load("tiny:llama")
    read = litho.map(file, "tiny:llama", out=tmp_path / "read")
    monkeypatch.setattr("litho.jobs.models.load", None)  # nothing is loaded again
    given = litho.map(TEXT, model, out=tmp_path / "given")
    assert given.model_copy(update={"run": ""}) == read.model_copy(update={"run": ""})


def test_a_loaded_model_is_compared_with_an_adapter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = litho.load("tiny:llama")
    with lora.fresh(model, "x", AdapterSpec(2)):
        for weight in lora.weights(model, "x").values():
            torch.nn.init.normal_(weight.data, std=0.1)
        saved.save(model, "x", tmp_path / "adapter")
    named = litho.diff(TEXT, str(tmp_path / "adapter"), "tiny:llama", out=tmp_path / "x", nulls=3)
    monkeypatch.setattr("litho.jobs.models.load", None)  # nothing is loaded again
    given = litho.diff(TEXT, tmp_path / "adapter", model, out=tmp_path / "y", nulls=3)
    assert given.model_copy(update={"run": ""}) == named.model_copy(update={"run": ""})
    assert not model.adapters, "the model was given back with adapters"


def test_a_loaded_model_says_where_it_is_measured(tmp_path: Path) -> None:
    model = litho.load("tiny:llama", litho.Device(dtype="bfloat16"))
    litho.map(TEXT, model, out=tmp_path / "x")
    manifest = (tmp_path / "x/manifest.yaml").read_text()
    assert "dtype: bfloat16" in manifest and "noise:" in manifest
    assert isinstance(model, loaded.LanguageModel) and model.network.dtype == torch.bfloat16


def test_settings_by_name_or_all_together(tmp_path: Path) -> None:
    first = litho.vary(TEXT, "tiny:llama", out=tmp_path / "x", count=2, ladder=False)
    again = litho.vary(TEXT, "tiny:llama", out=tmp_path / "y", config=QUICK)
    assert first.variants == again.variants
    with pytest.raises(litho.LithoError, match="either config or settings by name, such as count"):
        litho.vary(TEXT, "tiny:llama", out=tmp_path / "z", config=QUICK, count=3)
    with pytest.raises(litho.LithoError, match="unknown setting 'cuont'"):
        litho.vary(TEXT, "tiny:llama", out=tmp_path / "z", cuont=3)
    assert not list(tmp_path.glob("z*"))


def test_progress_is_told_and_a_job_can_be_cancelled(tmp_path: Path) -> None:
    flag, told = Flag(), list[litho.Event]()

    def tell(event: litho.Event) -> None:
        told.append(event)
        if event.stage == "making variants":
            flag.set()

    with pytest.raises(litho.Interrupted, match="litho resume"):
        litho.vary(TEXT, "tiny:llama", out=tmp_path / "x", config=QUICK, progress=tell, cancel=flag)
    assert told[-1].stage == "making variants" and told[-1].total == QUICK.count
    litho.resume(tmp_path / "x")
    (tmp_path / "x/report.html").unlink()
    assert litho.report(tmp_path / "x").is_file()


def test_a_job_that_is_cancelled_before_it_begins_leaves_nothing(tmp_path: Path) -> None:
    flag = Flag()
    flag.set()
    with pytest.raises(litho.Interrupted, match="nothing was written"):
        litho.vary(TEXT, "tiny:llama", out=tmp_path / "x", config=QUICK, cancel=flag)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", [litho.ensemble, litho.calibrate])
def test_one_way_of_doing_many_runs(command: object, tmp_path: Path) -> None:
    assert callable(command)
    plan = tmp_path / "plan.yaml"
    plan.write_text("texts: texts.jsonl\nprobes: probes.jsonl\nmodels: [tiny:llama]\n")
    (tmp_path / "texts.jsonl").write_text('{"id": "a", "text": "One town."}\n')
    (tmp_path / "probes.jsonl").write_text('{"id": "q", "prefix": "One", "target": "town."}\n')
    with pytest.raises(litho.LithoError, match="exclude each other"):
        command(plan, tmp_path / "x", cluster="127.0.0.1:1", processes=2)
    assert not (tmp_path / "x").exists()
