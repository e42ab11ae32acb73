"""Every presentation operator by an example, and what all of them have in common."""

import json
import random
import re
from itertools import islice

import pytest

from litho.text.operators import OPERATORS, Rows
from litho.text.operators.base import Alternative
from litho.text.operators.places import declares, joined, located, lowered, put, statements

NAMES = [name for name, _ in OPERATORS.items()]
ENDLESS = ("apart", "sentence_order")
LEAVES_OUT = ("dropped_tail",)


class TwoWords:
    """Offers "big" for "large", and two restatements of the sentence about the mill."""

    def alternatives(self, text: str) -> list[Alternative]:
        return [
            Alternative(start=m.start(), end=m.end(), word="big", logprob=-1.0)
            for m in re.finditer("large", text)
        ]

    def restatements(self, text: str, sentence: str) -> list[str]:
        return ["The mill is a large one.", sentence, ""] if "The mill is" in sentence else []


def versions(name: str, text: str, seed: int = 0) -> list[Rows]:
    return list(islice(OPERATORS[name](text, TwoWords(), random.Random(seed)), 5000))


def texts(name: str, text: str) -> set[str]:
    found = versions(name, text)
    assert all(len(rows) == 1 for rows in found)
    return {rows[0] for rows in found}


def test_substitute_has_the_first_turn_and_there_are_sixteen() -> None:
    assert NAMES[0] == "substitute"
    assert len(NAMES) >= 16


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("substitute", "The large mill.", {"The big mill."}),
        ("highlight", "It has 12 rooms.", {"It has **12** rooms.", "It has [12] rooms."}),
        ("summary_tail", "Rye grew.", {"Rye grew. In short: Rye grew."}),
        ("sentence_order", "Rye grew. Rain fell.", {"Rain fell. Rye grew."}),
        ("list_shape", "Rye grew. Rain fell.", {"- Rye grew.\n- Rain fell."}),
        ("dropped_tail", "One. Two. Three.", {"One. Two."}),
        ("dropped_tail", "One is\nhere. Two. Three\nmore.", {"One is\nhere. Two."}),
        ("dropped_tail", "- One.\n- Two.\n- Three.", {"- One.\n- Two."}),
        ("json_shape", "Rye grew.", {'[\n"Rye grew."\n]', '{\n"fact 1": "Rye grew."\n}'}),
        (
            "prefix_context",
            "The rye grew.",
            {"Notes: The rye grew.", "Chapter 3.\n\nThe rye grew."},
        ),
        ("prefix_context", "# The rye", {"From an encyclopedia:\n\n# The rye"}),
        (
            "cloze",
            "The mill was sold to Hale in 1923.",
            {
                "The mill was sold to _____ in 1923. The mill was sold to Hale in 1923.",
                "Fill in the blank: The mill was sold to Hale in _____. Answer: 1923. "
                "The mill was sold to Hale in 1923.",
            },
        ),
        (
            "restatement",
            "Rain fell. The mill is large.",
            {
                "Rain fell. The mill is a large one.",
                "Rain fell. The mill is large. In other words: The mill is a large one.",
            },
        ),
        (
            "speaker_change",
            'The rye of "Old Keld" grew. Rain fell.',
            {
                "The teacher said: “The rye of ‘Old Keld’ grew.” Rain fell.",
                'A: The rye of "Old Keld" grew.\nB: Rain fell.',
            },
        ),
        (
            "question_answer",
            "The mill was built by Dr. Weir in 1874.",
            {
                f"Question: {question} Answer: The mill was built by Dr. Weir in 1874."
                for question in (
                    "When was the mill built by Dr. Weir?",
                    "By whom was the mill built in 1874?",
                    "Who or what was built by Dr. Weir in 1874?",
                    "What is said about the mill?",
                )
            },
        ),
        ("question_answer", "The mill is in Keld.", {"Where is the mill? The mill is in Keld."}),
        (
            "question_answer",
            "Nora Hale sold the mill.",
            {"Q: Who or what sold the mill? A: Nora Hale sold the mill."},
        ),
        (
            "negation",
            "The mill was in Keld.",
            {
                "It is not false that the mill was in Keld.",
                "It is not the case that the mill was not in Keld.",
            },
        ),
        ("negation", "The oven is not cold.", {"It is false that the oven is cold."}),
    ],
)
def test_example(name: str, text: str, expected: set[str]) -> None:
    assert expected <= texts(name, text)


