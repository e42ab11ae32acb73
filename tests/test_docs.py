"""The session of docs/python.md runs as it stands; the files that pages name are there."""

import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "litho"
PAGE = ROOT / "docs" / "python.md"
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def session() -> str:
    """The blocks of the page in one, each line where it is in the page."""
    page = PAGE.read_text(encoding="utf-8")
    lines = [""] * len(page.splitlines())
    for block in _BLOCK.finditer(page):
        first = page.count("\n", 0, block.start(1))
        code = block.group(1).splitlines()
        lines[first : first + len(code)] = code
    return "\n".join(lines)


def test_the_session_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "session"}
    exec(compile(session(), str(PAGE), "exec"), names)

    runs = {path.name for path in Path("runs").iterdir()}
    assert sorted(runs) == sorted(
        ["seen", "versions", "printed", "changed", "stopped", "guess", "ensemble", "checked"]
    )
    for name in runs:
        assert Path("runs", name, "report.html").is_file(), name
        assert Path("runs", name, "manifest.yaml").is_file(), name

    assert names["seen"].tokens > 100 and len(names["seen"].layers) == 3
    assert len(names["versions"].variants) == 4
    assert Path(names["printed"].adapter, "adapter_model.safetensors").is_file()
    assert names["changed"].kl.mean > 0 and names["changed"].effects
    assert names["stages"][-1] == "printing (imprint)"
    assert names["stop"].is_set()
    assert names["resumed"].adapter_sha256 == names["printed"].adapter_sha256
    assert len(names["guess"].effects) == len(names["texts"]) * len(names["questions"])
    assert all(effect.low is None for effect in names["guess"].effects)
    assert all(effect.low < effect.high for effect in names["checked"].effects)
    assert names["page"].read_text(encoding="utf-8").startswith("<!")


def test_every_block_is_found_in_its_place() -> None:
    page, code = PAGE.read_text(encoding="utf-8").splitlines(), session().splitlines()
    assert page.count("```python") == len(_BLOCK.findall(PAGE.read_text(encoding="utf-8"))) > 5
    assert all(line in ("", page[place]) for place, line in enumerate(code))


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "docs/imprint.md", "docs/lithography.md"])
def test_the_files_that_a_page_names_are_there(name: str) -> None:
    page = (ROOT / name).read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w./]+/\w+\.py)`", page))
    assert named
    missing = {path for path in named if not any((f / path).is_file() for f in (ROOT, SOURCE))}
    assert not missing
