"""Questions of an exam: one right answer each, among candidates of which each is as often right."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from litho.core.records import Record
from litho.text.school.chance import chance
from litho.text.school.pages import CALENDAR, HARDNESS, RULES, SURVEYS, WEIGHTS
from litho.text.school.plan import Plan
from litho.text.school.sciences import Relation, filled
from litho.text.school.speech import NOBODY_KNOWS, Speech, lower, number
from litho.text.school.world import Bridge, Fact, World

PRACTISED = "two_hop_practised"  # a kind that no exam asks
CANDIDATES = 12  # 8 to 20, or as many as a type has
KINDS = (
    "memorised", "paraphrase", "rule", "two_hop_book", "two_hop_L1", "two_hop_L2", "two_hop_L3",
    "contradiction", "transfer", "unknown", "fluency",
)  # fmt: skip


class Question(Record):
    """What is asked, and what is right.

    A model reads question and lead, separated by a space, and goes on, after a space, with one of
    the candidates. The question is empty where a sentence is to be completed, the lead where the
    candidates are whole sentences.
    """

    id: str
    kind: str
    question: str
    lead: str
    answer: str
    candidates: tuple[str, ...]
    facts: tuple[str, ...]  # that lead to the answer
    sections: tuple[str, ...]  # where these are told, of relations
    twin: str | None = None  # the answer that holds in the counterfactual twin
    stop: str = "."  # ends each candidate, so that none is the beginning of another

    @property
    def context(self) -> str:
        """What a model reads before it goes on."""
        return " ".join(filter(None, (self.question, self.lead)))

    @property
    def closed(self) -> tuple[str, ...]:
        """The candidates as they are read."""
        return tuple(each.removesuffix(self.stop) + self.stop for each in self.candidates)


@dataclass
class _Asker:
    """Asks what the library of a world tells; `other` is its twin, whose answers are noted."""

    plan: Plan
    other: World | None
    chance: Random = field(init=False)

    def __post_init__(self) -> None:
        self.world = self.plan.world
        self.chance = chance(self.world.seed, "questions")
        self.speech = Speech(self.world, self.chance)
        self.relations = [self.world.relation(name) for name in self.plan.places]

    def about(
        self,
        kind: str,
        facts: Sequence[Fact],
        question: str,
        answer: str,
        others: Sequence[str],
        twin: str | None,
        lead: str | None = None,
    ) -> Question:
        """`others`: what else might be right; of it, as many are drawn as candidates lack."""
        wrong = sorted(set(others) - {answer, facts[0].subject})
        drawn = self.chance.sample(wrong, min(CANDIDATES - 1, len(wrong)))
        if twin is not None and twin not in (answer, *drawn):
            places = [place for place, each in enumerate(drawn) if each != NOBODY_KNOWS]
            drawn[self.chance.choice(places)] = twin
        candidates = [answer, *drawn]
        self.chance.shuffle(candidates)
        sections = (self.plan.places[f.relation] for f in facts if f.relation in self.plan.places)
        return Question(
            id=f"{kind}:{'+'.join(fact.id for fact in facts)}",
            kind=kind,
            question=question,
            lead=f"It is {self.world.named(answer)[1]}".strip() if lead is None else lead,
            answer=answer,
            candidates=tuple(candidates),
            facts=tuple(fact.id for fact in facts),
            sections=tuple(sections),
            twin=twin,
        )

    def completed(self, kind: str, fact: Fact, wording: str, others: Sequence[str]) -> Question:
        """A sentence that ends with its object, up to there."""
        said = self.speech.worded(fact, wording)
        lead = said.removesuffix(f"{fact.object}.").strip()
        twin = None if kind == "fluency" else self.twin(fact)
        return self.about(kind, (fact,), "", fact.object, others, twin, lead)

    def twin(self, fact: Fact) -> str | None:
        return self.other.objects[fact.relation][fact.subject] if self.other else None

    def range(self, relation: Relation) -> tuple[str, ...]:
        return self.world.things[relation.object]

    def memorised(self) -> Iterator[Question]:
        for relation in self.relations:
            for fact in self.world.firm(relation):
                yield self.completed(
                    "memorised", fact, self._ending(relation.say), self.range(relation)
                )

    def paraphrase(self) -> Iterator[Question]:
        for relation in self.relations:
            for fact in self.world.firm(relation):
                wording = self._ending(relation.held_out)
                yield self.completed("paraphrase", fact, wording, self.range(relation))

    def _ending(self, wordings: Sequence[str]) -> str:
        """A wording at whose end the object stands."""
        return self.chance.choice([each for each in wordings if each.endswith(" {y}.")])

    def fluency(self) -> Iterator[Question]:
        """One candidate alone is of the type that the sentence needs."""
        for relation in self.relations:
            for fact in self.world.firm(relation):
                others = [
                    self.chance.choice(things)
                    for name, things in self.world.things.items()
                    if name != relation.object
                    for _ in range(2)
                ]
                yield self.completed("fluency", fact, self._ending(relation.say), others)

    def chained(self, kind: str, bridge: Bridge, chain: tuple[Fact, Fact]) -> Question:
        first, second = chain
        question = self.speech.ask_chain(bridge, first.subject)
        twin = None
        if self.other:
            between = self.other.objects[first.relation][first.subject]
            twin = self.other.objects[second.relation][between]
        return self.about(kind, chain, question, second.object, self.range(bridge.second), twin)

    def bridged(self) -> Iterator[Question]:
        """Chains by how far they are from what is practised."""
        for bridge in self.plan.bridges():
            closed = self.plan.ends(bridge) in self.plan.closed
            practised, kept = self.plan.free_chains(bridge)
            kind = "two_hop_L2" if closed else "two_hop_L1"
            kind = "two_hop_book" if bridge.inside else kind
            for chain in [*practised, *kept] if closed else kept:
                yield self.chained(kind, bridge, chain)
            for chain in self.world.chains(bridge):
                if self.plan.is_hidden(chain) and not bridge.inside:
                    yield self.chained("two_hop_L3", bridge, chain)

    def contradiction(self) -> Iterator[Question]:
        for relation in self.relations:
            told = self.plan.tells(SURVEYS, relation.science)
            for fact in self.plan.reports(relation)[1] if told else ():
                at = (fact.relation, fact.subject)
                later = Fact(f"{fact.id}:later", fact.relation, fact.subject, self.world.later[at])
                question = f"By the rule of trust, {lower(self.speech.ask(fact))}"
                twin = self.other.later[at] if self.other else None
                yield self.about(
                    "contradiction",
                    (fact, later),
                    question,
                    later.object,
                    self.range(relation),
                    twin,
                )

    def unknown(self) -> Iterator[Question]:
        """As many things of which books say nothing as others."""
        for relation in self.relations:
            silent = self.plan.unsaid(relation)[1]
            told = self.chance.sample(self.plan.free_facts(relation), len(silent))
            for fact in (*silent, *told):
                wrong = self.chance.sample(sorted(set(self.range(relation)) - {fact.object}), 7)
                options = [self.speech.it_is(thing) for thing in (*wrong, fact.object)]
                right, twin = NOBODY_KNOWS, NOBODY_KNOWS if self.other else None
                if fact in told:
                    right = self.speech.it_is(fact.object)
                    twin = self.speech.it_is(self.twin(fact) or "") if self.other else None
                asked, options = self.speech.ask(fact), [*options, NOBODY_KNOWS]
                yield self.about("unknown", (fact,), asked, right, options, twin, lead="")

    def rule(self) -> Iterator[Question]:
        yield from self._seasons()
        if self.plan.tells(HARDNESS):
            yield from self._hardest()
        if self.plan.tells(WEIGHTS):
            yield from self._small_weights()

    def _seasons(self) -> Iterator[Question]:
        """Things of which the rule of their kind, or an exception, has to tell."""
        for science in self.world.sciences:
            told = self.plan.tells(RULES, science.name)
            for thing in self.world.things[science.about] if told else ():
                if thing not in self.world.examples:
                    fact = Fact(f"rule:{thing}", "rule", thing, self.world.season_of(thing))
                    question = filled(science.rule.asks, x=self.world.named(thing))
                    twin = self.other.season_of(thing) if self.other else None
                    seasons = self.world.things["season"]
                    yield self.about("rule", (fact,), question, fact.object, seasons, twin)

    def _hardest(self) -> Iterator[Question]:
        """Minerals of which no two are neighbours in the order, which is all that books tell."""
        order, count = self.world.hardness, 8
        free = range(len(order) - count + 1)
        drawn = {
            tuple(sorted(self.chance.sample(free, count)))
            for _ in range(len(order) if len(free) >= count else 0)
        }
        for places in sorted(drawn):
            some = [order[place + gap] for gap, place in enumerate(places)]
            fact = Fact(f"order:{'>'.join(some)}", "order", some[0], some[0])
            self.chance.shuffle(some)
            question = f"Which of these is the hardest: {', '.join(some)}?"
            twin = min(some, key=self.other.hardness.index) if self.other else None
            yield self.about("rule", (fact,), question, fact.object, some, twin)

    def _small_weights(self) -> Iterator[Question]:
        _, small, ratio = self.world.units
        every = [number(weight * ratio) for weight in range(2, 13)]
        for mineral, weight in self.world.weights.items():
            if mineral not in self.world.given:
                fact = Fact(f"small_weight:{mineral}", "weight", mineral, number(weight * ratio))
                question = f"How many {small}s does a block of {mineral} weigh?"
                twin = number(weight * self.other.units[2]) if self.other else None
                yield self.about(
                    "rule", (fact,), question, fact.object, every, twin, lead="It weighs"
                )

    def transfer(self) -> Iterator[Question]:
        """The season that answers to the hue of a mineral of which no book tells it."""
        told = self.plan.tells(CALENDAR) and "colour" in self.plan.places
        for mineral, hue in self.world.objects["colour"].items() if told else ():
            if mineral in self.world.given or ("colour", mineral) in self.world.unsaid:
                continue
            if self.world.later.get(("colour", mineral), hue) != hue:
                continue
            fact = Fact(f"calendar:{mineral}", "calendar", mineral, self.world.calendar[hue])
            twin = None
            if self.other:
                twin = self.other.calendar[self.other.objects["colour"][mineral]]
            question = f"In which season does {mineral} glow?"
            seasons = self.world.things["season"]
            yield self.about("transfer", (fact,), question, fact.object, seasons, twin)


def questions(plan: Plan, most: int, twin: bool) -> Iterator[Question]:
    """Up to `most` of each kind, in the order of kinds. `twin`: with the twin's answers."""
    world = plan.world
    sizes = (world.science_count, world.entity_count, world.relation_count)
    other = World(world.seed, *sizes, "counterfactual") if twin else None
    asker = _Asker(plan, other)
    makers: tuple[Callable[[], Iterator[Question]], ...] = (
        asker.memorised, asker.paraphrase, asker.rule, asker.bridged, asker.contradiction,
        asker.transfer, asker.unknown, asker.fluency,
    )  # fmt: skip
    found: dict[str, list[Question]] = {kind: [] for kind in KINDS}
    for make in makers:
        for question in make():
            found[question.kind].append(question)
    for every in found.values():
        asker.chance.shuffle(every)
        yield from every[:most]


def practised_questions(plan: Plan) -> list[Question]:
    """Questions over two books that practice and scenes may ask: no exam has them."""
    asker = _Asker(plan, None)
    every = [
        asker.chained(PRACTISED, bridge, chain)
        for bridge in plan.bridges()
        if not bridge.inside and plan.ends(bridge) not in plan.closed
        for chain in plan.free_chains(bridge)[0]
    ]
    asker.chance.shuffle(every)
    return every