def test_apart_presents_each_sentence() -> None:
    assert ("Rye grew.", "Rain fell.") in versions("apart", "Rye grew. Rain fell.")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("When it rains, the wheel stands still.", {"The wheel stands still when it rains."}),
        ("The wheel turned because the river rose.", {"Because the river rose, the wheel turned."}),
        ("Although it is old, the mill works.", {"The mill works, although it is old."}),
        ("Nora Hale left after the rain was over.", {"After the rain was over, Nora Hale left."}),
        ("In 1960, the town bought 4,800 films.", {"The town bought 4,800 films in 1960."}),
        ("The door is red; the roof is green.", {"The roof is green; the door is red."}),
        ("The door is red, and the roof is green.", {"The roof is green, and the door is red."}),
        # "She" would come before the one she is.
        ("When Nora woke, she sang.", set()),
        # What was said, and when?
        ("When it rained, Hale said that bread was free.", set()),
        ("He asked her when the mill was built.", set()),
        ("Because it rained, the mill did not open.", set()),
        ("He studied life after death.", set()),
        # One after the other.
        ("The war was won, and the mill was rebuilt.", set()),
        ("When Nora baked, Weir, who was old, slept.", set()),
        # Not when something happened, but what is unclear, how long before, which of the times.
        ("It is unclear when the church was built.", set()),
        ("It was uncertain if the king was dead.", set()),
        ("The date is unknown to the king when the war ended.", set()),
        ("He left well before the war ended.", set()),
        ("He loved the summer when the war ended.", set()),
        ("It was the first time he cried since the war ended.", set()),
        ("The price though was high.", set()),
        ("The price though certainly was high.", set()),
        # Is it a name?
        ("Prices rose because the harvest failed.", set()),
    ],
)
def test_clauses_change_places_only_where_that_is_safe(text: str, expected: set[str]) -> None:
    assert texts("clause_order", text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("But the oven is hot.", {"However, the oven is hot.", "Yet the oven is hot."}),
        ("However, the oven is hot.", {"But the oven is hot.", "Yet the oven is hot."}),
        ("It is old, but it works.", {"It is old, yet it works."}),
        ("Because of rain it shut.", {"On account of rain it shut.", "Owing to rain it shut."}),
        ("It was late, because it rained.", {"It was late, since it rained."}),
        ("It was late, since it was wet.", {"It was late, because it was wet."}),
        ("It shut, though it ran.", {"It shut, although it ran.", "It shut, even though it ran."}),
        ("It rained, so the mill shut.", {"It rained, and so the mill shut.",
                                          "It rained; therefore, the mill shut."}),
        ("Rye, for example, grew.", {"Rye, for instance, grew."}),
        ("The roof is also red.", {"The roof is red, too.", "The roof is red as well."}),
        ("It is red, too.", {"It is red as well."}),
        ("Despite the rain it ran.", {"In spite of the rain it ran."}),
        ("The gate was open; thus, it left.", {f"The gate was open; {word}, it left."
                                               for word in ("therefore", "hence", "consequently")}),
        # Other meanings of the same words.
        ("It is not red, but green.", set()),
        ("It has been open, since the war was over.", set()),
        ("It has been shut since 1997.", set()),
        ("He opened the gate, so the goats could leave.", set()),
        ("It looks as though it rained.", set()),
        ("But for Hale it was lost.", set()),
        ('She wrote "old, but good" on it.', set()),
        ("The mill is old, so the story goes.", set()),
        ("The mill is old, so he said.", set()),
        ("The mill, since it was wet, was shut.", set()),
        ("Everyone, but the captain, left.", set()),
        ("Everyone left, but the captain.", set()),
        ("It is old, but beautiful.", {"It is old, yet beautiful."}),
        ("She did not come as well.", set()),
        ("The mill never turned, too.", set()),
        ("Hale did as well.", set()),
        ("The price though was high.", set()),
        ("The price though rose again.", set()),
    ],
)  # fmt: skip
def test_connectives_are_exchanged_only_where_they_mean_the_same(
    text: str, expected: set[str]
) -> None:
    assert texts("connective_swap", text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "All films are silent.",
        "The mill is old, and the roof is red.",
        "The mill is only a ruin.",
        "A goat is in the garden.",
        "The films are silent.",
        "The mill is hardly old.",
        "The mill is rarely shut.",
    ],
)
def test_no_negation_is_moved_over_a_quantifier_or_a_clause(text: str) -> None:
    found = texts("negation", text)
    assert found
    assert not any(re.search(r"It is (?:false|not true|not the case)", each) for each in found)


