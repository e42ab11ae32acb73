"""Children of genomes: valid, different, and in their first stages as their parent."""

from collections import Counter
from pathlib import Path
from random import Random

import pytest
import yaml

from litho.core.errors import LithoError
from litho.text.school.canonical import of_world
from litho.text.school.check import faults
from litho.text.school.genome import Genome
from litho.text.school.shelf import open_shelf
from litho.text.school.variation import crossover
from litho.text.school.variation.children import child_of, same, shuffled
from litho.text.school.variation.mutations import MUTATIONS
from litho.text.school.world import World

FOLDER = Path()


@pytest.fixture(scope="module")
def canonical() -> Genome:
    world = World(3, 2, 12, 2)
    return Genome.model_validate(yaml.safe_load(yaml.safe_dump(of_world(world, 20_000))))


@pytest.mark.parametrize("name", sorted(MUTATIONS))
def test_a_mutation_changes_what_it_says_and_nothing_else(canonical: Genome, name: str) -> None:
    shelf = open_shelf(canonical, FOLDER)
    fields = {"rate": {"scenes"}, "rewire": {"crossrefs"}}.get(name, {"stages"})
    found = [MUTATIONS[name](canonical, shelf, Random(seed)) for seed in range(20)]
    changed = [
        {field for field in type(canonical).model_fields if getattr(m, field) != value(field)}
        for m in found
        if m is not None
        for value in [lambda field: getattr(canonical, field)]
    ]
    assert {frozenset(each) for each in changed} <= {frozenset(fields), frozenset()}
    assert frozenset(fields) in {frozenset(each) for each in changed}


def test_children_are_valid_new_and_the_same_again(canonical: Genome) -> None:
    family = [canonical]
    for number in range(30):
        parents = Random(number).sample(family, min(2, len(family)))
        child = child_of(parents, f"g{number}", Random(number), FOLDER)
        assert not list(faults(child.genome, FOLDER))
        assert not same(child.genome, parents)
        assert child.genome.id == f"g{number}" and child.parents[0] == parents[0].id
        assert child.changes
        assert child == child_of(parents, f"g{number}", Random(number), FOLDER)
        family.append(child.genome)
    used = {operator.partition(" ")[0] for n in range(60) for operator in _operators(family, n)}
    assert {"at_border", "order"} & used and len(used & MUTATIONS.keys()) >= 8


def _operators(family: list[Genome], number: int) -> tuple[str, ...]:
    parents = Random(f"p{number}").sample(family, 2)
    return child_of(parents, "x", Random(number), FOLDER).operators


def test_crossed_at_a_border_the_first_stages_are_those_of_the_first_parent(
    canonical: Genome,
) -> None:
    other = canonical
    for number in range(6):
        other = child_of([other], "other", Random(number), FOLDER).genome
    seen = set()
    for seed in range(20):
        child = crossover.at_border(canonical, other, Random(seed))
        assert child is not None
        kept = [a == b for a, b in zip(child.stages, canonical.stages, strict=True)]
        border = kept.index(False) if False in kept else len(kept)
        seen.add(border)
        assert child.scenes[: len(canonical.scenes)] == canonical.scenes
        assert sum(stage.share for stage in child.stages) == pytest.approx(0.9, abs=1e-6)
    assert len(seen) > 1


def test_order_crossover_keeps_every_reading() -> None:
    one, other = list("abcdefga"), list("gaafedcb")
    children = [crossover.order_crossover(one, other, Random(seed)) for seed in range(50)]
    assert all(Counter(child) == Counter(one) for child in children)
    assert any(child not in (one, other) for child in children)


def test_shuffled_is_the_same_multiset_in_another_order(canonical: Genome) -> None:
    mixed = shuffled(canonical, "mixed", Random(1), FOLDER)
    before, after = (
        [each for stage in genome.stages for each in stage.books] for genome in (canonical, mixed)
    )
    assert before != after and Counter(before) == Counter(after)
    assert not list(faults(mixed, FOLDER))


def test_a_genome_without_freedom_is_refused() -> None:
    one = Genome.model_validate(
        {
            "genome": "litho.genome/1",
            "id": "one",
            "seed": 1,
            "budget": {"tokens": 1000, "tail": 0.5},
            "library": {"minerals": {"source": "world:3:2x12x2/minerals", "sections": ["names"]}},
            "stages": [{"id": "s", "layer": "school", "share": 0.5, "books": ["minerals#names"]}],
        }
    )
    with pytest.raises(LithoError, match="nothing to recombine"):
        child_of([one], "two", Random(0), FOLDER)
