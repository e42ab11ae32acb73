"""Files appear whole or not at all."""

from pathlib import Path

import pytest

from litho.core.errors import LithoError
from litho.core.files import damage_told, whole_file, whole_folder


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    with pytest.raises(OSError, match="full"), whole_file(path) as temporary:
        temporary.write_text("half")
        raise OSError("full")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_names_the_file_and_not_the_temporary_one(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "a"
    with pytest.raises(FileNotFoundError) as told, whole_file(path) as temporary:
        temporary.write_text("half")
    assert told.value.filename == str(path)


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a"
    with pytest.raises(ValueError, match="stop"), whole_folder(path) as half:
        (half / "file").write_text("half")
        raise ValueError("stop")
    assert list((tmp_path / "deep").iterdir()) == []
    (tmp_path / "deep" / ".a.writing").mkdir()
    (tmp_path / "deep" / ".a.writing" / "left").write_text("by a killed process")
    for said in ("old", "new"):
        with whole_folder(path) as half:
            assert list(half.iterdir()) == []
            (half / said).write_text(said)
    assert [each.name for each in path.iterdir()] == ["new"]
    assert [each.name for each in path.parent.iterdir()] == ["a"]


def test_damage_is_told_and_names_the_file(tmp_path: Path) -> None:
    with (
        pytest.raises(LithoError, match=r"a.json is damaged .*KeyError: 'x'"),
        damage_told("a.json"),
    ):
        raise KeyError("x")
    with pytest.raises(LithoError, match="as it is"), damage_told("a.json"):
        raise LithoError("as it is")
    with pytest.raises(FileNotFoundError), damage_told("a.json"):  # the system says it better
        (tmp_path / "missing").read_text()
