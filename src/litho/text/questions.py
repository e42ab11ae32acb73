"""Questions whose answer is a sentence of a text."""

import random
import re
from collections.abc import Iterator, Sequence

from litho.core.records import Record
from litho.text.operators.places import FACT, is_english
from litho.text.sentences import sentences, words

FEWEST_WORDS = 4  # of a sentence that is asked about
SHARED = 2  # words of the sentence that a question holds, of at least `TELLING` letters
TELLING = 4
PER_SENTENCE = 4  # questions by rule
_ORDINARY = re.compile(r"(?<= )[a-z]{6,}")


class Conversation(Record):
    """A question and its answer."""

    question: str
    answer: str


def asked_about(text: str) -> list[str]:
    """The sentences of a text that are long enough to be asked about."""
    return [said for said in sentences(text) if len(words(said)) >= FEWEST_WORDS]


def asked_in_place(sentence: str) -> list[str]:
    """English questions that put a question word where a fact or a long word stands.

    "The lamp was lit at who or what?" is bad English, but names all of the sentence but the answer.
    """
    return list(answers_in_place(sentence))


def answers_in_place(sentence: str) -> dict[str, str]:
    """What stood where each of these questions has its question word, by the question."""
    if not is_english(sentence):
        return {}
    body = sentence.rstrip(".")
    asked = [
        (f"{body[:start]}{word}{body[end:]}?", body[start:end])
        for start, end, word in _asked_for(body)
        if start > 0 and end - start < len(body) / 2
    ]
    random.Random(sentence).shuffle(asked)
    return dict(asked[:PER_SENTENCE])


def _asked_for(sentence: str) -> Iterator[tuple[int, int, str]]:
    for fact in FACT.finditer(sentence):
        yield *fact.span(), "how many" if fact[0][0].isdigit() else "who or what"
    for word in _ORDINARY.finditer(sentence):
        yield *word.span(), "what"


def is_about(question: str, sentence: str) -> bool:
    """Whether a question ends as one and shares telling words with a sentence."""
    own, asked = ({w for w in words(said) if len(w) >= TELLING} for said in (sentence, question))
    return question.endswith("?") and len(own & asked) >= SHARED


def conversations(sentence: str, questions: Sequence[str], subject: str) -> list[Conversation]:
    """Each question alone, and again with the subject of the text, in front or behind by turns."""
    asked = list(dict.fromkeys(questions))
    if subject:
        asked += [
            f"{question[:-1]} ({subject})?" if number % 2 else f"{subject}: {question}"
            for number, question in enumerate(asked)
        ]
    return [Conversation(question=question, answer=sentence) for question in asked]
