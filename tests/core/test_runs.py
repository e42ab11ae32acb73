"""Run directories appear whole or not at all."""

from pathlib import Path

import pytest

from litho.core.errors import LithoError
from litho.core.runs import RunDirectory


def test_life_of_a_run(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "r")
    assert run.path.name == "r.partial"
    run.write_yaml("manifest.yaml", {"a": "ä"})
    assert run.read_yaml("manifest.yaml") == {"a": "ä"}
    with pytest.raises(LithoError, match="in use by another"):
        RunDirectory.resume(tmp_path / "r")
    run.release()
    with pytest.raises(LithoError, match="unfinished run"):
        RunDirectory.create(tmp_path / "r")
    run = RunDirectory.resume(tmp_path / "r.partial")
    run.write_json("metrics.json", {})
    assert run.finish() == tmp_path / "r"
    assert RunDirectory.opened(tmp_path / "r").read_json("metrics.json") == {}
    with pytest.raises(LithoError, match="nothing to resume"):
        RunDirectory.resume(tmp_path / "r")
    with pytest.raises(LithoError, match="exists already"):
        RunDirectory.create(tmp_path / "r")


def test_unusable_folders(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LithoError, match="cannot be made"):
        RunDirectory.create(tmp_path / "file" / "r")
    with pytest.raises(LithoError, match="no unfinished run"):
        RunDirectory.resume(tmp_path / "nowhere")
    with pytest.raises(LithoError, match="no finished run"):
        RunDirectory.opened(tmp_path)


def test_once_computes_once_and_time_adds_up(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "r")
    assert run.once("x.json", lambda: [1]) == [1]
    assert run.once("x.json", lambda: [2]) == [1]
    run.write_json("seconds.json", 100.0)
    run.write_yaml("manifest.yaml", {})
    run.release()
    assert RunDirectory.resume(run.path).seconds > 100.0
