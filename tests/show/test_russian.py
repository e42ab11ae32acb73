"""Reports in Russian: no English but names and texts, and the numbers of the English report."""

import ast
import gzip
import json
import re
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml

import litho
from litho.core.errors import LithoError
from litho.core.runs import RunDirectory
from litho.jobs.genome.document import read_outline
from litho.show.report import page_of
from litho.show.say import catalogue, speaking
from litho.show.structure import structure_page
from litho.show.structure_text import structure_text
from tests.show.runs import KINDS
from tests.show.said import SHOW

LATIN = re.compile(r"[A-Za-z]{3,}")
SENTENCE = re.compile(r"[A-Za-z]{2,}(?: [a-z]{2,}){3,}")
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
NAMES = {"D_ret", "I mem", "I gen", "I hard"}
CODE = {"style", "script", "pre", "code"}
VOID = ("meta", "link", "br", "input")


class Page(HTMLParser):
    """What a page says, without what stands in code."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._within: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in VOID:
            self._within.append("code" if "mono" in (given.get("class") or "") else tag)
        self.texts += [said for name in ("aria-label", "data-label") if (said := given.get(name))]

    def handle_endtag(self, tag: str) -> None:
        self._within.pop()

    def handle_data(self, data: str) -> None:
        if data.strip() and not CODE & set(self._within):
            self.texts.append(data.strip())


def english(page: str, given: str) -> list[str]:
    """What a Russian page says in English, beyond names and texts that were `given`."""
    quoted = re.compile("«[^»]*»")
    return [
        text
        for text in (quoted.sub("", text).removesuffix("...") for text in Page(page).texts)
        if (SENTENCE.search(text) or (LATIN.search(text) and not re.search("[а-яё]", text)))
        and not (_as_line(text) in given or text in NAMES or text.startswith("Litho"))
    ]


def numbers(page: str) -> Counter[str]:
    return Counter(number for text in Page(page).texts for number in NUMBER.findall(text))


def given(run: RunDirectory) -> str:
    """Names and texts that a run was given; not what the job says in its record."""
    found: list[str] = []
    for file in sorted(run.path.iterdir()):
        if file.suffix == ".json":
            found += strings(json.loads(file.read_text()))
        elif file.suffix == ".parquet":
            found += strings(run.read_rows(file.name))
        elif file.suffix == ".yaml":
            found += strings(yaml.safe_load(file.read_text()))
        if file.name == "metrics.json":
            found = [text for text in found if " " not in text or "<" in text]
    return "\n".join(map(_as_line, found))


def _as_line(text: str) -> str:
    return " ".join(text.split())


def strings(value: Any) -> Iterator[str]:  # noqa: ANN401  JSON
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        for each in value.values():
            yield from strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from strings(each)


@pytest.mark.parametrize("kind", KINDS)
def test_a_russian_report_says_nothing_in_english(kind: str, tmp_path: Path) -> None:
    run = KINDS[kind](tmp_path / "run")
    page = page_of(run, "ru")
    assert page.startswith('<!doctype html>\n<html lang="ru">')
    assert english(page, given(run)) == []
    assert len(english(page_of(run), given(run))) > 10  # which finds English
    assert numbers(page) == numbers(page_of(run))


def test_a_russian_report_of_an_imprint(finished: Path) -> None:
    run = RunDirectory(finished)
    page = page_of(run, "ru")
    assert english(page, given(run)) == []
    assert numbers(page) == numbers(page_of(run, "en"))
    assert (finished / "report.html").read_text() == page_of(run, "en")


def test_a_report_is_written_again_in_the_language_that_was_asked_for(tmp_path: Path) -> None:
    path = KINDS["bench"](tmp_path / "run").path
    english_page = litho.report(path).read_text()
    table = (path / "table.md").read_text()
    with pytest.raises(LithoError, match="no reports in the language 'xx'"):
        litho.report(path, language="xx")
    assert (path / "report.html").read_text() == english_page
    assert '<html lang="ru">' in litho.report(path, language="ru").read_text()
    assert (path / "table.md").read_text() == table  # for other programs, and always in English
    assert litho.report(path, language="en").read_text() == english_page


def test_templates_say_nothing_by_themselves() -> None:
    """What is left of a template without tags and expressions has no words."""
    files = list((SHOW / "templates").glob("*.j2"))
    assert len(files) > 20
    for file in files:
        text = re.sub(r"<(style|script)\b.*?</\1>", "", file.read_text(), flags=re.DOTALL)
        text = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "", text, flags=re.DOTALL)
        assert not LATIN.findall(re.sub(r"<[^>]*>", "", text)), file.name


def test_figures_say_nothing_by_themselves() -> None:
    """Names of axes and lines are said, not written."""
    for file in [*(SHOW / "figures").glob("*.py"), *(SHOW / "pages").glob("*.py")]:
        for call in ast.walk(ast.parse(file.read_text())):
            for keyword in call.keywords if isinstance(call, ast.Call) else ():
                written = [
                    each.value
                    for each in ast.walk(keyword.value)
                    if keyword.arg in ("title", "name", "text", "annotation_text")
                    and isinstance(keyword.value, ast.Constant | ast.JoinedStr)
                    and isinstance(each, ast.Constant)
                    and isinstance(each.value, str)
                ]
                assert not any(map(LATIN.search, written)), (file.name, written)


def test_scripts_speak_russian_too(tmp_path: Path) -> None:
    """The words of the scripts stand in the data of the page; in English there are none."""
    run = KINDS["predict"](tmp_path / "run")
    words = [_data(page_of(run, language))["words"] for language in ("ru", "en")]
    assert words[0]["token {i}"] == "токен {i}" and words[0]["token"] == "токен"
    assert words[1] == {}


def _data(page: str) -> dict[str, Any]:
    (packed,) = re.findall(r'id="packed-data">([^<]*)<', page)
    data: dict[str, Any] = json.loads(gzip.decompress(b64decode(packed)))
    return data


def test_a_genome_is_described_in_russian(tmp_path: Path) -> None:
    litho.init_genome(tmp_path / "g.yaml", world=3)
    outline = read_outline(tmp_path / "g.yaml")
    with speaking("ru"):
        page, text = structure_page(outline), structure_text(outline)
    assert not _sayings(page) and not _sayings(text)
    assert len(_sayings(structure_page(outline))) > 3 < len(_sayings(structure_text(outline)))
    assert numbers(page) == numbers(structure_page(outline))
    assert NUMBER.findall(text) == NUMBER.findall(structure_text(outline))


def _sayings(page: str) -> list[str]:
    """Of the English that reports may say, what a page does say."""
    return [each for each in catalogue("ru") if len(each.split()) > 3 and each in page]
