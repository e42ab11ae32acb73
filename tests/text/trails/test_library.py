"""Libraries of trails: the shipped one, and what is refused, with line and field."""

import random
from pathlib import Path

import pytest

from litho.core.errors import LithoError
from litho.text.trails.chains import Draw, draw, worked
from litho.text.trails.library import Library, parse_library, read_library, starter
from tests.builders import TRAILS

SHIPPED = parse_library(starter(), "starter.yaml")


def other_letter(words: object) -> bool:
    first = [str(word)[0] for word in words]  # type: ignore[attr-defined]
    return len(set(first)) == len(first)


def test_the_shipped_library_is_what_it_says() -> None:
    assert len(SHIPPED.forms) == 20 and len(SHIPPED.held_out()) == 6
    for form in SHIPPED.forms:
        assert len(form.wordings) == 5 and len(form.numbers(held_out=True)) == 1, form.form
        assert len(form.near_misses) >= 2 and form.truth, form.form
        assert all(near.truth for near in form.near_misses if "irrelevant" not in near.name) or any(
            near.truth for near in form.near_misses
        )
    for words in SHIPPED.words.values():
        assert len(words.nonsense) == len(words.real)
        assert not set(words.nonsense) & set(words.real)


@pytest.mark.parametrize("form", SHIPPED.forms, ids=lambda form: form.form)
def test_contexts_differ_in_the_deciding_premise_alone(form: object) -> None:
    chance = random.Random(0)
    for number in range(10):
        pair = draw(SHIPPED, form, Draw(number % 5, number % 2 == 0, number), chance, other_letter)  # type: ignore[arg-type]
        first, second = pair.contexts
        assert first.text != second.text and "{" not in first.text
        for context in (*pair.contexts, *(pair.near or ())):
            assert all(f" {answer}" in f" {context.text}" for answer in pair.answers)
            for span in context.spans:
                if span.slot in pair.slots:
                    said = context.text[span.start : span.end]
                    assert said == pair.answers[pair.slots.index(span.slot)]
        assert len(set(pair.answers)) == 2
        assert worked(pair, 1) == f"{second.text} {pair.answers[1]}."


def test_lists_that_share_words_are_drawn_from_again_or_named() -> None:
    listed = [line.strip() for line in TRAILS.splitlines()]
    things, nonsense, states = (line for line in listed if line.startswith(("real:", "nonsense:")))
    shared = TRAILS.replace(f"    {nonsense}\n", "").replace(states, things)
    library = parse_library(shared, "shared.yaml")
    form = library.forms[0]
    for seed in range(40):
        draw(library, form, Draw(0, unseen=False), random.Random(seed), other_letter)
    with pytest.raises(LithoError, match=r"share so many words .* add words to state, thing"):
        draw(library, form, Draw(0, unseen=True), random.Random(0), other_letter)


def test_words_kept_for_the_test_are_never_trained_on() -> None:
    form, chance = SHIPPED.forms[0], random.Random(0)
    seen = {False: set[str](), True: set[str]()}
    for unseen in seen:
        for _ in range(100):
            seen[unseen].update(draw(SHIPPED, form, Draw(0, unseen), chance, other_letter).answers)
    assert not seen[True] & seen[False]
    words = SHIPPED.words["thing"]
    assert seen[True] == set(words.pool(False, True)) | set(words.pool(True, True))
    nonsense = seen[False] & set(words.nonsense)
    assert len(nonsense) == len(words.nonsense) * 2 // 3


def test_order_of_rules_and_fillers_vary() -> None:
    library, chance = parse_library(TRAILS, "t"), random.Random(0)
    texts = [
        draw(library, library.forms[0], Draw(0, False), chance, other_letter) for _ in range(60)
    ]
    spans = [pair.contexts[0].spans for pair in texts]
    firsts = {next(s.slot for s in each if s.role == "consequent") for each in spans}
    assert firsts == {"A", "B"}
    assert {pair.contexts[0].text.count("It is late.") for pair in texts} == {0, 1}


CHANGES = {
    "no slots": (("If the {s} is {p}, the {A} wins.", "It wins."), "wordings"),
    "unknown slot": (("{s} is {p}, the", "{x} is {p}, the"), r"line 1\d: .*unknown slot {x}"),
    "valid near-miss": (("truth: [not p, not q]", "truth: [p, not q]"), "no near-miss: A follows"),
    "no list": (("A: thing", "A: thingy"), "there are no words 'thingy'"),
    "wrong truth": (("facts: [p, q]}", "facts: [q, p]}"), "A does not follow from 'q'"),
    "unknown key": (("ask: So the", "asks: So the"), "ask: is missing|asks: unknown key"),
    "true": (("[red, wet", "[yes, wet"), "YAML reads this word as true or false"),
    "same answers": (("answers: [A, B]", "answers: [A, A]"), "both answers are the same slot"),
    "open bracket": (("the {A} wins", "the {A wins"), "curly bracket"),
    "no formula": (("[p -> A", "[p ->"), "formula ends"),
    "too few words": (("[red, wet, old, cold, soft, dark]", "[red, wet]"), "but a form needs 2"),
    "not YAML": (("forms:", "forms: ["), "not valid YAML"),
    "space behind": (("ask: So the winner is the", "ask: 'So the winner is the '"), "remove yours"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_wrong_is_named_with_its_line(change: str, tmp_path: Path) -> None:
    (old, new), message = CHANGES[change]
    assert old in TRAILS
    file = tmp_path / "trails.yaml"
    file.write_text(TRAILS.replace(old, new, 1))
    with pytest.raises(LithoError, match=message) as refusal:
        read_library(file)
    assert str(file) in str(refusal.value)


def test_answers_that_never_begin_differently() -> None:
    library = parse_library(TRAILS, "t")
    with pytest.raises(LithoError, match="began with the same token"):
        draw(library, library.forms[0], Draw(0, False), random.Random(0), lambda words: False)


def test_a_library_is_kept_in_a_run_as_it_was_read() -> None:
    assert Library(**SHIPPED.model_dump(mode="json")) == SHIPPED
