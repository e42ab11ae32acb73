"""What a model may be asked in practice: never what a test asks."""

from dataclasses import dataclass
from itertools import zip_longest

from litho.text.school.chance import chance
from litho.text.school.plan import Item, Plan
from litho.text.school.scenes import solved
from litho.text.school.speech import Speech
from litho.text.school.world import Bridge, Fact


@dataclass(frozen=True)
class Task:
    """A practice question: over one fact, or two over a bridge."""

    id: str
    facts: tuple[Fact, ...]
    bridge: Bridge | None
    question: str
    things: tuple[str, ...]  # among which the answer is
    sections: tuple[str, ...]  # where the facts are told

    @property
    def answer(self) -> str:
        return self.facts[-1].object

    @property
    def lead(self) -> str:
        """What a model is given to go on from: over one fact it answers in one sentence."""
        return "" if self.bridge else "It is"

    @property
    def item(self) -> Item:
        return Item(self.facts, self.bridge)


def tasks(plan: Plan, seed: int) -> list[Task]:
    """All of them, those over bridges and those over one fact in turn, in a random order."""
    over_bridges = [
        Item(chain, bridge)
        for bridge in plan.bridges()
        if plan.ends(bridge) not in plan.closed
        for chain in plan.free_chains(bridge)[0]
    ]
    over_facts = [
        Item((fact,)) for name in plan.places for fact in plan.free_facts(plan.world.relation(name))
    ]
    for number, items in enumerate((over_bridges, over_facts)):
        chance(seed, "tasks", number).shuffle(items)
    mixed = [item for pair in zip_longest(over_bridges, over_facts) for item in pair if item]
    return [_task(plan, item, seed) for item in mixed]


def _task(plan: Plan, item: Item, seed: int) -> Task:
    name = "+".join(fact.id for fact in item.facts)
    speech = Speech(plan.world, chance(seed, "task", name))
    last = item.facts[-1]
    return Task(
        id=name,
        facts=item.facts,
        bridge=item.bridge,
        question=solved(speech, item, "direct")[0].text,
        things=plan.world.things[plan.world.relation(last.relation).object],
        sections=tuple(plan.places[fact.relation] for fact in item.facts),
    )
