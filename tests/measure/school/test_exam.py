"""Answers against a slow reference; who knows the world passes, who knows half of it does not."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import pytest
import torch

from litho.core.errors import LithoError
from litho.core.reporter import Silent
from litho.measure.school.chains import LINKS, links, named_last
from litho.measure.school.closed import answer_logps, closed_sets
from litho.measure.school.exam import answers, examine, fitting, judged, spoken_context
from litho.measure.school.records import Answer, ExamResult
from litho.measure.school.scores import BRIDGED, bits, credit, units
from litho.measure.school.writing import Drawing, paragraph, written_behind
from litho.model.loaded import LanguageModel
from litho.text.school.canonical import of_world, written
from litho.text.school.genome import parse_genome
from litho.text.school.questions import KINDS, Question, questions
from litho.text.school.stages import School
from litho.text.school.world import World
from tests.builders import give_pieces

HERE = Path(__file__).parent
WORLD = World(17, entity_count=24)


@cache
def school() -> School:
    genome = parse_genome(written(of_world(WORLD)), "school.yaml", HERE)
    return School.of(genome, HERE)


@cache
def asked(most: int) -> tuple[Question, ...]:
    plan = school().plan
    assert plan
    return tuple(questions(plan, most, twin=True))


def slow(model: LanguageModel, context: str, answers: Sequence[str]) -> list[float]:
    """log P of all tokens of context and answer, each sequence alone and without a cache."""
    found = []
    for answer in answers:
        ids = torch.tensor([model.encode(f"{context} {answer}".lstrip())])
        with torch.no_grad():
            logp_TV = model.network(input_ids=ids).logits[0, :-1].log_softmax(-1)
        found.append(logp_TV.gather(1, ids[0, 1:, None]).sum().item())
    return found


def check_against_slow(model: LanguageModel, some: Sequence[Question]) -> None:
    sets = closed_sets(model, [q.context for q in some], [q.closed for q in some])
    for question, found in zip(some, answer_logps(model, sets), strict=True):
        whole = slow(model, question.context, question.closed)
        differences = [a - whole[0] for a in whole]
        assert [a - found[0] for a in found] == pytest.approx(differences, abs=5e-4)


def test_answers_against_a_slow_reference(any_model: LanguageModel) -> None:
    check_against_slow(any_model, asked(2)[::3])


def test_answers_of_several_tokens_wherever_the_tokenizer_cuts(llama: LanguageModel) -> None:
    give_pieces(llama, 400)
    check_against_slow(llama, asked(2))


def test_what_is_written_on_is_what_is_likeliest_token_by_token(
    any_model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("litho.measure.school.writing.MOST", 20)
    some = [q.question for q in asked(2) if q.kind in BRIDGED][:3]
    end = any_model.end
    for question, said in zip(some, written_behind(any_model, some), strict=True):
        row = any_model.encode(question)
        for _ in range(20):
            with torch.no_grad():
                logits_V = any_model.network(input_ids=torch.tensor([row])).logits[0, -1]
            row.append(int(logits_V.argmax()))
        new = row[len(any_model.encode(question)) :]
        assert said == paragraph(any_model.decode(new[: new.index(end) if end in new else None]))


def test_drawn_answers_repeat_by_seed_and_are_the_likeliest_when_cold(
    llama: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("litho.measure.school.writing.MOST", 12)
    some = ["What is it?", "Which of these is the hardest?"]
    assert written_behind(llama, some, draw=Drawing.of(1e-4, 0)) == written_behind(llama, some)
    hot = [written_behind(llama, some, draw=Drawing.of(2.0, seed)) for seed in (1, 1, 2)]
    assert hot[0] == hot[1] != hot[2]


def test_a_paragraph_has_so_many_sentences() -> None:
    assert paragraph(" A is b. C is d! E? F.\n\nG.") == "A is b. C is d! E?"
    assert paragraph("A is b. C is", 2) == "A is b."
    assert paragraph("no end\nat all") == "no end" and paragraph("") == ""


def test_questions_that_do_not_fit_are_left_out(llama: LanguageModel) -> None:
    llama.network.config.max_position_embeddings = 90
    kept = fitting(llama, asked(3))
    assert 0 < len(kept) < len(asked(3))
    result = examine(llama, asked(3), Silent())
    assert sum(found.n for found in result.tests.values()) == len(kept)
    llama.network.config.max_position_embeddings = 5
    with pytest.raises(LithoError, match="no question fits into the 5 tokens"):
        fitting(llama, asked(3))
    with pytest.raises(LithoError, match="there is no question"):
        fitting(llama, [])


Mind = Callable[[Question], Sequence[str]]  # the candidates that it holds for equally likely


def exam_of(mind: Mind, speaks: bool = True, **more: object) -> ExamResult:
    return judged(asked(10_000), said_by(mind, speaks), **more)  # type: ignore[arg-type]


def said_by(mind: Mind, speaks: bool = True) -> list[Answer]:
    found = []
    for question in asked(10_000):
        meant = mind(question) or question.candidates
        logps = tuple(0.0 if each in meant else -30.0 for each in question.candidates)
        aloud = speaks and question.kind in BRIDGED
        spoken = (f"So it is {meant[0]}.", logps) if aloud else (None, None)
        found.append(Answer(logps=logps, written=spoken[0], spoken=spoken[1]))
    return found


def knows(question: Question) -> Sequence[str]:
    return [question.answer]


def first_hop(question: Question) -> Sequence[str]:
    """Over a bridge, the thing between; everything else is known."""
    if question.kind not in BRIDGED:
        return [question.answer]
    relation, _, subject = question.facts[0].partition(":")
    between = WORLD.objects[relation][subject]
    return [between] if between in question.candidates else []


def test_an_oracle_gets_everything_right_and_connects() -> None:
    result = exam_of(knows)
    assert set(result.tests) == set(KINDS)
    for kind, found in result.tests.items():
        assert found.accuracy.value == 1 and found.bits == pytest.approx(0, abs=1e-9)
        assert found.n > 0 and found.chance
        assert found.chance == pytest.approx(0.5 if kind == "unknown" else 1 / 12, abs=0.05)
    spoken = result.tests["two_hop_L3"].spoken
    assert spoken and spoken.accuracy.value == spoken.written.value == 1
    assert spoken.chain
    assert result.verdict == "connects" and result.twins.counterfactual == 0
    assert any("5 seeds" in each for each in result.missing)
    assert any("fluent twin" in each for each in result.missing)
    assert all(pair.silent.value == 1 for pair in result.pairs)
    assert all(e.value == 1 for book in result.books for e in book.kinds.values())


def test_who_knows_first_hops_alone_understands_and_does_not_connect() -> None:
    result = exam_of(first_hop)
    for kind in BRIDGED:
        found = result.tests[kind]
        assert found.accuracy.value is not None and found.chance
        assert found.accuracy.value <= found.chance + 1e-9
    assert result.verdict == "understands"
    assert any("not beyond chance" in each for each in result.reasons)


def test_who_guesses_is_at_chance_and_pays_all_bits() -> None:
    result = exam_of(lambda question: question.candidates)
    for kind, found in result.tests.items():
        even = 1 / 9 if kind == "unknown" else found.chance
        assert found.accuracy.value == pytest.approx(even)
        assert found.bits == pytest.approx(found.chance_bits)
    assert result.verdict == "nothing"


def test_who_was_raised_in_the_twin_answers_as_it_does() -> None:
    result = exam_of(lambda question: [question.twin or question.answer])
    assert result.twins.counterfactual == 1 and result.tests["memorised"].accuracy.value == 0
    assert result.verdict == "fluent"


def test_the_fluent_twin_has_to_be_at_chance() -> None:
    guessing = said_by(lambda question: question.candidates)
    passed = exam_of(knows, twin=guessing)
    assert passed.verdict == "connects" and not any(
        "fluent twin" in each for each in passed.missing
    )
    assert passed.twins.fluent == pytest.approx(1 / 12, abs=0.01)
    refused = exam_of(knows, twin=said_by(knows))
    assert refused.verdict == "understands" and "fluent twin" in refused.reasons[0]


def test_who_was_raised_in_the_other_world_has_to_turn_round() -> None:
    guessing = said_by(lambda question: question.candidates)
    turned = said_by(lambda question: [question.twin or question.answer])
    claimed = exam_of(knows, twin=guessing, turned=turned)
    assert claimed.verdict == "connects" and claimed.twins.turned == 1
    assert claimed.missing == ("5 seeds: this is one model", "shortcuts, to compare with")
    assert claimed.twin_scores.unturned and claimed.twin_scores.unturned["two_hop_L3"].value == 0
    stuck = exam_of(knows, twin=guessing, turned=said_by(knows))
    assert stuck.verdict == "understands" and stuck.twins.turned == 0
    assert any("is right beyond chance" in each for each in stuck.reasons)
    none = exam_of(knows, turned=guessing)
    assert none.verdict == "understands" and "does not give its answers" in none.reasons[0]


def test_nobody_connects_who_is_not_beyond_a_shortcut() -> None:
    right = [[float(c == q.answer) for c in q.candidates] for q in asked(10_000)]
    shortcut = {
        "prior": [
            score if q.kind == "two_hop_L3" else None
            for q, score in zip(asked(10_000), right, strict=True)
        ]
    }
    result = exam_of(knows, shortcuts=shortcut)
    assert result.verdict == "understands" and "shortcut prior" in result.reasons[0]
    assert set(result.shortcuts["prior"]) == {"two_hop_L3"}


def test_speaking_is_enough_to_connect() -> None:
    """A model that answers rightly behind its own sentences alone connects aloud."""
    said = [
        answer.model_copy(update={"logps": (0.0,) * len(answer.logps)}) if answer.spoken else answer
        for answer in said_by(knows)
    ]
    result = judged(asked(10_000), said)
    assert result.verdict == "connects" and result.reasons == ("two_hop_L3, aloud: 1.00",)


def test_ties_are_guesses_and_bits_are_those_of_the_closed_set() -> None:
    assert credit([1, 3, 3], 1) == 0.5 and credit([1, 3, 3], 0) == 0
    assert bits([0, 0, 0, 0], 2) == pytest.approx(2)
    assert bits([5, 5 - 1e9], 0) == 0


def test_the_last_named_candidate_counts() -> None:
    question = asked(1)[0].model_copy(
        update={"candidates": ("belmite", "orvite", "torvite"), "answer": "orvite"}
    )
    assert named_last("Of belmite it is said. So it is orvite.", question)
    assert not named_last("It is orvite. It is belmite.", question)
    assert not named_last("It is torvite.", question) and not named_last("", question)


def test_a_chain_breaks_at_its_first_wrong_link() -> None:
    question = asked(1)[0].model_copy(
        update={"answer": "balmine", "facts": ("grows_on:bulkora", "colour:grombite")}
    )
    first, second = "The bulkora grows on grombite.", "The hue of grombite is balmine."
    assert links(f"{first} {second} So it is balmine.", question) == LINKS
    assert links(f"The ruldora grows on grombite. {second}", question) == 0
    assert links(f"The bulkora grows on hervite. {second}", question) == 1
    assert links(f"{first} The hue of hervite is balmine.", question) == 2
    assert links(f"{first} The hue of grombite is mondine.", question) == 2
    assert links(f"Yes. {first} {second}", question) == links("", question) == 0
    assert links("Of a bulkora and a grombiter nothing is known.", question) == 1


def test_bridges_are_resampled_whole_where_there_are_enough() -> None:
    every = [q for q in asked(10_000) if q.kind in BRIDGED]
    bridges = {tuple(f.split(":")[0] for f in q.facts) for q in every}
    assert len(set(units(every))) == len(bridges) >= 5
    few = [q for q in every if q.facts[0].split(":")[0] == "grows_on"]
    assert len(set(units(few))) == len({q.facts[-1] for q in few}) > 5
    alone = [q for q in asked(10_000) if q.kind == "memorised"]
    assert len(set(units(alone))) == len(alone)


def test_the_answer_is_read_behind_two_sentences(llama: LanguageModel) -> None:
    test = next(q for q in asked(2) if q.kind == "two_hop_L3")
    context = spoken_context(test, "A has b. C is d. So it is e.")
    assert context == f"{test.question} A has b. C is d. So {test.lead[0].lower()}{test.lead[1:]}"
    assert spoken_context(test, "") == test.context
    (answer,) = answers(llama, [test], Silent())
    assert answer.written is not None and answer.spoken and len(answer.spoken) == len(answer.logps)


def test_of_passages_counts_what_the_context_adds(llama: LanguageModel) -> None:
    test = Question(
        id="a", kind="order", question="", lead="And so it ended.", answer="Then came rain.",
        candidates=("Long ago.", "Then came rain."), facts=(), sections=(), stop="",
    )  # fmt: skip
    (answer,) = answers(llama, [test], Silent())
    behind, alone = (slow(llama, context, test.closed) for context in (test.context, ""))
    added = [a - b for a, b in zip(behind, alone, strict=True)]
    assert answer.logps[0] - answer.logps[1] == pytest.approx(added[0] - added[1], abs=5e-4)
