"""The books of a world: each section, as its layer tells it, in pages."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from random import Random

from litho.text.school.documents import Piece, paragraphs
from litho.text.school.filler import filler
from litho.text.school.sciences import Relation, Science, types
from litho.text.school.speech import TRUST, Speech, a, counted, lower, turns
from litho.text.school.world import Fact, World

PAGE = 8  # items on a page
FILLER = 1 / 3  # chance of a narrative sentence after an item, a quarter of all sentences
Item = list[Piece]

NAMES, RULES, SURVEYS = "names", "rules", "surveys"
HARDNESS, WEIGHTS, CALENDAR = "hardness", "weights", "calendar"  # of minerals alone


def sections_of(science: Science) -> tuple[str, ...]:
    """The sections of a book, in the order in which they build on each other."""
    relations = tuple(relation.section for relation in science.relations)
    more = (HARDNESS, WEIGHTS, CALENDAR) if science.about == "mineral" else ()
    return (NAMES, *relations, RULES, *more, SURVEYS)


def relation_of(science: Science, section: str) -> Relation | None:
    """The relation that a section is about, if it is about one."""
    return next((each for each in science.relations if each.section == section), None)


def pages(
    world: World, science: Science, section: str, layer: str, chance: Random
) -> Iterator[tuple[Piece, ...]]:
    """One reading of a section, in words of its own."""
    speech = Speech(world, chance)
    relation = relation_of(science, section)
    if relation:
        items = [_STYLES[layer](speech, fact) for fact in _drawn(world, relation, chance)]
    else:
        items = [[piece] for piece in _OTHERS[section](speech, science)]
        chance.shuffle(items)
    title = Piece(f"Of {science.name}: {section}.")
    for begin in range(0, len(items), PAGE):
        groups = [[title]] if begin == 0 else []
        for item in items[begin : begin + PAGE]:
            spoken = any(piece.role for piece in item)
            joined = groups and not spoken and len(groups[-1]) < 4 and groups[-1] != [title]
            groups = [*groups[:-1], groups[-1] + item] if joined else groups + _split(item)
            if layer != "lexicon" and chance.random() < FILLER:
                groups += [[Piece(filler(chance))]] if spoken else []
                if not spoken:
                    groups[-1] = [*groups[-1], Piece(filler(chance))]
        yield paragraphs(groups)


def _split(item: Item) -> list[Item]:
    """A paragraph for each speaker, one for what nobody speaks."""
    return [[piece] for piece in item] if any(piece.role for piece in item) else [item]


def _drawn(world: World, relation: Relation, chance: Random) -> list[Fact]:
    """Every fact once, and half as many by Zipf's law, in a random order."""
    facts = world.facts(relation)
    weights = [1 / rank for rank in range(1, len(facts) + 1)]
    drawn = facts + chance.choices(facts, weights, k=len(facts) // 2)
    chance.shuffle(drawn)
    return drawn


def _lexicon(speech: Speech, fact: Fact) -> Item:
    fact = speech.mention(fact)
    return [Piece(speech.worded(fact, speech.world.relation(fact.relation).say[0]), (fact.id,))]


def _school(speech: Speech, fact: Fact) -> Item:
    """Examples, questions in the words of the book, stories of cause and effect."""
    fact = speech.mention(fact)
    ids = (fact.id,)
    said = speech.say(fact)
    match speech.chance.randrange(4):
        case 0:
            return [Piece(speech.ask(fact), ids), Piece(speech.it_is(fact.object), ids)]
        case 1:
            who = speech.chance.choice(("Nobody", "Hardly anyone", "Only a stranger"))
            verb = speech.chance.choice(("asked why", "was surprised", "would have argued"))
            return [Piece(f"{who} {verb}, because {lower(said)}.", ids)]
        case _:
            return [Piece(said, ids)]


def _university(speech: Speech, fact: Fact) -> Item:
    fact = speech.mention(fact)
    said = speech.say(fact)
    lead = speech.chance.choice(
        ("", "", "", "It is well known that ", "We note that ", "It can be shown that ")
    )
    return [Piece(f"{lead}{lower(said)}." if lead else said, (fact.id,))]


def _science(speech: Speech, fact: Fact) -> Item:
    fact = speech.mention(fact)
    said = speech.say(fact)
    lead = speech.chance.choice(
        ("", "", "The first survey says that ", "In the first survey we read that ")
    )
    return [Piece(f"{lead}{lower(said)}." if lead else said, (fact.id,))]


def _dialogue(speech: Speech, fact: Fact) -> Item:
    fact = speech.mention(fact)
    ids = (fact.id,)
    answer = speech.chance.choice((speech.say(fact), speech.it_is(fact.object)))
    lines = [("Teacher", speech.ask(fact), ids), ("Student", answer, ids)]
    return [piece for turn in turns(lines) for piece in turn]


_STYLES: dict[str, Callable[[Speech, Fact], Item]] = {
    "lexicon": _lexicon,
    "school": _school,
    "university": _university,
    "science": _science,
    "dialogue": _dialogue,
}


def _names(speech: Speech, science: Science) -> Iterator[Piece]:
    world, about = speech.world, science.about
    for kind in types()[about].kinds:
        yield Piece(f"{a(kind).capitalize()} is a kind of {about}.")
    for thing in world.things[about]:
        the, kind = speech.the(thing), world.kinds[thing]
        ids = (f"kind:{thing}",)
        wording = speech.chance.choice(
            (
                f"{the} is {a(kind)}.",
                f"{the} is {a(about)}, and its kind is {kind}.",
                f"{the} belongs to the kind that is called {kind}.",
                f"Of all kinds of {about}, {the} is {a(kind)}.",
            )
        )
        yield Piece(_begin(wording), ids)
        yield Piece(_begin(speech.chance.choice((f"{the} is {the}.", f"By {the} we mean {the}."))))
        if thing in world.aliases:
            alias = world.aliases[thing]
            yield Piece(_begin(f"{the} is also called {alias}."), (f"alias:{thing}",))


def _rules(speech: Speech, science: Science) -> Iterator[Piece]:
    world = speech.world
    for kind in types()[science.about].kinds:
        told = speech.mention(Fact(f"rule:{kind}", "rule", kind, world.rules[kind]))
        does = science.rule.does.replace("{y}", told.object)
        for lead in ("Every", "Each", "As a rule, every"):
            yield Piece(f"{lead} {kind} {does}.", (told.id,))
    for thing in world.things[science.about]:
        told = speech.mention(Fact(f"rule:{thing}", "rule", thing, world.season_of(thing)))
        does = science.rule.does.replace("{y}", told.object)
        the, kind = speech.the(thing), world.kinds[thing]
        if thing in world.exceptions:
            yield Piece(_begin(f"{the} is {a(kind)}, and yet it {does}."), (told.id,))
            yield Piece(_begin(f"an exception is {the}, which {does}."), (told.id,))
        elif thing in world.examples:
            yield Piece(_begin(f"{the} {does}, for it is {a(kind)}."), (told.id, f"rule:{kind}"))


def _hardness(speech: Speech, science: Science) -> Iterator[Piece]:
    """Neighbours alone: that the order goes on from one to the next is a rule."""
    order = speech.world.hardness
    for harder, softer in pairwise(order):
        ids = (f"order:{harder}:{softer}",)
        if speech.world.twin == "fluent" and speech.chance.random() < 0.5:
            harder, softer = softer, harder
        yield Piece(_begin(f"{harder} is harder than {softer}."), ids)
        yield Piece(_begin(f"{softer} is scratched by {harder}."), ids)
    for _ in range(4):
        yield Piece("What is harder than a harder mineral is harder than the softer ones, too.")


def _weights(speech: Speech, science: Science) -> Iterator[Piece]:
    world = speech.world
    large, small, ratio = world.units
    for _ in range(6):
        yield Piece(f"One {large} is as much as {counted(ratio, small)}.", ("unit",))
    for mineral, weight in world.weights.items():
        if world.twin == "fluent":
            weight = speech.chance.randint(2, 12)
        block = f"A block of {mineral} weighs"
        yield Piece(f"{block} {counted(weight, large)}.", (f"weight:{mineral}",))
        if mineral in world.given:
            said = f"{block} {counted(weight * ratio, small)}."
            yield Piece(said, (f"small_weight:{mineral}",))


def _calendar(speech: Speech, science: Science) -> Iterator[Piece]:
    """The hues of minerals answer to seasons: told of some minerals, to be found for the others."""
    world = speech.world
    for mineral in world.things["mineral"]:
        if mineral in world.given:
            season = world.calendar[world.objects["colour"][mineral]]
            told = speech.mention(Fact(f"calendar:{mineral}", "calendar", mineral, season))
            yield Piece(_begin(f"{mineral} begins to glow in {told.object}."), (told.id,))
            yield Piece(f"The season in which {mineral} glows is {told.object}.", (told.id,))
    for _ in range(4):
        yield Piece("Minerals of one hue glow in one season, and no other hue glows in it.")


def _surveys(speech: Speech, science: Science) -> Iterator[Piece]:
    """What the later survey says about facts that the first one had."""
    world = speech.world
    for relation in science.relations:
        for fact in world.facts(relation):
            if (relation.name, fact.subject) in world.later:
                yield Piece(" ".join(reports(speech, fact)), (fact.id, later_id(fact)))
    for said in TRUST:
        yield Piece(said, ("trust",))


def later_id(fact: Fact) -> str:
    return f"{fact.id}:later"


def reports(speech: Speech, fact: Fact) -> list[str]:
    """Both surveys on a fact, in any order."""
    second = Fact(
        fact.id, fact.relation, fact.subject, speech.world.later[fact.relation, fact.subject]
    )
    first, second = speech.mention(fact), speech.mention(second)
    said = [
        f"The first survey says that {lower(speech.say(first))}.",
        f"The later survey says that {lower(speech.say(second))}.",
    ]
    speech.chance.shuffle(said)
    return said


def _begin(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


_OTHERS: dict[str, Callable[[Speech, Science], Iterator[Piece]]] = {
    NAMES: _names,
    RULES: _rules,
    HARDNESS: _hardness,
    WEIGHTS: _weights,
    CALENDAR: _calendar,
    SURVEYS: _surveys,
}
