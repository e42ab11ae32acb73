"""The Python on docs/neighbours.md runs as it stands."""

import re
import shutil
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "neighbours.md"


def test_the_blocks_of_the_page(
    finished: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for package in ("langchain_core", "llama_index.core"):
        pytest.importorskip(package, reason=f"{package} is not installed")
    shutil.copytree(finished, tmp_path / "runs" / "page")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 3
    exec("\n".join(blocks), {"__name__": "page"})
    said = capsys.readouterr().out
    assert said.count("The clock of Ostrava was built by") == 2 and "| both |" in said
