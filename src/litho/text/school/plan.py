"""What may be practised: which bridges gaps close, which facts they hide, what tests keep."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice, zip_longest

from litho.text.school.chance import chance
from litho.text.school.genome import Genome, Stage, read_of
from litho.text.school.sciences import Relation
from litho.text.school.shelf import Shelf
from litho.text.school.world import Bridge, Fact, World

KEPT = 4  # every fourth chain is kept for the test of new questions
Chain = tuple[Fact, Fact]


@dataclass(frozen=True)
class Item:
    """Something to practise: one fact, or two over a bridge."""

    facts: tuple[Fact, ...]
    bridge: Bridge | None = None


@dataclass(frozen=True)
class Plan:
    """A genome's gaps, in terms of its world."""

    world: World
    places: dict[str, str]  # `book#section` of each relation
    told: frozenset[tuple[str, str]]  # science and section of all that the library holds
    hidden: frozenset[str]  # ids of facts that are in no practice and no scene
    closed: frozenset[frozenset[str]]  # pairs of sections over which nothing is practised

    @classmethod
    def of(cls, genome: Genome, shelf: Shelf) -> "Plan | None":
        """None where no book is of a world."""
        world = shelf.world
        if world is None:
            return None
        books = shelf.of_world()
        told = {(book.science.name, each) for book in books.values() for each in book.sections}
        places = {
            relation.name: f"{name}#{section}"
            for name, book in books.items()
            for section in book.sections
            if (relation := book.relation(section))
        }
        at = {place: name for name, place in places.items()}
        hidden = frozenset(
            fact.id
            for gap in genome.gaps
            if gap.level == "L3"
            for place in gap.between
            if place in at
            for fact in world.facts(world.relation(at[place]))
            if fact.subject in world.reserved
        )
        closed = frozenset(
            frozenset(gap.between)
            for gap in genome.gaps
            if gap.level == "L2" or gap.bridge == "never"
        )
        return cls(world, places, frozenset(told), hidden, closed)

    def tells(self, section: str, science: str | None = None) -> bool:
        """Whether the library holds such a section, of any science or of one."""
        return any(each == section and science in (None, name) for name, each in self.told)

    def bridges(self) -> list[Bridge]:
        """Those between sections of the library."""
        known = self.places
        return [b for b in self.world.bridges() if b.first.name in known and b.second.name in known]

    def between(self, first: str, second: str) -> list[Bridge]:
        """The bridge from one section to another, if there is one."""
        known = self.places
        return [
            bridge
            for bridge in self.bridges()
            if (known[bridge.first.name], known[bridge.second.name]) == (first, second)
        ]

    def ends(self, bridge: Bridge) -> frozenset[str]:
        return frozenset((self.places[bridge.first.name], self.places[bridge.second.name]))

    def is_hidden(self, facts: Sequence[Fact]) -> bool:
        """Whether all of the facts are."""
        return all(fact.id in self.hidden for fact in facts)

    def is_free(self, facts: Sequence[Fact]) -> bool:
        """Whether none of the facts is hidden."""
        return not any(fact.id in self.hidden for fact in facts)

    def free_chains(self, bridge: Bridge) -> tuple[list[Chain], list[Chain]]:
        """Chains without hidden facts: those that may be practised, and those kept for tests."""
        free = [chain for chain in self.world.chains(bridge) if self.is_free(chain)]
        chance(self.world.seed, "kept", bridge.first.name, bridge.second.name).shuffle(free)
        kept = max(1, len(free) // KEPT)
        return free[kept:], free[:kept]

    def free_facts(self, relation: Relation) -> list[Fact]:
        return [fact for fact in self.world.firm(relation) if self.is_free((fact,))]

    def reports(self, relation: Relation) -> tuple[list[Fact], list[Fact]]:
        """Facts with a later report: those that scenes resolve, and those kept for tests."""
        told = [
            f for f in self.world.facts(relation) if (f.relation, f.subject) in self.world.later
        ]
        order = sorted(told, key=lambda fact: (self.world.disputed(fact), fact.subject))
        return order[::2], order[1::2]

    def unsaid(self, relation: Relation) -> tuple[list[Fact], list[Fact]]:
        """What no book says: of which scenes say so, and of which tests ask."""
        missing = sorted(s for name, s in self.world.unsaid if name == relation.name)
        facts = [self.world.fact(relation, subject) for subject in missing]
        return facts[::2], facts[1::2]


def sections_read(stage: Stage, shelf: Shelf) -> list[tuple[str, str]]:
    """Book and section of each reading of one pass, without repeats, in their order."""
    found: dict[tuple[str, str], None] = {}
    for written in stage.books:
        read = read_of(written)
        for section in shelf.sections_of(read):
            found[read.book, section] = None
    return list(found)


def practised(plan: Plan, stage: Stage, shelf: Shelf) -> list[Item]:
    """What a stage practises in one pass, evenly over bridges or relations, some of it again."""
    if stage.practice is None:
        return []
    here = {f"{book}#{section}" for book, section in sections_read(stage, shelf)}
    relations = [plan.world.relation(name) for name, place in plan.places.items() if place in here]
    rows = list(_rows(plan, stage, relations))
    for number, row in enumerate(rows):
        chance(plan.world.seed, "practice", stage.id, number).shuffle(row)
    mixed = [item for group in zip_longest(*rows) for item in group if item]
    facts = sum(len(plan.world.facts(relation)) for relation in relations)
    return list(islice(cycle(mixed), round(stage.practice.per_fact * facts)))


def _rows(plan: Plan, stage: Stage, relations: list[Relation]) -> Iterator[list[Item]]:
    assert stage.practice
    if stage.practice.hops == 1:
        for relation in relations:
            asked = plan.world.firm if stage.practice.hidden_facts else plan.free_facts
            yield [Item((fact,)) for fact in asked(relation)]
        return
    names = {relation.name for relation in relations}
    for bridge in plan.bridges():
        if (
            {bridge.first.name, bridge.second.name} <= names
            and bridge.inside == stage.practice.within_book
            and plan.ends(bridge) not in plan.closed
        ):
            yield [Item(chain, bridge) for chain in plan.free_chains(bridge)[0]]
