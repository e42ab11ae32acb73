"""The catalogue of reports says everything in Russian, and nothing that no report says."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from litho.core.errors import LithoError
from litho.show.say import (
    LANGUAGES,
    RECORDED,
    catalogue,
    chosen_language,
    counted,
    retold,
    say,
    speaking,
)
from tests.show.said import SHOW, SOURCE, files_saying

FIELD = re.compile(r"\{(\w+)\}")
OTHERS = sorted(LANGUAGES.keys() - {"en"})
RECORDS = {RECORDED, "names.yaml"}  # English that jobs wrote, which `files_saying` does not find
TELLING = 9  # letters: a shorter piece stands anywhere
RECORDING = ("jobs", "learn", "measure", "model", "present", "text")


def files_of(language: str) -> list[Path]:
    return sorted((SHOW / "words" / language).glob("*.yaml"))


def entries(file: Path) -> list[dict[str, str]]:
    found: list[dict[str, str]] = yaml.load(file.read_text(), yaml.CSafeLoader)
    return found


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_of_a_report_is_there(language: str) -> None:
    said = files_saying()
    assert len(said) > 800
    missing = {sentence: said[sentence] for sentence in said.keys() - catalogue(language).keys()}
    assert not missing


@pytest.mark.parametrize("language", OTHERS)
def test_no_sentence_is_there_twice_or_never_said(language: str) -> None:
    every = [entry["en"] for file in files_of(language) for entry in entries(file)]
    assert len(every) == len(set(every))
    said = files_saying().keys()
    own = [file for file in files_of(language) if file.name not in RECORDS]
    assert not {entry["en"] for file in own for entry in entries(file)} - said


@pytest.mark.parametrize("language", OTHERS)
def test_translations_have_the_fields_of_the_english(language: str) -> None:
    for english, translated in catalogue(language).items():
        for form in [translated] if isinstance(translated, str) else translated:
            assert form.strip() and sorted(FIELD.findall(form)) == sorted(FIELD.findall(english))


@pytest.mark.parametrize("language", OTHERS)
def test_recorded_sentences_are_those_that_jobs_write(language: str) -> None:
    """By a piece without a name in it: some are put together from several strings."""
    written = "\n".join(text for folder in RECORDING for text in texts_of(SOURCE / folder))
    for entry in entries(SHOW / "words" / language / RECORDED):
        pieces = [piece.strip(" .,;:()") for piece in FIELD.split(entry["en"])[::2]]
        long = [piece for piece in pieces if len(piece) > TELLING]
        assert not long or any(piece in written for piece in long), entry["en"]


def texts_of(folder: Path) -> Iterator[str]:
    for file in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def test_what_is_said() -> None:
    assert say("about {minutes} min", minutes=3) == "about 3 min"
    assert say("a sentence that nobody says") == "a sentence that nobody says"
    with speaking("ru"):
        assert say("about {minutes} min", minutes="{x}") == "около {x} мин"
        assert say("a sentence that nobody says") == "a sentence that nobody says"
        assert say("token") == "токен"  # a noun in its first form
    assert say("token") == "token"


def test_counted_things() -> None:
    assert [counted(n, "scene") for n in (1, 2)] == ["1 scene", "2 scenes"]
    with speaking("ru"):
        found = [counted(n, "scene") for n in (1, 3, 5, 11, 14, 21, 1_022)]
    assert found == [
        "1 сцена",
        "3 сцены",
        "5 сцен",
        "11 сцен",
        "14 сцен",
        "21 сцена",
        "1,022 сцены",
    ]


def test_what_a_job_recorded_is_retold() -> None:
    reason = "Drift on unrelated text: 0.0139 (0.0134 to 0.0144) nats per token; the budget was 1."
    page = "page: nothing is left to rewrite: the judge found no error in 3 answers"
    assert retold(reason) == reason
    with speaking("ru"):
        told = "Сдвиг на постороннем тексте: 0.0139 (от 0.0134 до 0.0144) ната на токен; бюджет"
        assert retold(reason) == f"{told} был 1."
        assert retold(page).startswith("page: переписывать больше нечего: судья не нашёл")
        assert retold("{0} <b>") == "{0} <b>"


def test_a_language_that_there_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LithoError, match="'de': choose from en, ru"):
        chosen_language("de")
    monkeypatch.setenv("LITHO_LANGUAGE", "ru")
    assert (chosen_language(), chosen_language("en")) == ("ru", "en")
    with speaking():
        assert say("before") == "до"
