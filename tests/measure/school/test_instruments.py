"""Instruments against slow references; trials and their controls differ as they should."""

import re
from functools import cache
from itertools import product

import pytest
import torch

from litho.core.reporter import Silent
from litho.core.stats import mean
from litho.measure.school.instruments import attention_flow, paid, read_instruments, wording_gap
from litho.measure.school.records import Answer
from litho.model.loaded import LanguageModel
from litho.text.school.plan import Plan
from litho.text.school.trials import (
    BETWEEN,
    Conflict,
    Trial,
    conflicts,
    resonance,
    retention,
    tension,
)
from tests.measure.school.test_exam import asked, school, slow


def plan() -> Plan:
    found = school().plan
    assert found
    return found


@cache
def trials(kind: str) -> list[Trial]:
    if kind == "retention":
        return list(retention(plan()))
    make = {"resonance": lambda q: resonance(school(), plan(), q),
            "tension": lambda q: tension(plan(), q)}[kind]  # fmt: skip
    return list(make(asked(400)))


def differing(one: str, other: str) -> list[tuple[str, str]]:
    """Words in which two texts of as many words differ."""
    words = re.findall(r"\w+", one), re.findall(r"\w+", other)
    return [(a, b) for a, b in zip(*words, strict=True) if a != b]


@pytest.mark.parametrize("kind", ["retention", "resonance", "tension"])
def test_trials_repeat_and_are_choices(kind: str) -> None:
    for trial in trials(kind):
        assert len(set(trial.answers)) == len(trial.answers) > 1
        assert len(set(trial.contexts)) == 3 and all(map(str.strip, trial.contexts))
    again = list(retention(plan()))
    assert kind != "retention" or again == trials("retention")


def test_a_statement_and_its_control_differ_in_the_thing_alone() -> None:
    assert [t.group for t in trials("retention")[::24]] == [str(count) for count in BETWEEN]
    for trial in trials("retention"):
        ((thing, other),) = differing(trial.helped, trial.other)
        assert thing in trial.alone and other not in trial.alone
        stated = trial.answers[trial.right].removesuffix(".")
        assert stated in trial.helped.partition(".")[0] and stated not in trial.alone
        assert trial.helped.endswith(trial.alone) and trial.other.endswith(trial.alone)
        truths = {(f.subject, f.object) for r in plan().world.relations()
                  for f in plan().world.facts(r)}  # fmt: skip
        assert (thing, stated) not in truths  # else it could be known from a book


def test_the_right_page_says_it_and_the_other_does_not_name_the_thing() -> None:
    world = plan().world
    for trial in trials("resonance"):
        thing = trial.unit.rpartition(":")[2]
        assert thing in trial.helped.removesuffix(trial.alone)
        assert world.type_of[thing] and thing not in trial.other.removesuffix(trial.alone)


def test_both_facts_lead_to_the_answer_and_the_others_do_not_name_it() -> None:
    for trial in trials("tension"):
        answer = trial.answers[trial.right].removesuffix(".")
        assert answer in trial.helped and answer not in trial.other


def test_a_change_of_a_survey_is_one_word() -> None:
    found = list(conflicts(plan()))
    assert found
    for each in found:
        ((later, changed),) = differing(each.said, each.later_changed)
        assert (f"{later}.", f"{changed}.") == each.answers
        ((first, other),) = differing(each.said, each.first_changed)
        assert len({later, changed, first, other}) == 4


def test_bits_against_a_slow_reference(llama: LanguageModel) -> None:
    some = [*trials("retention")[:2], *trials("tension")[:2]]
    for trial, costs in zip(some, paid(some, llama, Silent()), strict=True):
        assert costs
        for context, found in zip(trial.contexts, costs, strict=True):
            logps = torch.tensor(slow(llama, context, trial.answers)).log_softmax(-1)
            cost = -logps[trial.right].item() / torch.tensor(2.0).log().item()
            assert found.bits == pytest.approx(cost, abs=1e-3)
            assert bool(found.right) is (int(logps.argmax()) == trial.right)


def test_what_does_not_fit_is_left_out(
    llama: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = [min(trials("retention"), key=lambda t: len(t.other)), trials("retention")[-1]]
    monkeypatch.setattr(LanguageModel, "context", len(some[0].other) + 24)
    found = paid(some, llama, Silent())
    assert found[0] and found[1] is None
    given = {"retention": some, "resonance": [], "tension": []}
    result = read_instruments(llama, given, [], mean([]), Silent())
    assert result.left_out == 1 and [each.n for each in result.retention] == [1]
    assert not (result.flow or result.tension or result.tensest)


def test_the_last_layer_of_the_flow_is_what_the_model_says(any_model: LanguageModel) -> None:
    some = list(conflicts(plan()))[:2]
    found = attention_flow(any_model, some)
    assert any_model.source.name and found

    def leaning(text: str, conflict: Conflict) -> float:
        rows = [any_model.encode(f"{text} {answer}") for answer in conflict.answers]
        at = next(i for i, (a, b) in enumerate(zip(*rows, strict=False)) if a != b)
        with torch.no_grad():
            logits = any_model.network(input_ids=torch.tensor([rows[0][:at]])).logits[0, -1]
        return (logits[rows[1][at]] - logits[rows[0][at]]).item()

    for kind, measured in (("later_changed", "turned"), ("first_changed", "control")):
        slowly = [leaning(getattr(c, kind), c) - leaning(c.said, c) for c in some]
        value = getattr(found[-1], measured).value
        assert value == pytest.approx(sum(slowly) / len(slowly), abs=1e-4)


def test_the_gap_is_that_of_facts_asked_in_both_kinds_of_words() -> None:
    some = [q for q in asked(40) if q.kind in ("memorised", "paraphrase", "fluency")]
    sure = {"memorised": 2.0, "paraphrase": 1.0, "fluency": 0.0}
    said = [Answer(logps=tuple(sure[q.kind] * (c == q.answer) for c in q.candidates)) for q in some]
    gap = wording_gap(some, said)
    both = product(*([q for q in some if q.kind == k] for k in ("memorised", "paraphrase")))
    assert gap.n == sum(a.facts == b.facts for a, b in both) > 1
    assert gap.value and gap.value > 0 == (wording_gap(some[:0], []).n)
