"""Documents, operators, diffs and probes: nothing here needs a model."""

import json
import random
from pathlib import Path

import pytest

from litho.core.errors import LithoError
from litho.text.diffs import edits, shared_tokens
from litho.text.documents import read_text
from litho.text.items import read_probes
from litho.text.operators import OPERATORS, Rows, replace
from litho.text.operators.base import Alternative
from litho.text.probes import find_clozes, gen_probe, hard_probe, mem_probe, subject_of
from litho.text.sentences import sentences

PAGE = """# The Mill of Arden

The mill of Arden was built by Dr. Jonas Weir in 1874. It ground rye for 12 villages.
Its wheel came from the town of Keld.

Today the mill belongs to Mrs. Hale, who bakes bread there! Who would have thought it?"""


def test_sentences_survive_abbreviations_headings_and_wrapped_lines() -> None:
    assert sentences(PAGE) == [
        "# The Mill of Arden",
        "The mill of Arden was built by Dr. Jonas Weir in 1874.",
        "It ground rye for 12 villages.",
        "Its wheel came from the town of Keld.",
        "Today the mill belongs to Mrs. Hale, who bakes bread there!",
        "Who would have thought it?",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "empty"), (b" \n", "empty"), (b"a\0b", "binary"), (b"caf\xe9", "not UTF-8")],
)
def test_unreadable_texts(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "t.md"
    path.write_bytes(content)
    with pytest.raises(LithoError, match=message):
        read_text(path)


class FixedScorer:
    """Offers a replacement for every second lower-case word, and one restatement a sentence."""

    def alternatives(self, text: str) -> list[Alternative]:
        found, start = [], 0
        for i, word in enumerate(text.split(" ")):
            if i % 2 and word.isalpha() and word.islower():
                found.append(
                    Alternative(start=start, end=start + len(word), word="xx", logprob=-1.0)
                )
            start += len(word) + 1
        return found

    def restatements(self, text: str, sentence: str) -> list[str]:
        return [f"As is known, {sentence}"]


def versions(name: str, text: str, count: int = 4) -> list[Rows]:
    source = OPERATORS[name](text, FixedScorer(), random.Random(0))
    return [rows for rows, _ in zip(source, range(count), strict=False)]


@pytest.mark.parametrize("name", [name for name, _ in OPERATORS.items()])
def test_operators_change_form_and_repeat_by_seed(name: str) -> None:
    # Some operators need a connective or two clauses.
    text = PAGE + "\n\nBut when the river is high, she rests. If it rains, the wheel stands still."
    found = versions(name, text)
    assert found
    assert found == versions(name, text)
    assert all(rows != (text,) and all(rows) for rows in found)
    # A single sentence is no reason to fail.
    versions(name, "Rain fell on the roof of the mill all night.")
    # Nor are sentences that repeat a reason to search for ever.
    versions(name, "Rain fell. Rain fell. Rain fell.", 2)


@pytest.mark.parametrize("name", ["apart", "sentence_order", "list_shape", "json_shape"])
def test_rearranging_operators_keep_every_sentence(name: str) -> None:
    for rows in versions(name, PAGE):
        joined = "\n".join(rows)
        assert all(part in joined for part in sentences(PAGE))


def test_particular_operators() -> None:
    assert json.loads(versions("json_shape", PAGE)[0][0])["fact 1"] == "# The Mill of Arden"
    assert versions("dropped_tail", PAGE)[0][0] + " Who would have thought it?" == PAGE
    marked = versions("highlight", PAGE, 1)[0][0]
    assert len(marked) > len(PAGE)
    changed = versions("substitute", PAGE, 1)[0][0].split(" ")
    assert sum(a != b for a, b in zip(changed, PAGE.split(" "), strict=True)) in (1, 2)


def test_replacements_do_not_shift_each_other() -> None:
    alternatives = [
        Alternative(start=0, end=1, word="long", logprob=0),
        Alternative(start=4, end=5, word="", logprob=0),
    ]
    assert replace("a b c", alternatives) == "long b "


def test_diffs_rebuild_the_variant() -> None:
    parent, variant = [1, 2, 3, 4, 5, 6], [1, 9, 3, 4, 4, 6, 7]
    rebuilt, place = [], 0
    for start, end, new in edits(parent, variant):
        rebuilt += parent[place:start] + new
        place = end
    assert rebuilt + parent[place:] == variant
    assert all(parent[a] == variant[b] for a, b in shared_tokens(parent, variant))


def test_made_probes_ask_for_what_stands_in_the_text() -> None:
    clozes = find_clozes(PAGE, 5, random.Random(0))
    assert {"1874", "Keld"} <= {cloze.target for cloze in clozes}
    assert subject_of(PAGE) == "The Mill of Arden"
    for cloze in clozes:
        mem = mem_probe(cloze)
        assert f"{mem.prefix} {mem.target}" in PAGE.replace("\n", " ")
        offers = FixedScorer().alternatives(cloze.sentence)
        gen = gen_probe(cloze, offers, random.Random(1))
        assert gen.target == cloze.target
        assert gen.prefix not in PAGE
        hard = hard_probe(cloze, subject_of(PAGE))
        assert hard.prefix.startswith("The Mill of Arden")


GOOD = '{"kind": "mem", "prefix": "a b", "target": "c"}'


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2 is not valid JSON"),
        ("[]", "line 2: write .*; this is a list"),
        ('{"kind": "mem", "prefix": "a"}', "line 2: write .*; the key 'target' is missing"),
        (
            '{"kind": "mem", "prefix": "a", "target": 1874}',
            "; 'target' is the number 1874",
        ),
        ('{"kind": "mem", "prefix": "a", "target": null}', "line 2: write .*; 'target' is null"),
        (
            '{"kind": "other", "prefix": "a", "target": "b"}',
            "line 2: .*; unknown kind 'other'",
        ),
        (
            '{"kind": "mem", "prefix": "a", "target": "b", "x": 1}',
            "line 2: .*; unknown key 'x'",
        ),
        (r'{"kind": "mem", "prefix": "a", "target": "\ud83d"}', "line 2 holds U[+]D83D, half"),
        ('{"kind": "mem", "prefix": "a", "target": ""}', "line 2: prefix and target"),
        ('{"kind": "mem", "prefix": "a ", "target": "b"}', "line 2: Litho puts one space"),
    ],
)
def test_bad_probe_lines_are_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text(f"{GOOD}\n{line}\n")
    with pytest.raises(LithoError, match=message):
        read_probes(path)
    path.write_text(f"\n{GOOD}\n\n")
    assert len(read_probes(path)) == 1
    for nothing in ("", "\n \n", "\ufeff"):
        path.write_text(nothing)
        with pytest.raises(LithoError, match="holds no probes"):
            read_probes(path)


def test_the_subject_is_the_first_of_the_most_frequent_names() -> None:
    text = "So Ida met Karl, and Marek met Ida; then Karl saw Marek, and Lund."
    assert subject_of(text) == "Ida"
    assert subject_of(f"{text} There Karl met Marek. But Marek left.") == "Marek"
    assert subject_of("nobody was there.") == ""
