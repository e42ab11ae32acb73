"""Texts with questions of the comparison."""

import json
from pathlib import Path

import pytest

from litho.core.errors import LithoError
from litho.text.cases import read_cases, shortened
from tests.builders import TEXT


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
