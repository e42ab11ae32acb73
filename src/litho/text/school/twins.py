"""Twins: genomes of them, and the counterfactual one, with another answer to every question."""

from graphlib import TopologicalSorter
from random import Random

from litho.core.errors import LithoError
from litho.text.school.genome import Genome
from litho.text.school.sciences import Relation, types
from litho.text.school.world import TWINS, World


def twin_genome(genome: Genome, twin: str) -> Genome:
    """The same education in a twin of its world, without gates, which a twin need not reach.

    Raises LithoError if the genome has no world, or is one of a twin.
    """
    library = {}
    for name, book in genome.library.items():
        source = book.source
        if source.startswith("world:"):
            head, _, science = source.rpartition("/")
            if head.rpartition(":")[2] in TWINS:
                raise LithoError(f"library.{name}: {source} is a twin already")
            source = f"{head}:{twin}/{science}"
        library[name] = book.model_copy(update={"source": source})
    if library == genome.library:
        raise LithoError(f"{genome.id} has no books of a world, of which there would be twins")
    stages = tuple(stage.model_copy(update={"gate": None}) for stage in genome.stages)
    changes = {"id": f"{genome.id}-{twin}", "library": library, "stages": stages, "tests": None}
    return genome.model_copy(update=changes)


def make_counterfactual(world: World, chance: Random) -> None:
    """Permute what relates to what, so that no fact and no chain ends where it did."""
    bridges = world.bridges()
    onward = {
        first.name: [b.second for b in bridges if b.first == first] for first in world.relations()
    }
    before = {name: dict(pairs) for name, pairs in world.objects.items()}
    # A chain's end is settled before its beginning is, so that the beginning can mind it.
    order = TopologicalSorter({name: [r.name for r in after] for name, after in onward.items()})
    for name in order.static_order():
        world.objects[name] = _permuted(world, before, onward, name, chance)
    rotated: dict[str, str] = {}
    for each in types().values():
        turned = [*each.kinds[1:], *each.kinds[:1]]
        rotated |= {
            kind: world.rules[other] for kind, other in zip(each.kinds, turned, strict=True)
        }
    seasons = list(world.things["season"])
    usual, world.rules = world.rules, rotated
    for thing, season in world.exceptions.items():
        kind = world.kinds[thing]
        free = [each for each in seasons if each not in (season, usual[kind], rotated[kind])]
        world.exceptions[thing] = chance.choice(free)
    world.hardness = world.hardness[::-1]
    for (relation, subject), said in world.later.items():
        found = world.objects[relation][subject]
        if said == before[relation][subject]:  # the later survey confirms
            world.later[relation, subject] = found
        else:
            others = world.things[world.relation(relation).object]
            free = [each for each in others if each not in (said, found, subject)]
            world.later[relation, subject] = chance.choice(free)
    large, small, ratio = world.units
    world.units = (large, small, ratio + 1)


def _permuted(
    world: World,
    before: dict[str, dict[str, str]],
    onward: dict[str, list[Relation]],
    name: str,
    chance: Random,
) -> dict[str, str]:
    """The objects of a relation in another order; swaps mend what would end where it did."""
    old = before[name]

    def wrong(subject: str, found: str) -> bool:
        return found in (old[subject], subject) or any(
            world.objects[second.name][found] == before[second.name][old[subject]]
            for second in onward[name]
        )

    subjects, found = list(old), list(old.values())
    chance.shuffle(found)
    for _ in range(1000 * len(subjects)):
        bad = [i for i, subject in enumerate(subjects) if wrong(subject, found[i])]
        if not bad:
            return dict(zip(subjects, found, strict=True))
        one, other = chance.choice(bad), chance.randrange(len(found))
        found[one], found[other] = found[other], found[one]
    raise AssertionError(f"no counterfactual {name} in world {world.seed}")
