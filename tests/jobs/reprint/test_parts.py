"""Questions, judges, hard sentences and the presentations of a round: small cases by hand."""

import pytest

from litho.jobs.imprint.handbook import Part
from litho.jobs.reprint.answering import answered
from litho.jobs.reprint.config import ReprintConfig
from litho.jobs.reprint.hard import forgotten, losses, sentences_in
from litho.jobs.reprint.judges import Answered, judge_of, planted_error, say_the_same
from litho.jobs.reprint.tasks import Guard, Task, tasks_of
from litho.jobs.reprint.writing import Entry, repair_target, rewritten, with_entries
from litho.learn.trainer import reply_tokens
from litho.model.loaded import LanguageModel
from litho.model.read.scoring import Target
from litho.model.state import State
from litho.text.items import Probe
from litho.text.questions import Conversation
from tests.builders import CHAT_TEMPLATE, TEXT, shake, slow_logprob

MADE = [[Conversation(question="Ostrava: Who made the clock of Ostrava?", answer="")], [], []]


@pytest.fixture
def tasks() -> list[Task]:
    return list(tasks_of(0, TEXT, MADE))


def task(tasks: list[Task], fact: str | None) -> Task:
    return next(each for each in tasks if each.fact == fact)


def test_a_question_leaves_out_its_fact_and_names_the_subject(tasks: list[Task]) -> None:
    for each in tasks:
        assert each.question.startswith("Ostrava: ") and each.sentence in TEXT
        assert each.fact is None or each.fact in each.sentence
    asked = task(tasks, "1931")
    assert asked.question == "Ostrava: The clock of Ostrava was built by Marek Dolny in how many?"
    assert task(tasks, None).question == MADE[0][0].question
    assert len({each.id for each in tasks}) == len(tasks)


def test_what_the_report_asks_is_not_asked(tasks: list[Task]) -> None:
    chat = Probe(kind="chat", prefix="Ostrava: who made the clock of Ostrava", target="nobody")
    guard = Guard.of([Probe(kind="gen", prefix="Its maker was", target="Dolny"), chat])
    allowed, refused = guard.allowed(tasks)
    assert refused == {"what the report asks for": 1, "a question of the report": 1}
    assert {each.fact for each in tasks} - {each.fact for each in allowed} == {"Marek Dolny", None}
    # Where no answer is known, any of the sentence may be meant that the question does not name.
    unknown = task(tasks, None)
    assert Guard.of([Probe(kind="mem", prefix="x", target="1931")]).allowed([unknown])[0] == []
    assert Guard.of([Probe(kind="mem", prefix="x", target="clock")]).allowed([unknown])[0]


def test_judges(tasks: list[Task]) -> None:
    asked, unknown = task(tasks, "1931"), task(tasks, None)
    exact = judge_of(ReprintConfig())
    assert exact(asked, "In 1931.", ()) is True and exact(asked, "In 1932.", ()) is False
    assert exact(unknown, "Marek", ()) is None
    book = judge_of(ReprintConfig(judge="book"))
    assert book(unknown, "Marek made", ["Marek Dolny made the clock"]) is True
    assert book(unknown, "Anna", ["Marek Dolny made the clock"]) is False
    assert book(unknown, "The clock of Ostrava", ["The clock"]) is False  # nothing is added
    agreement = judge_of(ReprintConfig(judge="agreement"))
    samples = ["In 1931", "1931", "1931!", "1932"]
    assert agreement(asked, "1931", samples) is True and agreement(asked, "1932", samples) is False
    assert agreement(asked, "1931", ["1", "2", "3", "4"]) is None
    assert say_the_same("Who?", "Marek Dolny", "Dolny, Marek") and not say_the_same("Who?", "", "")


def test_a_planted_error_sounds_right_and_is_wrong(tasks: list[Task]) -> None:
    two = [task(tasks, "Fridays"), task(tasks, "Marek Dolny")]
    error = planted_error(two[0], two)
    assert error == "It shows the time of nine towns and is wound on Marek Dolny."
    assert judge_of(ReprintConfig())(two[0], error, ()) is False
    assert planted_error(two[0], two[:1]) is None and planted_error(task(tasks, None), two) is None


@pytest.mark.parametrize("judge", ["book", "agreement"])
def test_what_the_judge_looks_at(llama: LanguageModel, tasks: list[Task], judge: str) -> None:
    llama.tokenizer.chat_template = CHAT_TEMPLATE
    shake(llama)
    config = ReprintConfig(judge=judge, samples=2, agree=2)
    found, worth = answered(State(llama, ("x",)), [[TEXT]], tasks[:3], config, "seed")
    assert [len(said.beside) for said in found] == [1 if judge == "book" else 2] * 3
    again, _ = answered(State(llama, ("x",)), [[TEXT]], tasks[:3], config, "seed")
    assert again == found and worth.planted <= 3


