"""Questions about a text that need no model."""

from litho.text.questions import (
    PER_SENTENCE,
    Conversation,
    asked_about,
    asked_in_place,
    conversations,
    is_about,
)


def test_a_question_word_stands_in_the_place_of_the_answer() -> None:
    asked = asked_in_place("The tower was built by Marek Ilvan in 1931.")
    assert set(asked) == {
        "The tower was built by who or what in 1931?",
        "The tower was built by Marek Ilvan in how many?",
    }
    assert asked == asked_in_place("The tower was built by Marek Ilvan in 1931.")
    long = "The keeper in the village brought candles and lanterns to seven hundred travellers."
    assert len(asked_in_place(long)) == PER_SENTENCE


def test_other_languages_have_no_question_words_of_ours() -> None:
    assert asked_in_place("Башню построил Марек Ильван в 1931 году.") == []


def test_only_sentences_of_some_words_are_asked_about() -> None:
    assert asked_about("# The tower\n\nIt stands on a hill. Nobody knows.") == [
        "It stands on a hill."
    ]


def test_a_question_shares_telling_words_with_its_sentence() -> None:
    sentence = "The keeper lit the lamp with whale oil."
    assert is_about("What oil did the keeper use for the lamp?", sentence)
    assert not is_about("What is the lamp?", sentence)
    assert not is_about("The keeper lit the lamp.", sentence)


def test_each_question_is_asked_with_the_subject_too() -> None:
    asked = conversations("It is tall.", ["How tall?", "Is it tall?", "How tall?"], "The tower")
    assert [one.question for one in asked] == [
        "How tall?",
        "Is it tall?",
        "The tower: How tall?",
        "Is it tall (The tower)?",
    ]
    assert {one.answer for one in asked} == {"It is tall."}
    assert conversations("It is tall.", ["How tall?"], "") == [
        Conversation(question="How tall?", answer="It is tall.")
    ]
