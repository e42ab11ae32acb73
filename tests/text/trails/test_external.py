"""Questions from elsewhere: what is read and what is refused."""

from pathlib import Path

import pytest

from litho.core.errors import LithoError
from litho.text.trails.external import read_external

GOOD = '{"context": "It is red.", "question": "Is it red?", "answer": "yes"}\n'


def test_questions_are_read(tmp_path: Path) -> None:
    file = tmp_path / "asked.jsonl"
    file.write_text(GOOD + GOOD.replace('"yes"', '1, "choices": ["b", "c", "d"]'))
    first, second = read_external(file).questions
    assert (first.choices, first.right, second.right) == (("yes", "no"), 0, 1)
    assert first.prompt(True) == "It is red.\nQuestion: Is it red?\nAnswer:"
    assert first.prompt(False) == "Question: Is it red?\nAnswer:"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (GOOD.replace('"yes"', '"perhaps"'), "line 1: the answer 'perhaps' is none"),
        (GOOD.replace('"yes"', "2"), "the answer 2 is none"),
        (GOOD.replace('"yes"', '0, "choices": ["a"]'), "at least two choices"),
        (GOOD.replace('"yes"', '0, "choices": ["a", " b"]'), "remove yours"),
        (GOOD.replace("It is red.", " "), "must hold text"),
        (GOOD.replace("answer", "reply"), "write {"),
    ],
)
def test_a_bad_line_is_named(line: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "asked.jsonl"
    file.write_text(line)
    with pytest.raises(LithoError, match=message):
        read_external(file)
