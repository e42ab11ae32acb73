"""Texts with questions of the comparison."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest import TempPathFactory

from litho.core.errors import LithoError
from litho.text.cases import read_cases, shortened
from tests.builders import TEXT

ROW = {
    "id": "x",
    "train_context": "Marek said: one\u2028two. Nobody heard it.",
    "mem_input": ["Marek"],
    "mem_target": ["said"],
    "gen_input": ["It was Marek who"],
    "gen_target": ["spoke"],
    "hard_gen_input": [],
    "hard_gen_target": [],
    "paraphrases": ["It was Marek\x85who spoke."],
}


def test_only_a_line_feed_ends_a_line_and_blank_lines_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    written = json.dumps(ROW, ensure_ascii=False)
    assert len(written.splitlines()) > 1  # which is why they must not be split so
    path.write_text(f"\n{written}\n  \n{written}\n\n")
    first, second = read_cases(path)
    assert first == second and first.text == ROW["train_context"]
    path.write_text(f"{written}\n\n{{}}\n")
    with pytest.raises(LithoError, match=r"line 3 is no text .*; the key 'id' is missing"):
        read_cases(path)


@pytest.mark.parametrize("change", [{"paraphrases": [""]}, {"train_context": "…"}])
def test_what_has_no_words_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text(json.dumps(ROW | change))
    with pytest.raises(LithoError, match=r"line 1 is no text .*has no words"):
        read_cases(path)


LINES = st.lists(
    st.binary(max_size=30)
    | st.text(st.characters(), max_size=30).map(lambda s: json.dumps({"id": s}).encode())
    | st.dictionaries(
        st.sampled_from(list(ROW)),
        st.none() | st.integers() | st.text(max_size=3) | st.lists(st.text(max_size=3)),
    ).map(lambda changes: json.dumps(ROW | changes).encode()),
    max_size=3,
)


@settings(max_examples=40)
@given(lines=LINES)
def test_any_file_is_read_or_refused(tmp_path_factory: TempPathFactory, lines: list[bytes]) -> None:
    path = tmp_path_factory.getbasetemp() / "cases.jsonl"
    path.write_bytes(b"\n".join(lines))
    with suppress(LithoError):
        assert all(case.paraphrases for case in read_cases(path))


def test_texts_are_cut_to_what_is_asked(tmp_path: Path) -> None:
    row = {
        "id": "x",
        "train_context": f"Nobody asks about this. {TEXT} Nor about that one.",
        "mem_input": ["The clock of Ostrava was built by"],
        "mem_target": ["Marek Dolny"],
        "gen_input": ["Its maker was"],
        "gen_target": ["Marek Dolny"],
        "hard_gen_input": ["A choir of", "It stands in"],
        "hard_gen_target": ["forty singers", "Prague"],
        "paraphrases": ["Marek Dolny built the clock of Ostrava in 1931. The weather is fine."],
    }
    path = tmp_path / "texts.jsonl"
    path.write_text(json.dumps(row) + "\n" + json.dumps(row | {"paraphrases": None}) + "\n")
    [whole] = read_cases(path)
    short = shortened(whole, words=60)
    assert short.text.startswith("The clock of Ostrava") and "choir" in short.text
    assert "Nobody" not in short.text and "Fridays" not in short.text
    assert [p.target for p in short.probes if p.kind == "hard"] == ["forty singers"]
    assert "choir" not in shortened(whole, words=10).text
    path.write_text(json.dumps(row) + "\n{}\n")
    with pytest.raises(LithoError, match="line 2"):
        read_cases(path)
