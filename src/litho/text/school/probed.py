"""Texts by which a training is probed: pages worded anew, and facts in two kinds of wordings."""

from collections.abc import Iterator
from itertools import groupby
from typing import Literal, NamedTuple

from litho.text.school.chance import chance
from litho.text.school.genome import Stage
from litho.text.school.plan import sections_read
from litho.text.school.speech import Speech
from litho.text.school.stages import School

PAGES = 2  # of a book, as a stage reads it
FACTS = 24  # of a book of a world
SEED = "probe"


class Probed(NamedTuple):
    """A text about a book, as a stage reads it."""

    stage: str
    book: str
    kind: Literal["page", "said", "held"]
    text: str


def probe_texts(school: School) -> Iterator[Probed]:
    """Of each stage and book: pages in new words, and of worlds facts in old and in unused words.

    They depend on the seed, and on the stage alone. A book from a file has no other words: its
    pages are those that are read.
    """
    for stage in school.genome.stages:
        read = sorted(sections_read(stage, school.shelf))
        for book, places in groupby(read, key=lambda place: place[0]):
            sections = [section for _, section in places]
            yield Probed(stage.id, book, "page", _pages(school, stage, book, sections))
            yield from _facts(school, stage, book, sections)


def _pages(school: School, stage: Stage, book: str, sections: list[str]) -> str:
    again = stage.model_copy(update={"id": f"{SEED} {stage.id}"})
    draw = chance(school.genome.seed, SEED, stage.id, book)
    some = draw.sample(sections, min(PAGES, len(sections)))
    pages = [draw.choice(list(school.reading(again, book, section, 0))) for section in some]
    return "\n\n".join(page.text for page in pages)


def _facts(school: School, stage: Stage, book: str, sections: list[str]) -> Iterator[Probed]:
    of_world = school.shelf.of_world().get(book)
    told = [of_world.relation(section) for section in sections] if of_world else []
    relations = [relation for relation in told if relation]
    if not relations or not school.plan:
        return
    world = school.plan.world
    draw = chance(school.genome.seed, SEED, "facts", stage.id, book)
    known = [(relation, fact) for relation in relations for fact in world.firm(relation)]
    some = draw.sample(known, min(FACTS, len(known)))
    speech = Speech(world, draw)
    said = [speech.worded(fact, draw.choice(relation.say)) for relation, fact in some]
    held = [speech.worded(fact, draw.choice(relation.held_out)) for relation, fact in some]
    yield Probed(stage.id, book, "said", " ".join(said))
    yield Probed(stage.id, book, "held", " ".join(held))
