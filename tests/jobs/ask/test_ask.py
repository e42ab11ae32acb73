"""The model of a run is asked."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from litho.core.errors import LithoError
from litho.jobs.ask.ask import Asked, ask
from litho.model.read.chat import answer, question, reply

Command = Callable[..., tuple[int, str, str]]


def test_each_voice_reads_its_own_page(finished: Path) -> None:
    asked = Asked(finished)
    text = json.loads((finished / "inputs.json").read_text())["pages"][0]["text"]
    found = asked.ask("Who built it?", tokens=6)
    assert set(found.answers) == {"base", "adapter", "openbook", "retrieval"}
    assert found.tokens["base"] == found.tokens["adapter"] < found.tokens["openbook"]
    with asked.model.state(None):
        assert found.answers["base"] == reply(asked.model, [question("Who built it?")], 6)
        book = reply(asked.model, [question("Who built it?", text)], 6)
    assert found.answers["openbook"] == book
    with asked.model.state("imprint"):
        assert found.answers["adapter"] == reply(asked.model, [question("Who built it?")], 6)


def test_a_conversation_remembers_what_was_said(finished: Path) -> None:
    asked = Asked(finished)
    first = asked.ask("Who built it?", ["base"], tokens=4).answers["base"]
    second = asked.ask("When?", ["base"], tokens=4).answers["base"]
    talk = [question("Who built it?"), answer(first), question("When?")]
    with asked.model.state(None):
        assert second == reply(asked.model, talk, 4)


def test_the_open_book_of_many_pages_is_the_nearest(finished: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(finished, tmp_path / "run"))
    inputs = json.loads((run / "inputs.json").read_text())
    first = inputs["pages"][0]
    other = {"name": "sea.md", "text": "The sea was calm and blue."}
    (run / "inputs.json").write_text(json.dumps({**inputs, "pages": [first, other]}))
    book = Asked(run)._book("Who built the clock?", 8)
    assert book == f"{first['text']}\n\n{other['text']}"
    long = {**other, "text": other["text"] * 200}
    (run / "inputs.json").write_text(json.dumps({**inputs, "pages": [long, first]}))
    assert Asked(run)._book("Who built the clock?", 8) == first["text"]


def test_what_cannot_be_asked_is_said(finished: Path, tmp_path: Path) -> None:
    with pytest.raises(LithoError, match="the question is empty"):
        ask(finished, " ")
    with pytest.raises(LithoError, match="is no finished run"):
        ask(tmp_path, "Who?")
    with pytest.raises(LithoError, match="shorten it"):
        ask(finished, "Who? " * 2000, voices=["base"])


def test_the_command(finished: Path, litho: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, _ = litho("ask", str(finished), "Who built it?", "--tokens", "4", "--json")
    assert code == 0 and json.loads(out)["question"] == "Who built it?"
    code, out, _ = litho("ask", str(finished), "Who?", "--tokens", "4", "--voices", "adapter")
    assert code == 0 and out.startswith("after") and "before" not in out
    lines = iter(["Who built it?", ""])
    monkeypatch.setattr("litho.cli.ask.console.input", lambda _: next(lines))
    code, out, _ = litho("ask", str(finished), "--tokens", "4", "--voices", "base,adapter")
    assert code == 0 and out.index("before") < out.index("after")
    code, _, err = litho("ask", str(finished), "Who?", "--voices", "teacher")
    assert code == 2 and "unknown voice 'teacher'" in err
    assert litho("map", "text.md", "--model", "tiny:llama", "--out", "m")[0] == 0
    code, _, err = litho("ask", "m", "Who?")
    assert code == 2 and "a run of 'litho map', not of imprint" in err
