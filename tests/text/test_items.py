"""Collections of texts and questions."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litho.core.errors import LithoError
from litho.text.items import (
    NamedText,
    Probe,
    Question,
    leaks,
    read_probes,
    read_questions,
    read_texts,
)

Reader = Callable[[Path], list[Any]]


def test_texts_that_hold_their_questions() -> None:
    text = NamedText(id="t", text="It is said\nthat goats eat paper.")
    asked = [
        Question(id="q", prefix="said that goats", target="eat"),
        Question(id="r", prefix="x", target="y"),
    ]
    assert leaks([text], asked) == [("t", "q")]


FEW = st.text("ab \n", max_size=40)  # few letters, so that what is asked is often there


@given(
    texts=st.lists(FEW, max_size=5),
    asked=st.lists(st.tuples(FEW.map(lambda s: s[:9]), FEW.map(lambda s: s[:9])), max_size=6),
)
def test_leaks_are_what_a_search_of_everything_finds(
    texts: list[str], asked: list[tuple[str, str]]
) -> None:
    named = [NamedText(id=str(i), text=text) for i, text in enumerate(texts)]
    questions = [
        Question(id=str(i), prefix=prefix, target=target)
        for i, (prefix, target) in enumerate(asked)
    ]
    assert leaks(named, questions) == [
        (text.id, question.id)
        for text in named
        for question in questions
        if f"{question.prefix} {question.target}" in " ".join(text.text.split())
    ]


def test_leaks_of_a_text_that_holds_every_question() -> None:
    words = [f"word{i}" for i in range(60)]
    text = NamedText(id="t", text=" ".join(words))
    questions = [
        Question(id=str(i), prefix=" ".join(words[i : i + 4]), target=words[i + 4])
        for i in range(56)
    ]
    assert leaks([text], questions) == [("t", str(i)) for i in range(56)]


KEYS = st.sampled_from(["id", "text", "prefix", "target", "kind", "x"])
VALUES = st.none() | st.integers() | st.sampled_from(["gen", " "]) | st.text(st.characters())
LINES = st.lists(
    st.binary(max_size=30)
    | st.dictionaries(KEYS, VALUES).map(lambda entry: json.dumps(entry).encode()),
    max_size=4,
)


@pytest.mark.parametrize("read", [read_texts, read_questions, read_probes])
@given(lines=LINES)
def test_any_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, read: Reader, lines: list[bytes]
) -> None:
    path = tmp_path_factory.getbasetemp() / "items.jsonl"
    path.write_bytes(b"\n".join(lines))
    with suppress(LithoError):
        assert len(read(path)) <= len(lines)


@pytest.mark.parametrize("line", ["[" * 100_000, "9" * 5000, '{"id": "\\ud800", "text": "x"}'])
def test_json_that_python_cannot_hold_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text(line)
    with pytest.raises(LithoError, match="line 1"):
        read_texts(path)


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


def test_a_chat_question_is_a_probe(tmp_path: Path) -> None:
    path = tmp_path / "probes.jsonl"
    path.write_text('{"question": "Who built it?", "answer": "Marek"}\n')
    assert read_probes(path) == [Probe(kind="chat", prefix="Who built it?", target="Marek")]
    path.write_text('{"question": "Who built it?", "target": "Marek"}\n')
    with pytest.raises(LithoError, match="line 1: write"):
        read_probes(path)
