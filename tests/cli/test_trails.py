"""`litho trails init` and `find`."""

import json
from collections.abc import Callable
from pathlib import Path

from litho.text.trails.library import read_library
from tests.text.trails.test_candidates import TEXT

Litho = Callable[..., tuple[int, str, str]]


def test_a_library_is_written_once(litho: Litho, tmp_path: Path) -> None:
    path = tmp_path / "trails.yaml"
    code, said, _ = litho("trails", "init", str(path))
    assert code == 0 and str(path) in said and len(read_library(path).forms) == 20
    code, _, error = litho("trails", "init", str(path))
    assert code == 2 and "exists already" in error
    code, _, error = litho("trails", "init", str(tmp_path / "none" / "trails.yaml"))
    assert code == 2 and "no folder" in error


def test_candidates_are_shown_and_made_into_a_library(litho: Litho, tmp_path: Path) -> None:
    text, out = tmp_path / "rules.txt", tmp_path / "trails.yaml"
    text.write_text(TEXT)
    code, said, _ = litho("trails", "find", str(text))
    assert code == 0 and "condition" in said and "the meadow floods" in said
    assert not out.exists()
    code, said, _ = litho("trails", "find", str(text), "--out", str(out), "--json")
    assert code == 0 and len(json.loads(said)["candidates"]) == 6
    assert len(read_library(out).forms) == 2
    text.write_text("A text that says what is, and no more.")
    code, _, error = litho("trails", "find", str(text), "--out", str(tmp_path / "other"))
    assert code == 2 and "no sentence with" in error
    text.write_text("If it rains, we stay.")
    code, _, error = litho("trails", "find", str(text), "--out", str(tmp_path / "other"))
    assert code == 2 and "needs 6" in error and not (tmp_path / "other").exists()
