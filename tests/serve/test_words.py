"""The catalogue says everything in every language, and nothing that no page says."""

import re
from importlib.resources import files

import pytest

from litho.serve.words import LANGUAGES, Words, catalogue, preferred

FIELD = re.compile(r"\{(\w+)\}")
SERVE = files("litho.serve")


def sources(*folders: str) -> str:
    return "".join(
        file.read_text(encoding="utf-8")
        for folder in folders
        for file in (SERVE / folder if folder else SERVE).iterdir()
        if file.name.endswith((".py", ".j2", ".js"))
    )


def test_every_sentence_is_there_in_every_language_with_the_same_fields() -> None:
    for name, said in catalogue().items():
        assert said.keys() == LANGUAGES.keys(), name
        fields = {language: sorted(FIELD.findall(words)) for language, words in said.items()}
        assert len({tuple(each) for each in fields.values()}) == 1, (name, fields)
        assert all(words.strip() for words in said.values()), name


def test_pages_and_scripts_say_what_the_catalogue_has() -> None:
    asked = set(
        re.findall(
            r'\b(?:t|words|words_of\(request\))\("([\w. ]+)"[),]', sources("", "pages", "templates")
        )
    )
    asked |= {f"js.{name}" for name in re.findall(r'\bsay\("([\w.]+)"[),]', sources("static"))}
    assert len(asked) > 100
    assert asked <= catalogue().keys()


def test_the_catalogue_has_nothing_that_is_never_said() -> None:
    """Names that are put together (`t("nav." ~ name)`) count by their beginnings."""
    said = sources("", "pages", "templates")
    scripts = sources("static")
    begun = set(re.findall(r'"([\w.]+\.)" ~', said)) | {"error.", "refused."}
    begun |= {f"{kind}." for kind in re.findall(r'or_as_it_is\("(\w+)"', said)}
    begun |= {f"js.{name}" for name in re.findall(r'"([a-z_]+[._])" \+', scripts)}
    for name in catalogue():
        used = f'"{name}"' in said or f'"{name.removeprefix("js.")}"' in scripts
        assert used or name.startswith(tuple(begun)), name


def test_words_of_a_language(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Words("ru")("nav.runs") == "Прогоны" and Words("xx")("nav.runs") == "Runs"
    assert Words("en")("job.before", count=2) == "2 before it"
    assert Words("ru").or_as_it_is("verdict", "printed") == "напечатано"
    assert Words("ru").or_as_it_is("verdict", "{0}") == "{0}"
    with pytest.raises(KeyError):
        Words("en")("nothing")


def test_the_browser_says_which_language_it_likes() -> None:
    assert preferred("de, ru-RU;q=0.9, en;q=0.8") == "ru"
    assert preferred("en-US,en;q=0.9,ru;q=0.8") == "en"
    assert preferred("") == preferred("de") == "en"


def test_what_jobs_recorded_is_told_in_the_language_of_the_page() -> None:
    recorded = "no error is left in 3 answers"
    assert Words("en").retold(recorded) == recorded
    assert Words("ru").retold(recorded) == "ошибок не осталось; ответов: 3"
    assert Words("ru").retold("The bell of Gorvath") == "The bell of Gorvath"
