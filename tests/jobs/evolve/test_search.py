"""Searches: the budget of runs, the race, what repeats, and that selection finds what is better."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from litho.jobs.evolve.archive import elites, order_entropy, scene_share
from litho.jobs.evolve.config import EvolveConfig
from litho.jobs.evolve.fitness import Fitness, dominates, fitness_of, ranked
from litho.jobs.evolve.race import gains, on_rungs
from litho.jobs.evolve.search import Individual, Search, Trial, best, evolution, random_search
from litho.text.school.canonical import of_world
from litho.text.school.genome import Genome
from litho.text.school.variation.children import Child, same
from litho.text.school.world import World
from tests.jobs.searches import play

FOLDER = Path()


@pytest.fixture(scope="module")
def genome() -> Genome:
    return Genome.model_validate(
        yaml.safe_load(yaml.safe_dump(of_world(World(3, 2, 12, 2), 20_000)))
    )


def of_value(value: float) -> Fitness:
    return Fitness(bridging=value, paraphrase=0.5, memorised=0.5, unknown=0.5)


def scenes_help(trial: Trial) -> Fitness:
    """A made-up world in which scenes are all that counts, and seeds matter a little."""
    return of_value(scene_share(trial.genome) + 0.001 * (trial.seed % 3))


def played(
    search: Search, tell: Callable[[Trial], Fitness] = scenes_help
) -> tuple[list[Trial], list[Individual]]:
    return play(search, tell)


def test_a_race_takes_as_many_runs_as_it_says(genome: Genome) -> None:
    config = EvolveConfig()
    assert on_rungs(config.size, config.rungs) == (9, 3, 1) and config.runs == 63
    for search in (evolution, random_search):
        asked, known = played(search(genome, config, FOLDER))
        assert len(asked) == 63 and len(known) == 27
        assert sorted(len(each.told) for each in known) == [1] * 18 + [3] * 6 + [9] * 3


def test_no_child_has_the_id_of_what_was_given(genome: Genome) -> None:
    for search, name in ((evolution, "g0-1"), (random_search, "r0-1")):
        given = genome.model_copy(update={"id": name})
        _, known = played(search(given, EvolveConfig(generations=1), FOLDER))
        ids = [each.child.id for each in known]
        assert len(set(ids)) == len(ids) and ids.count(name) == (search is evolution)


def test_an_operator_is_worth_what_its_children_are_above_their_first_parents(
    genome: Genome,
) -> None:
    def born(
        name: str, parents: tuple[str, ...], operators: tuple[str, ...], *told: float
    ) -> Individual:
        child = Child(genome.model_copy(update={"id": name}), parents, operators, ())
        return Individual(child, 0, {seed: of_value(value) for seed, value in enumerate(told)})

    known = [
        born("given", (), ("given",), 0.2, 0.9),
        born("a", ("given",), ("swap primer",), 0.5),
        born("b", ("a", "given"), ("cross", "swap school"), 0.1, 0.9),
    ]
    found = gains(known, lambda told: told.bridging)
    assert [*found] == ["cross", "swap"]
    assert found["cross"].value == pytest.approx(-0.4) and found["cross"].n == 1
    assert found["swap"].value == pytest.approx((0.3 - 0.4) / 2) and found["swap"].n == 2


def test_the_given_genome_comes_first_and_no_run_is_asked_for_twice(genome: Genome) -> None:
    asked, known = played(evolution(genome, EvolveConfig(generations=2), FOLDER))
    assert known[0].child.genome == genome and known[0].child.parents == ()
    assert all(each.child.parents for each in known[1:])
    assert len({(trial.genome.id, trial.seed) for trial in asked}) == len(asked)
    assert not any(same(each.child.genome, [genome]) for each in known[1:])


def test_a_search_asks_for_the_same_again(genome: Genome) -> None:
    config = EvolveConfig(generations=2, size=4, rungs=(1, 2))
    for search in (evolution, random_search):
        assert played(search(genome, config, FOLDER)) == played(search(genome, config, FOLDER))
    other = config.model_copy(update={"seed": 1})
    assert played(evolution(genome, config, FOLDER)) != played(evolution(genome, other, FOLDER))


def test_selection_finds_what_is_better_and_chance_alone_does_not(genome: Genome) -> None:
    config = EvolveConfig(generations=8, size=9, rungs=(1,))
    _, known = played(evolution(genome, config, FOLDER))
    _, blind = played(evolution(genome, config, FOLDER), lambda trial: of_value(0.0))
    reached = scene_share(best(known, 1)[0].child.genome)
    assert reached > 1.3 * scene_share(genome)
    assert reached > max(scene_share(each.child.genome) for each in blind)


def test_the_best_are_those_that_were_tried_most(genome: Genome) -> None:
    _, known = played(evolution(genome, EvolveConfig(generations=1), FOLDER))
    lucky = min(known, key=lambda each: len(each.told))
    lucky.told[0] = of_value(9.0)
    assert len(best(known, 1)[0].told) == 9


def test_fronts_are_those_of_the_definition() -> None:
    found = [
        Fitness(bridging=a, paraphrase=b, memorised=0, unknown=0)
        for a, b in ((0.1, 0.9), (0.9, 0.1), (0.5, 0.5), (0.4, 0.4), (0.4, 0.5), (0.0, 0.0))
    ]
    assert ranked(found) == [1, 2, 0, 4, 3, 5]
    assert dominates(found[2], found[3]) and not dominates(found[2], found[2])


def test_fitness_takes_the_better_of_silent_and_aloud_less_the_best_shortcut() -> None:
    tests = {
        "two_hop_L3": {
            "accuracy": {"value": 0.2},
            "spoken": {"accuracy": {"value": 0.7}},
        },
        "paraphrase": {"accuracy": {"value": 0.6}},
        "memorised": {"accuracy": {"value": 0.8}},
        "unknown": {"accuracy": {"value": None}},
    }
    shortcuts = {"prior": {"two_hop_L3": {"value": 0.1}}, "first": {"two_hop_L3": {"value": 0.3}}}
    found = fitness_of(tests, shortcuts)
    assert found.bridging == pytest.approx(0.4)
    assert (found.paraphrase, found.memorised, found.unknown) == (0.6, 0.8, 0.0)


def test_traits_of_orders_and_elites(genome: Genome) -> None:
    def with_order(*books: str) -> Genome:
        stage = genome.stages[0].model_copy(update={"books": books, "scenes": ()})
        return genome.model_copy(update={"stages": (stage,), "scenes": ()})

    whole = with_order("minerals#names", "minerals#colours", "plants#names", "plants#soils")
    turns = with_order("minerals#names", "plants#names", "plants#soils", "minerals#colours")
    assert order_entropy(with_order(*["minerals#names", "plants#names"] * 5)) == 0
    assert order_entropy(whole) == pytest.approx(2 / 3)  # behind minerals either, once each
    assert order_entropy(turns) > order_entropy(whole) - 1
    assert scene_share(whole) == 0 < scene_share(genome)
    played = genome.stages[-1].model_copy(update={"share": 0.9})
    lively = genome.model_copy(update={"stages": (played,)})
    assert elites([whole, lively, whole]) == [whole, lively]
