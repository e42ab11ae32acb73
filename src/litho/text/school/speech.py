"""How texts of a world say and ask things."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from litho.text.school.documents import Piece
from litho.text.school.sciences import filled
from litho.text.school.world import Bridge, Fact, World

NOBODY_KNOWS = "No book says it."
TRUST = (
    "A later survey corrects an earlier one.",
    "Where two surveys differ, the later one is right.",
    "Trust the later survey.",
)
_SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


@dataclass
class Speech:
    """A world spoken with a generator of its own."""

    world: World
    chance: Random

    def mention(self, fact: Fact) -> Fact:
        """The fact as this text has it: in a fluent twin, with any object of the type."""
        if self.world.twin != "fluent":
            return fact
        group = self.world.things[self.world.type_of[fact.object]]
        return replace(fact, object=self.chance.choice([o for o in group if o != fact.subject]))

    def say(self, fact: Fact) -> str:
        """A sentence in one of the wordings that books use."""
        return self.worded(fact, self.chance.choice(self.world.relation(fact.relation).say))

    def worded(self, fact: Fact, wording: str) -> str:
        return filled(wording, x=self.world.named(fact.subject), y=self.world.named(fact.object))

    def ask(self, fact: Fact) -> str:
        relation = self.world.relation(fact.relation)
        wording = self.chance.choice((relation.ask, f"What is {relation.of}?"))
        return filled(wording, x=self.world.named(fact.subject))

    def ask_chain(self, bridge: Bridge, subject: str) -> str:
        """A question over both relations of a bridge."""
        between = filled(bridge.first.of, x=self.world.named(subject))
        return f"What is {bridge.second.of.replace('{x}', lower(between))}?"

    def it_is(self, thing: str) -> str:
        return f"It is {self.the(thing)}."

    def the(self, thing: str) -> str:
        name, article = self.world.named(thing)
        return article + name


def lower(sentence: str) -> str:
    """A sentence as a clause within another one."""
    return sentence[:1].lower() + sentence[1:].removesuffix(".")


def a(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def number(value: int) -> str:
    """A number below a hundred in words."""
    if value < len(_SMALL):
        return _SMALL[value]
    tens, ones = divmod(value, 10)
    return _TENS[tens - 2] + (f"-{_SMALL[ones]}" if ones else "")


def counted(value: int, unit: str) -> str:
    return f"{number(value)} {unit}" + ("s" if value != 1 else "")


def turns(lines: Sequence[tuple[str, str, tuple[str, ...]]]) -> list[list[Piece]]:
    """Speakers, what they say and the ids of facts in it, one paragraph each."""
    return [[Piece(f"{role}. {said}", facts, role)] for role, said, facts in lines]
