"""Collections of texts and questions."""

import json
from pathlib import Path

import pytest

from litho.core.errors import LithoError
from litho.text.items import NamedText, Question, leaks, read_questions, read_texts


def test_texts_that_hold_their_questions() -> None:
    text = NamedText(id="t", text="It is said\nthat goats eat paper.")
    asked = [
        Question(id="q", prefix="said that goats", target="eat"),
        Question(id="r", prefix="x", target="y"),
    ]
    assert leaks([text], asked) == [("t", "q")]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (" \n", "is empty"),
        ("{", "line 1 is not valid JSON"),
        ('{"id": "a"}', 'line 1: write {"id": "...", "text": "..."}'),
        ('{"id": "a", "text": "x"}\n{"id": "a", "text": "y"}', "line 2: there is an 'a' already"),
        ('{"id": "a", "text": "x"}\n{"id": "b", "text": " x"}', "'a' and 'b' are the same text"),
        ('{"id": "a", "text": " "}', "the text 'a' is empty"),
    ],
)
def test_bad_texts(tmp_path: Path, lines: str, said: str) -> None:
    (tmp_path / "texts.jsonl").write_text(lines)
    with pytest.raises(LithoError) as error:
        read_texts(tmp_path / "texts.jsonl")
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("prefix", "target", "said"), [("a ", "b", "remove yours"), ("a", " ", "must both hold text")]
)
def test_bad_questions(tmp_path: Path, prefix: str, target: str, said: str) -> None:
    line = json.dumps({"id": "q", "prefix": prefix, "target": target})
    (tmp_path / "probes.jsonl").write_text(line)
    with pytest.raises(LithoError, match=said):
        read_questions(tmp_path / "probes.jsonl")
