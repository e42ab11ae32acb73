"""What a voice can do in each place, and what policies of handing over make of several."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from litho.core.stats import Estimate
from litho.jobs.roles.result import Handover
from litho.measure.school.chains import named_last
from litho.measure.school.closed import answer_logps, closed_sets
from litho.measure.school.exam import fitting
from litho.measure.school.scores import by_kind, chance, credit, estimate, place, units
from litho.measure.school.voices import POLICIES, Attempted, Cast, Exchange, Policy, objects, placed
from litho.model.loaded import LanguageModel
from litho.text.school.questions import Question


def matrix_row(
    model: LanguageModel, questions: Sequence[Question], items: Sequence[Attempted], cast: Cast
) -> dict[str, Estimate]:
    """Shares of right answers by kind of question, and in each place of a scene."""
    asked = [questions[i] for i in fitting(model, questions)]
    sets = closed_sets(model, [q.context for q in asked], [q.closed for q in asked])
    said = answer_logps(model, sets)
    found = {
        kind: estimate(
            [credit(said[i], place(asked[i])) for i in numbers], units([asked[i] for i in numbers])
        )
        for kind, numbers in by_kind(asked).items()
    }
    places = placed(model, items, cast)
    bridged = [each.question for each in items]
    by = units(bridged)
    values = {
        "attempt": [named_last(s, q) for s, q in zip(places["attempt"], bridged, strict=True)],
        "noticed": [float(objects(said)) for said in places["wrong"]],
        "confirmed": [float(bool(said) and not objects(said)) for said in places["right"]],
        "repair": [named_last(s, q) for s, q in zip(places["repair"], bridged, strict=True)],
    }
    return found | {test: estimate(some, by) for test, some in values.items()}


@dataclass(frozen=True)
class Tried:
    """Right answers under each policy, question by question."""

    right: dict[Policy, list[float]]
    by: list[str]
    handovers: dict[Policy, Handover]

    def less(self, other: "Tried", policy: Policy) -> Estimate:
        """Right answers less those of others to the same questions."""
        pairs = zip(self.right[policy], other.right[policy], strict=True)
        return estimate([a - b for a, b in pairs], self.by)

    def chance(self, questions: Sequence[Question]) -> dict[str, float | None]:
        """What a guess gets, by kind of question."""
        return {
            kind: chance([questions[i] for i in some]) for kind, some in by_kind(questions).items()
        }


def tried(asked: Sequence[Question], said: Sequence[Exchange]) -> Tried:
    """What each policy makes of what was said."""
    by = units(asked)
    right = {
        policy: [named_last(e.answer(policy), q) for e, q in zip(said, asked, strict=True)]
        for policy in POLICIES
    }
    handovers: dict[Policy, Handover] = {}
    for policy in POLICIES:
        whole = estimate(right[policy], by)
        gains = [a - b for a, b in zip(right[policy], right["alone"], strict=True)]
        handed = [float(e.last_word(policy) != "student") for e in said]
        handovers[policy] = Handover(
            value=whole.value,
            ci=whole.ci,
            gain=estimate(gains, by),
            handed=estimate(handed, by),
        )
    return Tried(right, by, handovers)


def words(
    asked: Sequence[Question], said: Sequence[Exchange], voices: str
) -> Iterator[dict[str, Any]]:
    """A row a question: what each voice said, and who had the last word by which policy."""
    for question, each in zip(asked, said, strict=True):
        yield {
            "voices": voices,
            "id": question.id,
            "kind": question.kind,
            "question": question.question,
            "right": question.answer,
            **each.model_dump(),
            **{f"last_word_{policy}": each.last_word(policy) for policy in POLICIES},
            **{f"right_{p}": bool(named_last(each.answer(p), question)) for p in POLICIES},
        }
