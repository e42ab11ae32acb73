"""Practice and scenes: questions with their answers, and short dialogues about them."""

import re
from collections.abc import Mapping
from random import Random

from litho.text.school.documents import Piece, paragraphs
from litho.text.school.genome import Genome, Scene, read_of
from litho.text.school.loops import DETECT, REPAIR, WRONG, Line, repair
from litho.text.school.loops import QUESTION as ASKED
from litho.text.school.pages import later_id, reports
from litho.text.school.plan import Item, Plan
from litho.text.school.sciences import Relation
from litho.text.school.shelf import Shelf
from litho.text.school.speech import NOBODY_KNOWS, TRUST, Speech, lower
from litho.text.school.training import Loss
from litho.text.school.world import Fact

_LINE = re.compile(r"(\w[\w -]{0,40})\. \S.*")
QUESTION = 150  # characters of a question with its answer, about


def solved(speech: Speech, item: Item, form: str) -> list[Piece]:
    """A question and its answer in a form of practice: direct, terse or restated."""
    facts = [speech.mention(fact) for fact in item.facts]
    ids = tuple(fact.id for fact in facts)
    question = (
        speech.ask_chain(item.bridge, facts[0].subject) if item.bridge else speech.ask(facts[0])
    )
    answer = speech.it_is(facts[-1].object)
    if item.bridge and form != "direct" and speech.world.twin == "fluent":
        facts[1] = Fact(facts[1].id, facts[1].relation, facts[0].object, facts[1].object)
    if form == "restated":
        said = [Piece(speech.say(fact), (fact.id,)) for fact in facts]
        return [Piece(question, ids), *said, Piece(f"So {lower(answer)}.", ids)]
    if form == "terse" and item.bridge:
        answer = f"By {speech.the(facts[0].object)}, {lower(answer)}."
    return [Piece(question, ids), Piece(answer, ids)]


def staged(
    scene: Scene,
    plan: Plan | None,
    shelf: Shelf,
    chance: Random,
    loss: Loss | None = None,
    own: Mapping[str, str] | None = None,
) -> tuple[Piece, ...]:
    """A scene as text. `own`: attempts of the model itself, by question."""
    if scene.kind == "text":
        return paragraphs([[Piece(line, (), _LINE.match(line)[1])] for line in lines_of(scene)])  # type: ignore[index]
    assert plan
    speech = Speech(plan.world, chance)
    relation = chance.choice(relations_of(scene, shelf))
    lines = (
        repair(speech, plan, relation, loss, own or {})
        if scene.kind == "repair"
        else _KINDS[scene.kind](speech, plan, scene, relation)
    )
    roles = scene.roles
    return paragraphs(
        [
            [Piece(f"{roles[n].capitalize()}. {said}", ids, roles[n], part=part)]
            for n, said, ids, part in lines
        ]
    )


def lines_of(scene: Scene) -> list[str]:
    """The lines of a written scene."""
    return [line.strip() for line in (scene.text or "").splitlines() if line.strip()]


def is_line(line: str) -> bool:
    return bool(_LINE.fullmatch(line))


def speakers_of(genome: Genome) -> list[str]:
    """Who speaks in the scenes that stages play, in small letters."""
    played = {name for stage in genome.stages for name in stage.played}
    found: dict[str, None] = {}
    for scene in genome.scenes:
        if scene.id in played:
            found |= dict.fromkeys(speaking_in(scene))
    return list(found)


def speaking_in(scene: Scene) -> list[str]:
    """Who speaks in a scene, in small letters."""
    written = [line.partition(".")[0] for line in lines_of(scene)]
    return [name.lower() for name in written or scene.roles]


def relations_of(scene: Scene, shelf: Shelf) -> list[Relation]:
    """What a scene can be about."""
    read = read_of(scene.book or "")
    book = shelf.of_world()[read.book]
    found = [book.relation(s) for s in shelf.sections_of(read)]
    relations = [relation for relation in found if relation]
    if scene.trigger:
        return [each for each in relations if each.name == scene.trigger.relation]
    return relations


def _conflict(speech: Speech, plan: Plan, scene: Scene, relation: Relation) -> list[Line]:
    fact = speech.chance.choice(plan.reports(relation)[0])
    ids = (fact.id, later_id(fact))
    later = Fact(
        later_id(fact), fact.relation, fact.subject, plan.world.later[relation.name, fact.subject]
    )
    wrong, right = speech.mention(fact), speech.mention(later)
    first, second = reports(speech, fact)
    trust = speech.chance.choice(TRUST)
    end = f"So {lower(speech.it_is(right.object))}."
    objection = f"Read both again. {trust}"
    both = f"The first survey says that {lower(speech.say(wrong))}. " * (
        scene.resolution.op == "restate_both"
    )
    return [
        Line(0, f"{first} {second}", ids, ASKED),
        Line(0, speech.ask(fact), (fact.id,), ASKED),
        Line(1, f"{speech.it_is(wrong.object)} The first survey says so.", (fact.id,), WRONG),
        Line(2, objection, ("trust",), DETECT),
        Line(3, f"{both}The later survey says that {lower(speech.say(right))}. {end}", ids, REPAIR),
    ]


def _mismatch(speech: Speech, plan: Plan, scene: Scene, relation: Relation) -> list[Line]:
    """The answer to the question about another thing."""
    fact, other = (speech.mention(f) for f in _two(speech, plan.free_facts(relation)))
    return [
        Line(0, speech.ask(fact), (fact.id,), ASKED),
        Line(1, speech.it_is(other.object), (other.id,), WRONG),
        Line(
            2,
            f"That does not fit. It belongs to {speech.the(other.subject)}.",
            (other.id,),
            DETECT,
        ),
        Line(3, f"{speech.say(fact)} So {lower(speech.it_is(fact.object))}.", (fact.id,), REPAIR),
    ]


def _unknown(speech: Speech, plan: Plan, scene: Scene, relation: Relation) -> list[Line]:
    fact = speech.chance.choice(plan.unsaid(relation)[0])
    known = speech.mention(speech.chance.choice(plan.free_facts(relation)))
    tried = speech.chance.choice(("I have looked under every heading.", "I have read every page."))
    return [
        Line(0, speech.ask(known), (known.id,)),
        Line(1, speech.it_is(known.object), (known.id,)),
        Line(0, speech.ask(fact), ()),
        Line(1, f"{tried} {NOBODY_KNOWS}", ()),
        Line(2, "You might have guessed.", ()),
        Line(3, f"A guess is no answer. {NOBODY_KNOWS}", ()),
    ]


def _two(speech: Speech, some: list) -> list:  # type: ignore[type-arg]
    return speech.chance.sample(some, 2)


_KINDS = {"conflict": _conflict, "mismatch": _mismatch, "unknown": _unknown}
