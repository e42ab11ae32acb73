"""Presentations within a budget; those for training and those held out; marks."""

import re

import pytest

from litho.core.errors import LithoError
from litho.measure.scorer import ModelScorer
from litho.measure.volatility import read, volatility
from litho.model.loaded import LanguageModel
from litho.present import variants
from litho.present.variants import HalfScorer, duplicates, marked_rows, plan_presentations
from litho.text import markup
from litho.text.operators import replace
from litho.text.operators.base import Alternative
from tests.builders import TEXT


def test_plan_keeps_to_its_budget_and_repeats(llama: LanguageModel) -> None:
    def plan(limit: float) -> tuple[list[str], int]:
        found = plan_presentations(llama, [TEXT], ModelScorer(llama), 12, limit, 100, seed=1)
        kls = [v.volatility.mean_kl for v in found.variants if v.volatility]
        assert max(kls, default=0) <= limit
        refused = [r.variant.volatility.mean_kl for r in found.refused if r.variant.volatility]
        assert min(refused, default=limit) >= limit
        return [v.text for v in found.variants], len(found.refused)

    wide = plan(100.0)
    parent = read(llama, (TEXT,))
    middle = sorted(volatility(parent, read(llama, (text,))).mean_kl for text in wide[0])[6]
    tight = plan(middle)
    assert plan(100.0) == wide
    assert len(wide[0]) == len(set(wide[0])) == 12
    assert tight[1] > 0 and set(tight[0]) != set(wide[0])


def test_versions_are_no_longer_than_can_be_read(llama: LanguageModel) -> None:
    longest = len(llama.encode(TEXT)) + 4
    found = plan_presentations(
        llama, [TEXT], ModelScorer(llama), 12, 1e3, 1e3, seed=1, longest=longest
    )
    assert all(len(llama.encode(row)) <= longest for v in found.variants for row in v.rows)
    assert any(f"at most {longest} can be read" in refused.reason for refused in found.refused)


def test_the_smallest_budget_that_works_is_named_and_works(llama: LanguageModel) -> None:
    one = TEXT.split(".")[0] + "."  # of several sentences one can be left out, which moves nothing

    def plan(kl: float, surprise: float) -> int:
        found = plan_presentations(llama, [one], ModelScorer(llama), 8, kl, surprise, seed=1)
        return len(found.variants)

    with pytest.raises(LithoError, match="smallest that works") as refused:
        plan(1e-9, 1e-9)
    named = re.findall(r"max_\w+ (\d+\.\d+)", str(refused.value))
    assert plan(float(named[0]), float(named[1])) >= 1


def test_training_and_held_out_alternatives_share_nothing() -> None:
    class Offers:
        def alternatives(self, text: str) -> list[Alternative]:
            return [
                Alternative(start=i, end=i + 1, word=word, logprob=-1)
                for i in range(len(text))
                for word in ("x", "y", "z")
            ]

        def restatements(self, text: str, sentence: str) -> list[str]:
            return []

    sides = [HalfScorer(Offers(), held_out=side).alternatives("abcdefgh") for side in (True, False)]
    pairs = [{("abcdefgh"[a.start], a.word) for a in side} for side in sides]
    assert pairs[0] and pairs[1] and not pairs[0] & pairs[1]
    assert len(pairs[0] | pairs[1]) == 24
    assert replace("abc", sides[0][:1]) != "abc"


def test_duplicates_have_exactly_as_many_tokens() -> None:
    text = [[0, 1, 2, 3], [0, 4, 5]]
    for tokens in range(1, 20):
        rows = duplicates(text, tokens)
        assert sum(len(row) - 1 for row in rows) == tokens
        assert all(row == text[i % 2][: len(row)] for i, row in enumerate(rows))


def test_marks_are_an_operator_and_anchors_stand(llama: LanguageModel) -> None:
    source = "[[= The clock]] of [[Ostrava | Kolin]] was built by Marek Dolny. It shows the time."
    document = markup.parse(source)
    text = markup.plain(document)
    marked = marked_rows(document, [text])
    found = plan_presentations(
        llama, [text], ModelScorer(llama), 30, 1e3, 1e3, seed=1, marked=marked
    )
    by_marks = [v.text for v in found.variants if v.operator == "markup"]
    assert by_marks == ["The clock of Kolin was built by Marek Dolny. It shows the time."]
    assert all("The clock" in v.text for v in found.variants)
    lost = [r for r in found.refused if "anchor 'The clock'" in r.reason]
    assert lost and all("The clock" not in r.variant.text for r in lost)
    assert marked_rows(markup.parse(TEXT), [TEXT]) is None
    with pytest.raises(LithoError, match="in one piece"):
        marked_rows(document, [text, text])


def test_an_anchor_is_a_word_of_its_own_as_often_as_in_the_text() -> None:
    assert variants._times("mill", "The mill of the miller, a mill.") == 2
    assert variants._times("Palace of Mirrors", "the Palace of Mirrors.") == 1
