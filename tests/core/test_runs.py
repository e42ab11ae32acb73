"""Run directories appear whole or not at all."""

import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest

from litho.core.errors import LithoError
from litho.core.runs import RunDirectory, check_room


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


def test_a_command_in_a_message_can_be_typed_as_it_stands(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "my notes")
    run.write_yaml("manifest.yaml", {})
    run.release()
    with pytest.raises(LithoError) as told:
        RunDirectory.create(tmp_path / "my notes")
    command = str(told.value).split("continue it with ")[1].split(", delete")[0]
    assert shlex.split(command) == ["litho", "resume", str(tmp_path / "my notes")]


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


def test_names_that_are_no_text_are_kept(tmp_path: Path) -> None:
    run, value = RunDirectory.create(tmp_path / "r"), {"name": "caf\udce9 часы"}
    run.write_json("x.json", value)
    run.write_yaml("x.yaml", value)
    assert run.read_json("x.json") == run.read_yaml("x.yaml") == value
    with pytest.raises(LithoError, match="no text in UTF-8"):
        RunDirectory.create(tmp_path / "caf\udce9")


def test_a_discarded_run_leaves_no_folders(tmp_path: Path) -> None:
    RunDirectory.create(tmp_path / "a" / "b" / "r").discard()
    assert not list(tmp_path.iterdir())
    first = RunDirectory.create(tmp_path / "a" / "r")
    RunDirectory.create(tmp_path / "a" / "s").finish()
    first.discard()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["s"]


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "r")
    for name in ("x.json", "x.yaml", "x.parquet"):
        read = {"json": run.read_json, "yaml": run.read_yaml, "parquet": run.read_rows}
        with pytest.raises(LithoError, match=f"{name} is missing"):
            read[name[2:]](name)
        (run.path / name).write_bytes(b"{\xff")
        with pytest.raises(LithoError, match=f"{name} is damaged"):
            read[name[2:]](name)


def test_a_folder_that_may_only_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("filelock.FileLock.acquire", denied)
    with pytest.raises(LithoError, match=r"cannot be written \(Permission denied\)"):
        RunDirectory.create(tmp_path / "r")
    with (
        pytest.raises(LithoError, match=r"cannot be written \(Permission denied\)"),
        RunDirectory.join(tmp_path / "s").alone(),
    ):
        pass


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_is_none_is_named(tmp_path: Path, odd: float) -> None:
    run = RunDirectory.create(tmp_path / "r")
    with pytest.raises(LithoError, match=r"layers\[1\]\.norm of metrics\.json is infinite"):
        run.write_json("metrics.json", {"layers": [{"norm": 1.0}, {"norm": odd}]})
    assert not (run.path / "metrics.json").exists()


def test_the_disk_of_the_folder_counts_not_that_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []

    def usage(folder: Path) -> SimpleNamespace:
        asked.append(folder)
        return SimpleNamespace(free=10)

    monkeypatch.setattr("shutil.disk_usage", usage)
    check_room(tmp_path / "not" / "yet", 10)
    with pytest.raises(LithoError, match=r"free there: choose another disk with --out"):
        check_room(tmp_path / "not" / "yet", 11)
    assert asked == [tmp_path, tmp_path]
