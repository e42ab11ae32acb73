"""What is wrong with a library although each of its fields is of the right kind."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import product

from litho.core.lined import Fault, Place
from litho.text.trails import logic
from litho.text.trails.library import Form, Library, NearMiss, Truth, Wording

SLOT = re.compile(r"\{([^{}]*)\}")


def slots_in(template: str) -> list[str]:
    """The slots of a template in their order."""
    return SLOT.findall(template)


def faults(library: Library) -> Iterator[Fault]:
    """Each fault with its place."""
    names = [form.form for form in library.forms]
    if not library.trained():
        yield ("forms",), "all forms are held out: leave at least one to be trained"
    for number, form in enumerate(library.forms):
        place: Place = ("forms", number)
        if names.index(form.form) != number:
            yield (*place, "form"), f"there is a form {form.form!r} already"
        yield from _of_slots(library, form, place)
        for i, wording in enumerate(form.wordings):
            yield from _of_wording(form, wording, (*place, "wordings", i))
        for i, near in enumerate(form.near_misses):
            yield from _of_facts(form, near.facts, (*place, "near_misses", i, "facts"))
        if not form.held_out and not form.numbers(held_out=False):
            yield (*place, "wordings"), "all wordings are held out: leave one to be trained"
        if form.truth:
            yield from _of_truth(form, form.truth, place)
        else:
            for i, near in enumerate(form.near_misses):
                if near.truth:
                    said = "needs a truth of the form to be compared with"
                    yield (*place, "near_misses", i, "truth"), said


def _of_slots(library: Library, form: Form, place: Place) -> Iterator[Fault]:
    for slot, words in form.slots.items():
        if not slot.isidentifier():
            yield (*place, "slots", slot), f"{slot!r} is no name: write letters, such as A"
        if words not in library.words:
            known = ", ".join(library.words)
            yield (*place, "slots", slot), f"there are no words {words!r} (known: {known})"
    for i, slot in enumerate(form.answers):
        if slot not in form.slots:
            yield (*place, "answers", i), f"{slot!r} is none of the slots"
    if form.answers[0] == form.answers[1]:
        yield (*place, "answers"), "both answers are the same slot: name two"
    for name, needed in Counter(form.slots.values()).items():
        if name in library.words:
            yield from _of_words(library, name, needed)


def _of_words(library: Library, name: str, needed: int) -> Iterator[Fault]:
    """A form needs as many different words of a list as it has slots for them."""
    words = library.words[name]
    for nonsense, unseen in product((False, True), repeat=2):
        if nonsense and not words.nonsense:
            continue
        pool = set(words.pool(nonsense, unseen))
        if len(pool) < needed:
            kind = "nonsense" if nonsense else "real"
            kept = "are kept for the test" if unseen else "are trained on"
            said = f"only {len(pool)} of these words {kept}, but a form needs {needed}: add some"
            yield ("words", name, kind), said
    for kind, listed in (("real", words.real), ("nonsense", words.nonsense)):
        for i, word in enumerate(listed):
            if word != word.strip() or SLOT.search(word):
                yield ("words", name, kind, i), f"{word!r} is no word that can be filled in"


def _of_wording(form: Form, wording: Wording, place: Place) -> Iterator[Fault]:
    for i, rule in enumerate(wording.rules):
        yield from _of_template(form, rule, (*place, "rules", i))
    yield from _of_facts(form, wording.facts, (*place, "facts"))
    yield from _of_template(form, wording.ask, (*place, "ask"))
    if wording.ask != wording.ask.strip():
        yield (*place, "ask"), "Litho puts a space behind it: remove yours"
    said = [slots_in(" ".join((*wording.rules, fact))) for fact in wording.facts]
    if not any(said):
        yield place, "this wording has no slots: write them as {A}"
    for slot in form.answers:
        if not all(slot in each for each in said):
            yield place, f"the answer {{{slot}}} must stand in the rules or in both facts"


def _of_facts(form: Form, facts: tuple[str, str], place: Place) -> Iterator[Fault]:
    for i, fact in enumerate(facts):
        yield from _of_template(form, fact, (*place, i))
    if facts[0] == facts[1]:
        yield place, "both facts are the same: nothing would decide between the answers"


def _of_template(form: Form, template: str, place: Place) -> Iterator[Fault]:
    for slot in slots_in(template):
        if slot not in form.slots:
            yield place, f"unknown slot {{{slot}}} (known: {', '.join(form.slots)})"
    if set("{}") & set(SLOT.sub("", template)):
        yield place, "a curly bracket is left open"


def _of_truth(form: Form, truth: Truth, place: Place) -> Iterator[Fault]:
    """The answers follow from the facts, and from no near-miss."""
    own = (*place, "truth")
    written = [*truth.rules, *truth.never, *truth.facts, *form.answers]
    named = set[str]()
    for formula in written:
        named |= logic.names_in(formula)
        if said := _unreadable(formula):
            yield own, said
            return
    if len(named) > logic.MOST_NAMES:
        yield own, f"more than {logic.MOST_NAMES} propositions: leave some out"
        return
    for i, (fact, answer) in enumerate(zip(truth.facts, form.answers, strict=True)):
        if not logic.entails([*truth.rules, fact], answer, truth.never):
            yield (*own, "facts", i), f"{answer} does not follow from {fact!r} and the rules"
    for i, near in enumerate(form.near_misses):
        yield from _of_near(form, truth, near, named, (*place, "near_misses", i))


def _of_near(
    form: Form, truth: Truth, near: NearMiss, known: set[str], place: Place
) -> Iterator[Fault]:
    for i, (fact, answer) in enumerate(zip(near.truth or (), form.answers, strict=False)):
        where = (*place, "truth", i)
        if said := _unreadable(fact):
            yield where, said
        elif other := logic.names_in(fact) - known:
            yield where, f"{min(other)!r} is no proposition of the form"
        elif logic.entails([*truth.rules, fact], answer, truth.never):
            yield where, f"is no near-miss: {answer} follows from {fact!r} by the form's truth"


LONGEST = 200  # characters of a formula


def _unreadable(formula: str) -> str | None:
    if len(formula) > LONGEST:
        return f"a formula of more than {LONGEST} characters: shorten it"
    try:
        logic.formula(formula)
    except ValueError as error:
        return str(error)
    return None