def said(each: Task, written: str, accepted: bool | None) -> Answered:
    return Answered(
        task=each.id, page=0, question=each.question, expected=each.fact, written=written,
        beside=(), right=accepted, accepted=accepted,
    )  # fmt: skip


def test_failures_are_repaired_and_what_is_understood_is_dropped(
    llama: LanguageModel, tasks: list[Task]
) -> None:
    known = {each.id: each for each in tasks}
    one, two, three = tasks[:3]
    hard = forgotten(sentences_in(llama, [[TEXT]]), [[3.0] * 3, [1, 2, 3], [1.5, 2, 2.5]], 9)
    assert [each.span.text for each in hard] == [TEXT.split(". ")[0] + "."]
    answers = [said(one, "no", False), said(two, "no", False), said(three, "yes", True)]
    first = rewritten(1, (), known, answers, hard)
    assert [e.kind for e in first.entries] == ["repair", "repair", "sentence"]
    assert first.entries[2].forgotten == pytest.approx(0.5)
    later = [said(one, "yes", True), said(two, "what", False)]
    second = rewritten(2, first.entries, known, later, [])
    assert second.dropped == (f"1:{one.id}", "1:forgotten 0") and second.added == (f"2:{two.id}",)
    assert [entry.attempt for entry in second.entries] == ["what"]  # the latest
    assert rewritten(2, first.entries, known, (), hard).entries[:2] == first.entries[:2]


def test_sentences_are_read_in_their_places(llama: LanguageModel) -> None:
    placed = sentences_in(llama, [[TEXT], ["A dog ran."]])
    assert [(one.page, one.text) for one in placed][-1] == (1, "A dog ran.") and len(placed) == 4
    found = losses(State(llama), placed)
    for one, loss in zip(placed, found, strict=True):
        assert loss == pytest.approx(-slow_logprob(llama, one.target), abs=1e-4)
        supervised = llama.decode(list(one.target.ids[one.target.first :]))
        assert supervised.strip() in one.text and len(supervised) >= len(one.text) - 1


def entry(number: int, kind: str = "repair") -> Entry:
    return Entry.model_validate(
        {"id": str(number), "kind": kind, "page": 0, "text": "t", "question": "q", "round": 1}
    )


def test_every_step_shows_exactly_as_many_tokens() -> None:
    answers = [Target((1, 2, 3, 4, 5), 2), Target((1, 2, 3, 4), 1)]  # 3 and 3 tokens
    steps = [[Part(0, [[7, 8, 9]], "typos", answers)] for _ in range(3)]
    own = Target((9,) * 6, 2)  # 4 tokens
    found, shown = with_entries(steps, [entry(1), entry(2)], lambda *_: own, 1, 99, "s")
    assert [reply_tokens(step[0].replies) for step in found] == [6, 6, 6]
    assert sorted(name for row in shown for name in row.entries) == ["1", "2"]
    assert [row.rewritten for row in shown] == [4, 4, 0] and {row.tokens for row in shown} == {8}
    assert list(found[0][0].replies) == [own, Target((1, 2, 3, 4), 2)]
    assert [step[0].rows for step in found] == [step[0].rows for step in steps]
    # More than there is room for; and none at all, which is the plan itself.
    _, shown = with_entries(steps, [entry(1)], lambda *_: own, 9, 99, "s")
    assert [row.rewritten for row in shown] == [6, 6, 6]
    assert with_entries(steps, [entry(1)], lambda *_: own, 1, 5, "s")[0] == steps  # too long
    assert with_entries(steps, [], lambda *_: own, 1, 99, "s")[0] == steps


def test_without_answers_the_version_stands_for_them() -> None:
    (step,), (shown,) = with_entries(
        [[Part(0, [[7, 8, 9]], "typos")]], [], lambda *_: Target((), 0), 1, 9, "s"
    )
    assert list(step[0].replies) == [Target((7, 8, 9), 1)] and shown.tokens == 4


def test_only_the_sentence_is_learned(llama: LanguageModel) -> None:
    llama.tokenizer.chat_template = CHAT_TEMPLATE
    wrong = entry(1).model_copy(update={"question": "Who?", "attempt": "Anna", "text": "Marek."})
    for turn, before in ((0, "<user>Who?</><assistant>Anna</><user>Who?</>"), (1, "<user>Who?</>")):
        target = repair_target(llama, wrong, turn)
        assert llama.decode(list(target.ids[: target.first])) == f"{before}<assistant>"
        assert llama.decode(list(target.ids[target.first :])) == "Marek.</>"
