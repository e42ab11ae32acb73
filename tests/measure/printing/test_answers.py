"""What a model says, and whether it is right."""

import pytest

from litho.measure.printing.answers import answers, is_right
from litho.measure.printing.probes import target_of
from litho.model.loaded import LanguageModel
from litho.model.read.chat import chat_ids, question, reply
from litho.model.read.scoring import greedy
from litho.model.state import State
from litho.text.items import Probe


@pytest.mark.parametrize(
    ("answer", "target", "right"),
    [
        ("It was Marek Dolny.", "Marek Dolny", True),
        ("it was marek\ndolny", "Marek Dolny", True),
        ("Dolny, Marek", "Marek Dolny", False),
        ("In 19311", "1931", False),
        ("", "1931", False),
        ("They paid 40% more", "40%", True),
        ("...", "?", False),
        ("Why?", "?", True),
    ],
)
def test_right_is_the_words_in_their_order(answer: str, target: str, right: bool) -> None:
    assert is_right(answer, target) is right


def test_answers_are_in_the_order_of_the_probes(llama: LanguageModel) -> None:
    probes = [
        Probe(kind="chat", prefix="Who built it?", target="Marek"),
        Probe(kind="mem", prefix="It was built by", target="Marek"),
    ]
    chat, cloze = answers(State(llama), probes)
    assert chat == reply(llama, [question("Who built it?")], 48)
    target = target_of(llama, probes[1])
    count = len(target.ids) - target.first
    (row,) = greedy(llama, [target.ids[: target.first]], [count])
    assert cloze == llama.decode(row).strip()


def test_a_chat_probe_is_scored_behind_the_conversation(llama: LanguageModel) -> None:
    probe = Probe(kind="chat", prefix="Who built it?", target="Marek")
    target = target_of(llama, probe, "A page.\n\n")
    asked = chat_ids(llama, [question("Who built it?", "A page.")])
    assert list(target.ids) == asked + llama.tokens("Marek") and target.first == len(asked)
