"""The loop of an exam: the first attempt, the answer after repair, and false alarms."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from random import Random

from litho.core.records import Record
from litho.core.stats import Estimate
from litho.measure.school.chains import named_last
from litho.measure.school.scores import BRIDGED, estimate, units
from litho.measure.school.voices import Attempted, Cast, Exchange, exchanges, objects, placed
from litho.model.loaded import LanguageModel
from litho.text.school.loops import planted
from litho.text.school.plan import Plan
from litho.text.school.questions import PRACTISED, Question


class LoopScores(Record):
    """Shares of questions over two facts.

    `gain`: repaired less first, question by question. `noticed` and `false_alarms`: wrong and right
    attempts, written by somebody else, to which the model objects; `mended`: wrong ones that it
    puts right.
    """

    n: int
    first: Estimate
    repaired: Estimate
    gain: Estimate
    noticed: Estimate
    false_alarms: Estimate
    mended: Estimate


def attempted(plan: Plan, asked: Sequence[Question], most: int) -> list[Attempted]:
    """Questions over two facts, up to so many of each kind, with attempts at them."""
    found: list[Attempted] = []
    for kind in (PRACTISED, *BRIDGED):
        for question in [each for each in asked if each.kind == kind][:most]:
            attempts = planted(plan, question.facts, Random(question.id))
            if attempts:
                found.append(Attempted(question, attempts))
    return found


def cast_of(roles: Sequence[str] | None) -> Cast:
    """The cast of a scene with four roles, in small letters, as their adapters are called."""
    return Cast(*(role.lower() for role in roles)) if roles else Cast()


def loop_scores(model: LanguageModel, items: Sequence[Attempted], cast: Cast) -> LoopScores:
    """Of one model that speaks all roles."""
    asked = [each.question for each in items]
    said = exchanges(model, [q.question for q in asked], cast, lambda _: nullcontext())
    return scored(items, said, placed(model, items, cast))


def scored(
    items: Sequence[Attempted], said: Sequence[Exchange], places: Mapping[str, list[str]]
) -> LoopScores:
    """What was said, counted."""
    asked = [each.question for each in items]
    by = units(asked)

    def share(values: Sequence[float]) -> Estimate:
        return estimate(values, by)

    first = [named_last(e.student, q) for e, q in zip(said, asked, strict=True)]
    last = [named_last(e.answer("contradiction"), q) for e, q in zip(said, asked, strict=True)]
    return LoopScores(
        n=len(items),
        first=share(first),
        repaired=share(last),
        gain=share([b - a for a, b in zip(first, last, strict=True)]),
        noticed=share([float(objects(each)) for each in places["wrong"]]),
        false_alarms=share([float(objects(each)) for each in places["right"]]),
        mended=share([named_last(e, q) for e, q in zip(places["repair"], asked, strict=True)]),
    )
