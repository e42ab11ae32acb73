"""The site: commands on its pages run, Russian pages follow the English ones, all are named."""

import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click import Context
from markdown_it import MarkdownIt
from typer.main import get_command

from litho.cli.main import app

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
RUNNING = ["first-hour.md", "recipes.md"]
RUSSIAN = sorted([*ROOT.glob("*.ru.md"), *DOCS.glob("*.ru.md")])
CONTINUED = re.compile(r"^<!-- continued in English: (.+) -->$", re.MULTILINE)
FENCE = re.compile(r'^```(\w+)(?: title="([^"\n]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
# A random model, and little of everything: what a command says is not what is tested here.
TINY = ["--model", "tiny:llama"]
PRINTING = {
    "presentations": 2,
    "check_every": 1,
    "settle": 1,
    "replies": 0,
    "replay_pool": 2,
    "replay_unseen": 2,
    "replay_rows": 1,
    "replay_length": 16,
    "retention_tokens": 128,
    "max_mean_kl": 100,
    "max_surprise": 100,
}
QUICK = {
    "map": TINY,
    "predict": TINY,
    "ensemble": ["--set", "models=[tiny:llama]"],
    "expose": [*TINY, "--set", "tokens=16"],
    "diff": ["--before", "tiny:llama", "--set", "nulls=3"],
    "imprint": [word for each in PRINTING.items() for word in ("--set", "=".join(map(str, each)))],
}


@pytest.mark.pages
@pytest.mark.parametrize("page", RUNNING)
def test_everything_on_the_page_runs(page: str, litho: Callable[..., tuple[int, str, str]]) -> None:
    shutil.copytree(ROOT / "examples", "examples")
    names: dict[str, Any] = {"__name__": "page"}
    for language, file, content in FENCE.findall((DOCS / page).read_text(encoding="utf-8")):
        if file:
            Path(file).parent.mkdir(parents=True, exist_ok=True)
            Path(file).write_text(content, encoding="utf-8")
        elif language == "python":
            exec(compile(content, page, "exec"), names)
        else:
            assert language == "sh", "a block is a file (title), Python or commands (sh)"
            for line in content.splitlines():
                code, out, err = litho(*quickened(line))
                # 1: a random model is not printed, or a package is missing
                assert out and code in (0, 1), f"{line}\n{err}"


@pytest.mark.parametrize("page", RUNNING)
def test_commands_of_the_page_are_there(page: str) -> None:
    group: Any = get_command(app)
    found = FENCE.findall((DOCS / page).read_text(encoding="utf-8"))
    for line in "".join(text for language, _, text in found if language == "sh").splitlines():
        command, context, arguments = group, Context(group), quickened(line)
        while hasattr(command, "commands"):
            command = command.commands[arguments.pop(0)]
        command.make_parser(context).parse_args(arguments)


def quickened(line: str) -> list[str]:
    """A command as the page has it, but for what makes it quick."""
    program, command, *arguments = shlex.split(line)
    assert program == "litho"
    first = command == "imprint" and "--onto" not in arguments
    return [command, *arguments, *QUICK.get(command, []), *(TINY if first else [])]


@pytest.mark.parametrize("path", RUSSIAN, ids=lambda path: path.name)
def test_a_russian_page_is_built_as_the_english_one(path: Path) -> None:
    russian = path.read_text(encoding="utf-8")
    english = path.with_name(path.name.replace(".ru.md", ".md")).read_text(encoding="utf-8")
    rest = CONTINUED.search(russian)
    if rest:
        begins = english.find(f"\n## {rest[1]}\n")
        assert begins > 0, f"the English page has no heading {rest[1]}"
        english, russian = english[:begins], russian[: rest.start()]
    assert built(russian) == built(english)


def built(text: str) -> list[str]:
    """Headings by their levels and code blocks by their words, but for what is said beside them."""
    parts = []
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.type == "heading_open":
            parts.append(token.tag)
        elif token.type == "fence":
            parts.append(f"{token.info}\n{token.content}")
        elif token.type == "code_block":
            parts += [re.split(r"\s{2,}|…", line.strip())[0] for line in token.content.splitlines()]
    return parts


def test_the_contents_name_every_page() -> None:
    contents = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    named = set(re.findall(r"([\w-]+\.md)$", contents, re.MULTILINE))
    there = {path.name for path in DOCS.glob("*.md") if not path.name.endswith(".ru.md")}
    assert there <= named, "put the page into the nav of mkdocs.yml"
    words = yaml.safe_load((ROOT / "mkdocs.ru.yml").read_text(encoding="utf-8"))["extra"]["words"]
    assert set(words) <= set(re.findall(r"- ([A-Z][\w ]+):", contents))