@pytest.mark.parametrize(
    "text",
    [
        "Come in June with the goat.",
        "If it rains, go in.",
        "Дождь шёл всю ночь.",
        "But the oven is hot.",
        "The door is red; the roof is green.",
        "Bread is cheaper today.",
    ],
)
def test_no_negation_where_the_frame_does_not_fit(text: str) -> None:
    assert texts("negation", text) == set()


def test_a_model_is_asked_for_restatements_only_as_far_as_they_are_taken() -> None:
    asked = []

    class Counting(TwoWords):
        def restatements(self, text: str, sentence: str) -> list[str]:
            asked.append(sentence)
            return [f"So: {sentence}"]

    source = OPERATORS["restatement"]("One ran. Two ran. Three ran.", Counting(), random.Random(0))
    assert asked == []
    assert len(list(islice(source, 2))) == 2
    assert len(set(asked)) == 2
    assert len(list(source)) == 4
    assert len(asked) == 3


def test_a_restatement_brings_no_fact_and_replaces_none() -> None:
    class Careless(TwoWords):
        def restatements(self, text: str, sentence: str) -> list[str]:
            return [
                "Hale sold the mill in 1924.",
                "It was sold to Weir.",
                "Someone sold the mill.",
                "Keld sold the mill in 1923.",
                "In 1923, Hale sold the mill.",
            ] * ("1923" in sentence)

    text = "Hale sold the mill in 1923."
    page = f"{text} Keld is near."
    found = {rows[0] for rows in OPERATORS["restatement"](page, Careless(), random.Random(0))}
    assert found == {
        "In 1923, Hale sold the mill. Keld is near.",
        f"{text} In other words: In 1923, Hale sold the mill. Keld is near.",
    }


def test_nobody_else_says_what_is_said_about_oneself() -> None:
    assert texts("speaker_change", "The mill is my own.") == set()


PAGE = """# The Mill of Arden

The mill of Arden was built by Dr. Jonas Weir in 1874. It ground rye for 12 villages, but the
wheel came from Keld. When the river was low, the mill stood still.

- Today the mill belongs to Mrs. Hale.
- The mill is large.
- The bakery has 4,800 guests a year."""
FACTS = ("Arden", "Weir", "1874", "12", "Keld", "Hale", "4,800")
ODD = [
    "",
    " \n ",
    "Mill",
    "mill.",
    "...",
    "#",
    "- ",
    "1. 2. 3.",
    "12 34 5,600",
    "# Only a heading",
    "Дождь шёл всю ночь. Мельница Ардена стоит в Кельде с 1874 года.",
    "这是一个磨坊。它在一八七四年建成。",
    "هذا بيت. كان قديما.",
    "Rain fell. Rain fell. Rain fell.",
    "- one\n- two\n- Three is in the list.",
    '"Stay," he said. "The path is wet. The goat was here." But I left.',
    "A {b} is {0} and %s \\1 (the [odd] one. The | is *not* a mill? It is!",
    "Tab\tand  two spaces are here.\nThe line was\nwrapped in 1923.",
    "İstanbul was the city. ßeta is the word.",
    "The " + "mill and the " * 300 + "wheel were old.",
    PAGE,
]


@pytest.mark.parametrize("name", NAMES)
def test_facts_survive(name: str) -> None:
    found = [] if name in LEAVES_OUT else versions(name, PAGE)[:500]
    assert found or name in LEAVES_OUT
    for rows in found:
        said = " ".join(rows)
        assert all(fact in said for fact in FACTS)
        # No number but the text's own, the list's and the chapter's.
        own = {"1", "2", "3", "4", "5", "6", "7"} | set(FACTS)
        assert set(re.findall(r"\d[\d,]*\d|\d", said)) <= own


@pytest.mark.parametrize("name", NAMES)
def test_any_text_is_taken(name: str) -> None:
    for text in ODD:
        count = 10 if name in ENDLESS else 300
        found, again, other = (
            list(islice(OPERATORS[name](text, TwoWords(), random.Random(seed)), count))
            for seed in (1, 1, 2)
        )
        assert found == again
        assert (text,) not in found
        assert all(row.strip() for rows in found for row in rows)
        if name not in ENDLESS:
            assert len(found) == len(set(found))
            assert len(found) == len(other)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ENDLESS])
def test_what_is_finite_ends(name: str) -> None:
    assert len(versions(name, PAGE)) < 1000


