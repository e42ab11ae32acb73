"""The session of docs/python.md runs as it stands; tables, links and paths of all pages hold."""

import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from litho.cli.main import app

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "litho"
DOCS = ROOT / "docs"
PAGE = DOCS / "python.md"
PAGES = sorted(DOCS.glob("*.md"))
LINKED = sorted(
    [*ROOT.glob("*.md"), *PAGES, *ROOT.glob("log/*.md"), *ROOT.glob("benchmarks/**/*.md")]
)
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


NAMING = ["CONTRIBUTING.md", "docs/architecture.md", "docs/imprint.md"]


@pytest.mark.parametrize("name", NAMING)
def test_the_files_that_a_page_names_are_there(name: str) -> None:
    page = (ROOT / name).read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w./]+/\w+\.py)`", page))
    assert named
    missing = {path for path in named if not any((f / path).is_file() for f in (ROOT, SOURCE))}
    assert not missing


@pytest.fixture(scope="module")
def options() -> dict[str, Any]:
    return runpy.run_path(str(DOCS / "options.py"))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_tables_of_options_are_those_of_the_code(path: Path, options: dict[str, Any]) -> None:
    page = path.read_text(encoding="utf-8")
    assert options["filled"](page) == page, "run python docs/options.py"


def test_every_command_and_setting_has_its_table(options: dict[str, Any]) -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in PAGES)
    missing = [name for name in commands() if f"<!-- options: {name} -->" not in text]
    missing += [name for name in options["SETTINGS"] if f"<!-- settings: {name} -->" not in text]
    assert not missing


def test_every_option_and_setting_says_what_it_means(options: dict[str, Any]) -> None:
    tables = [options["options_of"](name) for name in commands()]
    tables += [options["settings_of"](kind) for kind in options["SETTINGS"].values()]
    silent = [row for table in tables for row in table.splitlines() if row.endswith("|  |")]
    assert not silent


def commands() -> Iterator[str]:
    """Names of all commands, those in a group after the group's."""
    group: Any = get_command(app)
    for name, command in group.commands.items():
        inner = getattr(command, "commands", None)
        yield from (f"{name} {each}" for each in inner) if inner else (name,)


@pytest.mark.parametrize("path", LINKED, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    broken = []
    for link in links(path):
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert not broken


def test_the_index_names_every_page() -> None:
    named = {(DOCS / link).name for link in links(DOCS / "index.md")}
    english = {path.name for path in PAGES if not path.name.endswith(".ru.md")}
    assert english - {"index.md"} <= named


def links(path: Path) -> list[str]:
    """Where a page leads to in the repository."""
    code = re.compile(r"^```.*?^```$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
    text = code.sub("", path.read_text(encoding="utf-8"))
    found = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|href)="([^"]+)"', text)
    return [link for link in found if "://" not in link]


def anchors(path: Path) -> set[str]:
    """The headings of a page as GitHub names them in links."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.strip().replace(" ", "-") for heading in plain}
