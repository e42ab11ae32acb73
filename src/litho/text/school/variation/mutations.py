"""Small changes of a genome. Each gives None where the genome has nothing of the kind to change."""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any, get_args

from litho.text.school.genome import Genome, Practice, Read, SectionName, Stage, read_of
from litho.text.school.shelf import Shelf

Mutation = Callable[[Genome, Shelf, Random], Genome | None]

MOST_TIMES = 9  # readings of a section in one pass
_STEP = 0.05  # of a stage's share
_LEAST = 0.05  # share of a stage, at least
_FACTOR = 2.0  # by which amounts grow or shrink
_RATES = (0.005, 0.3)  # of a scene
_AMOUNTS = (0.1, 8.0)  # of practice, questions a fact
FORMS: tuple[str, ...] = get_args(Practice.model_fields["form"].annotation)


def swap(genome: Genome, shelf: Shelf, chance: Random) -> Genome | None:
    """Two readings of a stage change places."""
    at = _stage_of(genome, chance, lambda stage: len(stage.books) > 1)
    if at is None:
        return None
    books = list(genome.stages[at].books)
    one, other = chance.sample(range(len(books)), 2)
    books[one], books[other] = books[other], books[one]
    return _with_books(genome, {at: books})


def move(genome: Genome, shelf: Shelf, chance: Random) -> Genome | None:
    """A reading goes to another place, in its stage or in the one before or behind."""
    at = _stage_of(genome, chance, lambda stage: len(stage.books) > 1)
    if at is None:
        return None
    near = [i for i in (at - 1, at, at + 1) if 0 <= i < len(genome.stages)]
    there = chance.choice(near)
    lists = {i: list(genome.stages[i].books) for i in {at, there}}
    reading = lists[at].pop(chance.randrange(len(lists[at])))
    lists[there].insert(chance.randint(0, len(lists[there])), reading)
    return _with_books(genome, lists)


def insert(genome: Genome, shelf: Shelf, chance: Random) -> Genome | None:
    """A stage reads a section that it did not read."""
    at = _stage_of(genome, chance, lambda stage: bool(_unread(stage, shelf)))
    if at is None:
        return None
    books = list(genome.stages[at].books)
    books.insert(chance.randint(0, len(books)), chance.choice(_unread(genome.stages[at], shelf)))
    return _with_books(genome, {at: books})


def delete(genome: Genome, shelf: Shelf, chance: Random) -> Genome | None:
    """A stage no longer reads something."""
    at = _stage_of(genome, chance, lambda stage: len(stage.books) > 1)
    if at is None:
        return None
    books = list(genome.stages[at].books)
    books.pop(chance.randrange(len(books)))
    return _with_books(genome, {at: books})


def repeat(genome: Genome, shelf: Shelf, chance: Random) -> Genome | None:
    """Something is read once more, or once less, in each pass beside the other things."""
    at = _stage_of(genome, chance, lambda stage: len(stage.books) > 1)
    if at is None:
        return None
    books = list(genome.stages[at].books)
    place = chance.randrange(len(books))
    read = read_of(books[place])
    times = read.times + (1 if read.times == 1 else chance.choice((-1, 1)))
    books[place] = _written(read._replace(times=min(times, max(MOST_TIMES, read.times))))
    return _with_books(genome, {at: books})


def form(genome: Genome, shelf: Shelf, chance: Random) -> Genome | None:
    """Practice takes another form."""

    def other(practice: Practice) -> dict[str, Any]:
        return {"form": chance.choice([each for each in FORMS if each != practice.form])}

    return _with_practice(genome, chance, other)


def amount(genome: Genome, shelf: Shelf, chance: Random) -> Genome | None:
    """Twice or half as many questions are practised."""
    return _with_practice(
        genome, chance, lambda practice: {"per_fact": _scaled(practice.per_fact, _AMOUNTS, chance)}
    )