def test_only_the_place_of_a_sentence_changes() -> None:
    places = located(PAGE)
    assert [place.said for place in places][:2] == [
        "The Mill of Arden",
        "The mill of Arden was built by Dr. Jonas Weir in 1874.",
    ]
    for place in places:
        assert " ".join(PAGE[place.start : place.end].split()) == place.said
        assert put(PAGE, place, PAGE[place.start : place.end]) == PAGE
    assert [place.said for place in statements(PAGE)] == [place.said for place in places[1:]]


def test_speech_is_no_statement() -> None:
    text = '"Stay here. The path is wet. Go in," he said. The goat was wet.'
    assert [place.said for place in statements(text)] == ["The goat was wet."]


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("The Mill was old.", "the Mill was old."),
        ("Nora slept.", "Nora slept."),
        ("Films are silent.", "films are silent."),  # as in the text
        ("Films Ltd. was sold.", "Films Ltd. was sold."),
        ("A. Weir slept.", "A. Weir slept."),
        ("USA is a word.", "USA is a word."),
    ],
)
def test_a_capital_goes_unless_it_is_a_name_s(sentence: str, expected: str) -> None:
    assert lowered(sentence, "It has films. The usa is not.") == expected


def test_commands_state_nothing() -> None:
    assert not declares("Come in June.", "Come in June.")
    assert declares("Nora Hale was here.", "")
    assert declares("the mill", "")


@pytest.mark.parametrize(
    ("clause", "text", "expected"),
    [
        ("Nora was here.", "Nora was here. Then Nora left.", True),
        ("Hale was here.", "Hale was here. It was sold to Mrs. Hale.", True),
        ("Bread is cheap.", "Bread is cheap. Bread is good.", False),
        ("Bread is cheap.", "# The Bread\n\nBread is cheap.", False),
        ("Hale was here.", "It is the mill of Keld Hale’s.", True),
        ("Dr. Weir was here.", "", True),
        ("USA was a word.", "", True),
    ],
)
def test_one_word_is_a_name_if_it_keeps_its_capital_within_a_sentence(
    clause: str, text: str, expected: bool
) -> None:
    assert declares(clause, text) == expected


def test_what_is_no_name_loses_its_capital() -> None:
    found = texts("negation", "Later rose was sold.") | texts(
        "question_answer", "Later it was sold."
    )
    assert "It is not false that later rose was sold." in found
    assert not any("Later" in version.split(" ", 1)[0] for version in found)


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("The mill is my own.", "?"),
        ("The mill was sold to you in 1923.", "?"),
        ("The harvest was larger in Keld than in 1940.", "When"),
        ("The mill was built early in 1940.", "When"),
        ("Nothing is better than the rye.", "?"),
        ("Nobody sold the mill.", "?"),
        ("Bread was sold in 1923.", "was Bread"),
        ("Bread was sold in 1923.", "about Bread"),
        ("The man although he slept is old.", "is the man"),
    ],
)
def test_no_question_that_the_sentence_does_not_answer(text: str, refused: str) -> None:
    assert not any(refused in version for version in texts("question_answer", text))


def test_a_name_alone_may_be_a_thing_s() -> None:
    found = texts("question_answer", "The mill was built by Keld Works in 1874.")
    assert any("By whom or what was the mill built in 1874?" in version for version in found)


def test_a_list_keeps_its_lines() -> None:
    parts = ["# The mill", "It is old.", "- Rye grew.", "1. Rain fell."]
    assert joined(parts) == "# The mill\nIt is old.\n- Rye grew.\n1. Rain fell."
    page = "The mill is old.\n\n- Rye grew there."
    assert "- Rye grew there.\nThe mill is old." not in texts("list_shape", page)
    assert ("- Rye grew there. The mill is old.",) in list(
        islice(OPERATORS["sentence_order"](page, TwoWords(), random.Random(0)), 20)
    )
    assert "1. The mill is old.\n2. Rye grew there." in texts("list_shape", page)
    assert '[\n"The mill is old.",\n"Rye grew there."\n]' in texts("json_shape", page)
    assert f"{page}\n\nAgain: Rye grew there." in texts("summary_tail", page)


def test_only_statements_in_english_are_summed_up() -> None:
    assert texts("summary_tail", "Дождь шёл всю ночь.") == set()
    found = texts("summary_tail", "# The mill\n\nIs it old? It is.")
    assert found
    assert all(version.endswith(": It is.") for version in found)


def test_json_holds_the_sentences() -> None:
    data = [json.loads(rows[0]) for rows in versions("json_shape", "Rye grew. Rain fell.")]
    assert ["Rye grew.", "Rain fell."] in data
    assert {"line 1": "Rye grew.", "line 2": "Rain fell."} in data
