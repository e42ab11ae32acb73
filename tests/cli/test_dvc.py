"""Stages of DVC: what a command reads and writes, and what the real DVC makes of it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

Command = Callable[..., tuple[int, str, str]]
READ = ("map", "text.md", "--model", "tiny:llama", "--out", "runs/text")


def written() -> dict[str, Any]:
    pipeline: dict[str, Any] = yaml.safe_load(Path("dvc.yaml").read_text())
    return pipeline


def test_a_stage_reads_what_the_command_reads(litho: Command, tmp_path: Path) -> None:
    for name in ("a.md", "a.probes.jsonl", "held.md", "settings.yaml"):
        (tmp_path / name).write_text("{}")
    words = ["imprint", "a.md", "--hold", "held.md", "--onto", "runs/text", "--out", "runs/a"]
    assert litho("dvc", "init", *words, "--config", "settings.yaml")[0] == 0
    stage = written()["stages"]["a"]
    assert stage["deps"] == ["a.md", "a.probes.jsonl", "held.md", "runs/text", "settings.yaml"]
    assert stage["outs"] == ["runs/a"] and stage["cmd"].startswith("litho once imprint a.md --hold")
    litho("dvc", "init", "imprint", "a.md", "--probes", "probes.jsonl", "--out", "runs/a")
    assert written()["stages"]["a"]["deps"] == ["a.md", "probes.jsonl"]


def test_files_that_a_plan_names_and_models_in_folders(litho: Command, tmp_path: Path) -> None:
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans/texts.jsonl").write_text("")
    plan = {"texts": "texts.jsonl", "probes": "none.jsonl", "models": ["tiny:llama"]}
    (tmp_path / "plans/plan.yaml").write_text(yaml.safe_dump(plan))
    (tmp_path / "model").mkdir()
    litho("dvc", "init", "--name", "many", "ensemble", "plans/plan.yaml", "--out", "runs/e")
    litho("dvc", "init", "map", "text.md", "--model", "model", "--out", "runs/m x")
    stages = written()["stages"]
    assert stages["many"]["deps"] == ["plans/plan.yaml", "plans/texts.jsonl"]
    assert "m x" not in stages  # no name that DVC takes
    litho("dvc", "init", "--name", "m", "map", "text.md", "--model", "model", "--out", "runs/m x")
    assert written()["stages"]["m"]["deps"] == ["model", "text.md"]
    assert written()["stages"]["m"]["cmd"].endswith("--out 'runs/m x'")
    assert written()["metrics"] == ["runs/e/metrics.json", "runs/m x/metrics.json"]


def test_an_adapter_behind_its_model_is_read_and_checkpoints_are_not(
    litho: Command, tmp_path: Path
) -> None:
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter/adapter_config.json").write_text("{}")
    (tmp_path / "school.yaml").write_text("{}")
    words = ["diff", "a.md", "--after", "tiny:llama+adapter", "--out", "runs/d"]
    assert litho("dvc", "init", *words)[0] == 0
    assert written()["stages"]["d"]["deps"] == ["a.md", "adapter"]
    litho("dvc", "init", "school", "school.yaml", "--checkpoints", "ends", "--out", "runs/s")
    assert written()["stages"]["s"]["deps"] == ["school.yaml"]


@pytest.mark.parametrize(
    ("there", "said"),
    [("# mine\nstages: {}\n", "comments"), ("[1]", "no pipeline"), ("a: [", "cannot be read")],
)
def test_a_pipeline_that_is_there_is_not_spoiled(litho: Command, there: str, said: str) -> None:
    Path("dvc.yaml").write_text(there)
    code, _, err = litho("dvc", "init", *READ)
    assert code == 2 and said in err and Path("dvc.yaml").read_text() == there
    code, out, _ = litho("dvc", "init", "--print", *READ)
    assert code == 0 and yaml.safe_load(out)["stages"]["text"]["outs"] == ["runs/text"]


def test_a_command_without_a_run_is_no_stage(litho: Command) -> None:
    code, _, err = litho("dvc", "init", "map", "text.md")
    assert code == 2 and "with --out FOLDER" in err and not Path("dvc.yaml").exists()


@pytest.mark.processes
def test_dvc_runs_again_what_has_changed(litho: Command, tmp_path: Path) -> None:
    if not (program := shutil.which("dvc", path=str(Path(sys.executable).parent))):
        pytest.skip("dvc is not installed")
    (tmp_path / "other.md").write_text("Another text.")
    litho("dvc", "init", *READ)
    litho("dvc", "init", "map", "other.md", "--model", "tiny:llama", "--out", "runs/other")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "litho").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m litho "$@"\n')
    (programs / "litho").chmod(0o755)
    here = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "DVC_NO_ANALYTICS": "1"}

    def dvc(*words: str) -> str:
        done = subprocess.run(
            [program, *words], capture_output=True, text=True, env={**os.environ, **here}
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    dvc("init", "--no-scm")
    assert "Running stage 'text'" in dvc("repro")
    assert "up to date" in dvc("repro")
    (tmp_path / "other.md").write_text("Another text, changed.")
    again = dvc("repro")
    assert "Running stage 'other'" in again and "Running stage 'text'" not in again
    assert "runs/other/metrics.json" in dvc("metrics", "show").replace(os.sep, "/")
    assert (tmp_path / "runs/text/report.html").is_file()
