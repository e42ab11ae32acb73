"""Invented worlds: who relates to what, which rules hold, and what no book says.

A world is a typed functional graph. Each relation gives every thing of its science one object, so
that a question has one right answer. Where the objects of one relation are the subjects of
another, two books can be bridged, and all bridges are known.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from random import Random

from litho.core.errors import LithoError
from litho.text.school.chance import chance
from litho.text.school.names import stems
from litho.text.school.sciences import Relation, Science, sciences, types

SCIENCES, ENTITIES, RELATIONS = 6, 64, 2
HUES = SEASONS = 12
RESERVED = 0.2  # share of chains whose facts a gap at level L3 hides
UNSAID, CONTRADICTED = 0.06, 0.05
EXCEPTIONS, EXAMPLES, GIVEN = 0.1, 0.3, 0.7
TWINS = ("", "fluent", "counterfactual")


@dataclass(frozen=True)
class Fact:
    """That a subject has this object; `id` is the same in every text that says so."""

    id: str
    relation: str  # of the sciences, or kind, alias, rule, order, weight, small_weight, calendar
    subject: str
    object: str


@dataclass(frozen=True)
class Bridge:
    """Two relations, the second of which begins where the first ends."""

    first: Relation
    second: Relation

    @property
    def inside(self) -> bool:
        """Whether one book holds both."""
        return self.first.science == self.second.science


@dataclass
class World:
    """A world by its seed. Raises LithoError where a number is out of range.

    `entities`: things of each of the six large types. `twin`: `fluent`, whose texts give a fact
    another object at every mention, or `counterfactual`, in which every answer is another.
    """

    seed: int
    science_count: int = SCIENCES
    entity_count: int = ENTITIES
    relation_count: int = RELATIONS
    twin: str = ""
    sciences: tuple[Science, ...] = field(init=False)
    things: dict[str, tuple[str, ...]] = field(init=False)  # by type, the most frequent first
    type_of: dict[str, str] = field(init=False)
    objects: dict[str, dict[str, str]] = field(init=False)  # by relation and subject
    reserved: frozenset[str] = field(init=False)  # subjects of facts that an L3 gap hides
    unsaid: frozenset[tuple[str, str]] = field(init=False)  # relation and subject
    later: dict[tuple[str, str], str] = field(init=False)  # what the later survey says
    kinds: dict[str, str] = field(init=False)
    aliases: dict[str, str] = field(init=False)
    rules: dict[str, str] = field(init=False)  # the season of each kind
    exceptions: dict[str, str] = field(init=False)
    examples: frozenset[str] = field(init=False)  # things whose season the books tell
    hardness: tuple[str, ...] = field(init=False)  # minerals, the hardest first
    units: tuple[str, str, int] = field(init=False)  # large, small, small ones in a large one
    weights: dict[str, int] = field(init=False)  # of minerals, in large units
    calendar: dict[str, str] = field(init=False)  # hue to season
    given: frozenset[str] = field(init=False)  # minerals of which weight and season are told

    def __post_init__(self) -> None:
        self._check()
        everything = sciences()[: self.science_count]
        self.sciences = tuple(
            each.model_copy(update={"relations": each.relations[: self.relation_count]})
            for each in everything
        )
        self._name(self._chance("names"))
        self._relate()
        self._reserve()
        self._leave_out(self._chance("unsaid"))
        self._sort(self._chance("kinds"))
        self._measure(self._chance("measures"))
        self._report(self._chance("reports"))
        if self.twin == "counterfactual":
            from litho.text.school.twins import make_counterfactual

            make_counterfactual(self, self._chance("twin"))

    def _check(self) -> None:
        for name, value, low, high in (
            ("sciences", self.science_count, 2, len(sciences())),
            ("entities", self.entity_count, 12, 100),
            ("relations", self.relation_count, 1, 2),
        ):
            if not low <= value <= high:
                raise LithoError(f"a world has {low} to {high} {name}, not {value}")
        if self.twin not in TWINS:
            raise LithoError(f"there is no twin {self.twin!r}: fluent or counterfactual")

    def _chance(self, *what: str | int) -> Random:
        return chance(self.seed, "world", *what)

    @property
    def source(self) -> str:
        """How a genome names this world."""
        size = f"{self.science_count}x{self.entity_count}x{self.relation_count}"
        return f"world:{self.seed}:{size}" + (f":{self.twin}" if self.twin else "")

    def relations(self) -> list[Relation]:
        return [relation for science in self.sciences for relation in science.relations]

    def relation(self, name: str) -> Relation:
        return next(each for each in self.relations() if each.name == name)

    def bridges(self) -> list[Bridge]:
        """All pairs of different relations that can be bridged."""
        every = self.relations()
        return [
            Bridge(first, second)
            for first in every
            for second in every
            if first.object == second.subject and first != second
        ]

    def fact(self, relation: Relation, subject: str) -> Fact:
        """What holds, whether a book says so or not."""
        found = self.objects[relation.name][subject]
        return Fact(f"{relation.name}:{subject}", relation.name, subject, found)

    def facts(self, relation: Relation) -> list[Fact]:
        """Those that books say, the most frequent subject first."""
        told = (s for s in self.things[relation.subject] if (relation.name, s) not in self.unsaid)
        return [self.fact(relation, subject) for subject in told]

    def disputed(self, fact: Fact) -> bool:
        """Whether the later survey says something else."""
        return self.later.get((fact.relation, fact.subject), fact.object) != fact.object

    def firm(self, relation: Relation) -> list[Fact]:
        """Facts that are said and not contradicted."""
        return [fact for fact in self.facts(relation) if not self.disputed(fact)]

    def chains(self, bridge: Bridge) -> Iterator[tuple[Fact, Fact]]:
        """Pairs of firm facts, the second about the object of the first."""
        second = {fact.subject: fact for fact in self.firm(bridge.second)}
        for fact in self.firm(bridge.first):
            if fact.object in second:
                yield fact, second[fact.object]

    def named(self, thing: str) -> tuple[str, str]:
        """Name and article, as `filled` takes them."""
        kind = self.type_of.get(thing)
        return thing, types()[kind].article if kind else ""

    def season_of(self, thing: str) -> str:
        """In which season the rule of its science, or an exception, puts a thing."""
        return self.exceptions.get(thing) or self.rules[self.kinds[thing]]

    def _name(self, chance: Random) -> None:
        free = iter(stems(chance))
        self.things, self.aliases = {}, {}
        for name, each in types().items():
            count = self.entity_count if each.kinds else min(HUES, self.entity_count)
            self.things[name] = tuple(stem + each.suffix for stem in islice(free, count))
            for thing in self.things[name][:: 5 if each.kinds else count + 1]:
                self.aliases[thing] = next(free) + each.suffix
        self.aliases = {t: a for t, a in self.aliases.items() if types()[self._type(t)].kinds}
        self.type_of = {thing: name for name, group in self.things.items() for thing in group}
        self.units = (next(free) + "el", next(free) + "ock", chance.choice((3, 4, 6)))

    def _type(self, thing: str) -> str:
        return next(name for name, group in self.things.items() if thing in group)

    def _relate(self) -> None:
        self.objects = {}
        for relation in self.relations():
            draw = self._chance("relation", relation.name)
            subjects = list(self.things[relation.subject])
            draw.shuffle(subjects)
            if relation.object == relation.subject:  # one ring: nothing relates to itself or back
                pairs = zip(subjects, subjects[1:] + subjects[:1], strict=True)
            else:
                found = list(self.things[relation.object])
                draw.shuffle(found)
                pairs = zip(subjects, cycle(found), strict=False)
            self.objects[relation.name] = dict(pairs)

    def _reserve(self) -> None:
        """Chains whole: what leads to a reserved thing, or is led to by one, is reserved, too."""
        reserved: set[str] = set()
        for science in self.sciences:
            about = set(self.things[science.about])
            leading = {s for r in science.relations for s, o in self._leads(r) if o in reserved}
            led = {o for r in self.relations() for s, o in self._leads(r) if s in reserved}
            some = (leading & about) or (led & about)
            reserved |= some or set(self._some(self.things[science.about], "reserved"))
        self.reserved = frozenset(reserved)

    def _leads(self, relation: Relation) -> Iterable[tuple[str, str]]:
        """Subjects and objects of a relation between two types."""
        return self.objects[relation.name].items() if relation.object != relation.subject else ()

    def _some(self, group: Sequence[str], *what: str) -> list[str]:
        return self._chance(*what).sample(list(group), max(2, round(RESERVED * len(group))))

    def _leave_out(self, chance: Random) -> None:
        unsaid: set[tuple[str, str]] = set()
        for relation in self.relations():
            free = [thing for thing in self.things[relation.subject] if thing not in self.reserved]
            count = max(2, round(UNSAID * len(free)))
            unsaid.update((relation.name, thing) for thing in chance.sample(free, count))
        self.unsaid = frozenset(unsaid)

    def _report(self, chance: Random) -> None:
        """The later survey: as many facts that it confirms as facts that it corrects."""
        self.later = {}
        for relation in self.relations():
            every = self.facts(relation)
            told = [fact for fact in every if fact.subject not in self.reserved]
            count = max(2, round(CONTRADICTED * len(every)))  # for scenes and for tests
            for number, fact in enumerate(chance.sample(told, 2 * count)):
                others = [
                    o for o in self.things[relation.object] if o not in (fact.object, fact.subject)
                ]
                later = chance.choice(others)
                self.later[relation.name, fact.subject] = later if number < count else fact.object

    def _sort(self, chance: Random) -> None:
        self.kinds, self.rules, self.exceptions = {}, {}, {}
        examples: set[str] = set()
        for name, each in types().items():
            if not each.kinds:
                continue
            things = list(self.things[name])
            chance.shuffle(things)
            self.kinds.update(zip(things, cycle(each.kinds), strict=False))
            seasons = chance.sample(self.things["season"], min(SEASONS, len(each.kinds)))
            self.rules.update(zip(each.kinds, seasons, strict=True))
            for thing in chance.sample(things, max(1, round(EXCEPTIONS * len(things)))):
                kept = self.rules[self.kinds[thing]]
                self.exceptions[thing] = chance.choice(
                    [s for s in self.things["season"] if s != kept]
                )
            usual = [thing for thing in things if thing not in self.exceptions]
            examples.update(chance.sample(usual, round(EXAMPLES * len(usual))))
        self.examples = frozenset(examples)

    def _measure(self, chance: Random) -> None:
        minerals = list(self.things["mineral"])
        chance.shuffle(minerals)
        self.hardness = tuple(minerals)
        self.weights = {mineral: chance.randint(2, 12) for mineral in minerals}
        seasons = chance.sample(self.things["season"], len(self.things["hue"]))
        self.calendar = dict(zip(self.things["hue"], seasons, strict=True))
        self.given = frozenset(chance.sample(minerals, round(GIVEN * len(minerals))))