def rate(genome: Genome, shelf: Shelf, chance: Random) -> Genome | None:
    """A scene is played twice or half as often."""
    played = {name for stage in genome.stages for name in stage.played}
    scenes = list(genome.scenes)
    places = [i for i, scene in enumerate(scenes) if scene.id in played]
    if not places:
        return None
    at = chance.choice(places)
    rated = _scaled(scenes[at].rate, _RATES, chance)
    scenes[at] = scenes[at].model_copy(update={"rate": rated})
    return genome.model_copy(update={"scenes": tuple(scenes)})


def share(genome: Genome, shelf: Shelf, chance: Random) -> Genome | None:
    """One stage gets a part of the share of another."""
    rich = [i for i, stage in enumerate(genome.stages) if stage.share >= _LEAST + _STEP]
    if len(genome.stages) < 2 or not rich:
        return None
    giver = chance.choice(rich)
    taker = chance.choice([i for i in range(len(genome.stages)) if i != giver])
    stages = list(genome.stages)
    for at, step in ((giver, -_STEP), (taker, _STEP)):
        changed = round(stages[at].share + step, 6)
        stages[at] = stages[at].model_copy(update={"share": changed})
    return genome.model_copy(update={"stages": tuple(stages)})


def rewire(genome: Genome, shelf: Shelf, chance: Random) -> Genome | None:
    """A reference points to another section."""
    if not genome.crossrefs:
        return None
    references = list(genome.crossrefs)
    at = chance.randrange(len(references))
    taken = {references[at].from_, references[at].to}
    free = [section for section in _sections(shelf) if section not in taken]
    if not free:
        return None
    references[at] = references[at].model_copy(update={"to": chance.choice(free)})
    return genome.model_copy(update={"crossrefs": tuple(references)})


MUTATIONS: Mapping[str, Mutation] = {
    each.__name__: each
    for each in (swap, move, insert, delete, repeat, form, amount, rate, share, rewire)
}


def _stage_of(genome: Genome, chance: Random, fits: Callable[[Stage], bool]) -> int | None:
    """The number of a stage; later ones are taken more often: they share more with the parent."""
    fitting = [i for i, stage in enumerate(genome.stages) if fits(stage)]
    if not fitting:
        return None
    return chance.choices(fitting, [i + 1 for i in fitting])[0]


def _with_books(genome: Genome, lists: Mapping[int, list[str]]) -> Genome:
    stages = list(genome.stages)
    for at, books in lists.items():
        stages[at] = stages[at].model_copy(update={"books": tuple(books)})
    return genome.model_copy(update={"stages": tuple(stages)})


def _with_practice(
    genome: Genome, chance: Random, change: Callable[[Practice], dict[str, Any]]
) -> Genome | None:
    practising = [(i, stage.practice) for i, stage in enumerate(genome.stages) if stage.practice]
    if not practising:
        return None
    at, practice = chance.choice(practising)
    stages = list(genome.stages)
    changed = practice.model_copy(update=change(practice))
    stages[at] = stages[at].model_copy(update={"practice": changed})
    return genome.model_copy(update={"stages": tuple(stages)})


def _scaled(value: float, within: tuple[float, float], chance: Random) -> float:
    """Twice or half of it; from an edge of the range there is one way only."""
    low, high = within
    ways = [each for each in (value * _FACTOR, value / _FACTOR) if low <= each <= high]
    return round(chance.choice(ways), 6) if ways else value


def _unread(stage: Stage, shelf: Shelf) -> list[SectionName]:
    reads = [read_of(written) for written in stage.books]
    whole = {read.book for read in reads if read.section is None}
    some = {f"{read.book}#{read.section}" for read in reads}
    return [s for s in _sections(shelf) if s not in some and s.partition("#")[0] not in whole]


def _sections(shelf: Shelf) -> list[SectionName]:
    return [f"{name}#{section}" for name in shelf for section in shelf[name].sections]


def _written(read: Read) -> str:
    name = read.book if read.section is None else f"{read.book}#{read.section}"
    return name if read.times == 1 else f"{name} x{read.times}"
