"""Searches among sequences: operators, races, the filter, and that selection finds what helps."""

from collections import Counter
from collections.abc import Callable
from itertools import product
from random import Random

import pytest

from litho.core.errors import LithoError
from litho.jobs.arrange.config import ArrangePlan
from litho.jobs.arrange.halves import Halves, rise
from litho.jobs.arrange.result import Rise
from litho.jobs.arrange.search import (
    Individual,
    Search,
    Trial,
    best,
    evolution,
    random_search,
)
from litho.jobs.arrange.variation import (
    MUTATIONS,
    Genome,
    as_given,
    by_chance,
    child_of,
    crossed,
    shuffled,
)
from litho.text.items import Question
from tests.jobs.searches import play

DOCUMENTS = ["a", "b", "c", "d"]
GIVEN = as_given(DOCUMENTS, 10)


def plan(**changes: object) -> ArrangePlan:
    return ArrangePlan(**({"texts": "t", "probes": "p", "steps": 10} | changes))


def share_of_b(genome: Genome) -> float:
    return genome.count("b") / len(genome)


def played(
    search: Search, value: Callable[[Genome], float] = share_of_b
) -> tuple[list[Trial], list[Individual]]:
    """A made-up world in which a sequence is worth its `value`, and seeds matter a little."""

    def tell(trial: Trial) -> Rise:
        told = value(trial.genome) + 0.001 * trial.seed
        return Rise(mean=told, worst=told)

    return play(search, tell)


def nothing(genome: Genome) -> float:
    return 0.0


def test_documents_as_they_are_given_fill_the_steps() -> None:
    assert "".join(GIVEN) == "abcdabcdab"


def test_operators_change_what_they_say() -> None:
    draw = Random(0)
    for _ in range(200):
        for name in ("swap", "move"):
            made = list(GIVEN)
            MUTATIONS[name](made, DOCUMENTS, draw)
            assert Counter(made) == Counter(GIVEN)
        made = list(GIVEN)
        MUTATIONS["amount"](made, DOCUMENTS, draw)
        assert sum(a != b for a, b in zip(made, GIVEN, strict=True)) == 1
        assert Counter(shuffled(GIVEN, draw)) == Counter(GIVEN)
        other = by_chance(DOCUMENTS, 10, draw)
        assert Counter(crossed(GIVEN, other, draw)) == Counter(GIVEN)
        genome, operators = child_of([GIVEN, other], DOCUMENTS, draw)
        assert len(genome) == 10 and set(genome) <= set(DOCUMENTS) and operators
    # A document may be read no more.
    assert child_of([("a",) * 4], ["a", "b"], draw)[1]


def test_a_search_takes_as_many_trainings_as_it_says() -> None:
    config = plan(generations=3, size=6, rungs=(1, 2))
    for search in (evolution(config, DOCUMENTS, nothing, False), random_search(config, DOCUMENTS)):
        asked, known = played(search)
        assert len(asked) == 24 and len(known) == 18
        assert len({(trial.genome, trial.seed) for trial in asked}) == len(asked)
        assert len({each.child.genome for each in known}) == len(known)  # none is tried again
        assert sorted(len(each.told) for each in known) == [1] * 12 + [2] * 6
    first = played(evolution(config, DOCUMENTS, nothing, False))[1][0]
    assert first.child.genome == GIVEN and first.child.parents == ()


def test_a_search_asks_for_the_same_again() -> None:
    config = plan(generations=2)
    for number in range(2):

        def search(config: ArrangePlan, number: int = number) -> Search:
            if number:
                return random_search(config, DOCUMENTS)
            return evolution(config, DOCUMENTS, share_of_b, False)

        assert played(search(config)) == played(search(config))
        other = config.model_copy(update={"seed": 1})
        assert played(search(config)) != played(search(other))


def test_selection_finds_what_is_better_and_chance_alone_does_not() -> None:
    config = plan(generations=6, rungs=(1,))
    known = played(evolution(config, DOCUMENTS, nothing, False))[1]
    blind = played(evolution(config, DOCUMENTS, nothing, False), nothing)[1]
    reached = share_of_b(best(known, 1)[0].child.genome)
    assert reached >= 0.6 > share_of_b(GIVEN)
    assert reached > max(share_of_b(each.child.genome) for each in blind)


def test_a_filter_that_knows_is_worth_trainings() -> None:
    config = plan(generations=2, rungs=(1,))
    knowing = played(evolution(config, DOCUMENTS, share_of_b, False))[1]
    not_knowing = played(evolution(config, DOCUMENTS, nothing, False))[1]
    assert best(knowing, 1)[0].rise.mean > best(not_knowing, 1)[0].rise.mean


def test_few_sequences_are_all_tried_once() -> None:
    config = plan(steps=3, generations=2, size=6, rungs=(1,))
    asked, known = played(evolution(config, ["a", "b"], nothing, True))
    assert sorted(each.child.genome for each in known) == sorted(product("ab", repeat=3))
    assert len(asked) == 8
    # A search that is not told so finds no more than there are.
    asked, known = played(random_search(plan(steps=2, generations=4), ["a", "b"]))
    assert len(known) == 4 and {each.child.genome for each in known} == set(product("ab", repeat=2))


def asked(count: int, *groups: str) -> list[Question]:
    return [
        Question(
            id=str(i), prefix="p", target="t", group=groups[i % len(groups)] if groups else None
        )
        for i in range(count)
    ]


@pytest.mark.parametrize("count", [6, 9, 12])
def test_each_group_of_probes_is_divided(count: int) -> None:
    probes = asked(count, "clock", "goat", "lamps")
    halves = Halves.of(probes, 0)
    assert len(halves.kept) - len(halves.searched) in (0, 1)
    for group in ("clock", "goat", "lamps"):
        there = [sum(probes[i].group == group for i in half) for half in vars(halves).values()]
        assert abs(there[0] - there[1]) <= 1


def test_probes_are_divided_once_by_seed() -> None:
    halves = Halves.of(asked(9), 0)
    assert len(halves.searched) == 4 and len(halves.kept) == 5
    assert sorted(halves.searched + halves.kept) == list(range(9))
    assert halves == Halves.of(asked(9), 0) and halves != Halves.of(asked(9), 1)
    with pytest.raises(LithoError, match=r"3 probes cannot be divided .* give 4 or more"):
        Halves.of(asked(3), 0)
    assert rise([1.0, -2.0, 3.0], [1, 2]) == Rise(mean=0.5, worst=-2.0)
