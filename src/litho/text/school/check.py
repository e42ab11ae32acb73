"""What is wrong with a genome although each of its fields is of the right kind."""

from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from litho.core.lined import Fault, Place
from litho.text.school.gated import can_be_asked
from litho.text.school.genome import TAIL, Genome, Scene, Stage, read_of
from litho.text.school.leaks import leaks_in
from litho.text.school.loops import repairable
from litho.text.school.pages import SURVEYS
from litho.text.school.plan import Plan, practised
from litho.text.school.precedence import needs
from litho.text.school.scenes import is_line, lines_of, relations_of, speakers_of, speaking_in
from litho.text.school.shelf import Shelf, open_shelf, shelf_faults
from litho.text.school.training import BASE, SINGLE

MOST_SCENES = 0.5  # of a stage


def faults(genome: Genome, folder: Path) -> Iterator[Fault]:
    """Each fault with its place. `folder`: where files are looked for from."""
    yield from _of_names(genome)
    yield from _of_shares(genome)
    found = list(shelf_faults(genome, folder))
    yield from found
    if found:
        return
    shelf = open_shelf(genome, folder)
    found = list(_of_references(genome, shelf))
    yield from found
    if found:
        return
    plan = Plan.of(genome, shelf)
    yield from _of_gaps(genome, plan)
    for number, scene in enumerate(genome.scenes):
        yield from _of_scene(scene, ("scenes", number), shelf, plan)
    for number, stage in enumerate(genome.stages):
        yield from _of_stage(genome, stage, ("stages", number), shelf, plan)
    yield from _of_precedence(genome, shelf)
    kind, model = genome.tokenizer.kind, genome.tokenizer.model
    if (kind == "model") is (model is None):
        yield ("tokenizer", "model"), "belongs to kind 'model', which needs it"
    yield from _of_training(genome)
    yield from _of_loop(genome)


def _of_loop(genome: Genome) -> Iterator[Fault]:
    """What loss and roles name that is not there."""
    repairs = [scene for scene in genome.scenes if scene.kind == "repair"]
    if genome.loss and genome.loss.attempts == "own" and not repairs:
        yield ("loss", "attempts"), "'own' needs a scene of kind 'repair', in which it attempts"
    if genome.loss and genome.loss.attempts == "own" and genome.pacing:
        yield ("loss", "attempts"), "'own' and pacing exclude each other: leave one of them out"
    known, stages = speakers_of(genome), [stage.id for stage in genome.stages]
    for name, adapter in genome.roles.adapters.items() if genome.roles else ():
        place = ("roles", "adapters", name)
        if name not in known:
            yield place, f"nobody called {name!r} speaks in a scene, but {', '.join(known)}"
        if adapter.from_ is not None and adapter.from_ not in stages:
            yield (*place, "from"), f"there is no stage {adapter.from_!r}"


def _of_training(genome: Genome) -> Iterator[Fault]:
    model, train = genome.model, genome.train
    if genome.start and model:
        yield ("start",), "a model that goes on keeps its shape: leave out 'start' or 'model'"
    if genome.start and genome.tokenizer.kind != "model":
        yield ("start",), "needs its own tokenizer: set tokenizer to {kind: model, model: MODEL}"
    if train.attend == "document" and genome.start:
        yield (
            ("train", "attend"),
            "'document' needs a new model: leave out 'start', or take 'across'",
        )
    if train.adapter and not genome.start:
        yield ("train", "adapter"), "belongs to a model that goes on: set 'start', or leave it out"
    if model and model.d % (2 * model.heads):
        yield (
            ("model", "d"),
            f"has to be a multiple of {2 * model.heads}, twice the number of heads",
        )
    if train.batch_tokens < train.seq:
        yield ("train", "batch_tokens"), f"holds no row of {train.seq} tokens (train.seq)"


def _of_names(genome: Genome) -> Iterator[Fault]:
    for field in ("stages", "gaps", "crossrefs", "scenes"):
        seen: set[str] = set()
        for number, each in enumerate(getattr(genome, field)):
            if each.id in seen or (field == "stages" and each.id == TAIL):
                yield (field, number, "id"), f"{each.id!r} is taken: choose another id"
            seen.add(each.id)


def _of_shares(genome: Genome) -> Iterator[Fault]:
    shares = sum(stage.share for stage in genome.stages)
    whole = shares + genome.budget.tail
    if abs(whole - 1) > 1e-6:
        yield (
            ("stages",),
            f"shares ({shares:.4g}) and budget.tail ({genome.budget.tail:.4g}) make {whole:.4g}: "
            "they have to make 1",
        )


def _of_references(genome: Genome, shelf: Shelf) -> Iterator[Fault]:
    """Names of books, sections and scenes that are not there."""
    scenes = {scene.id for scene in genome.scenes}
    places: list[tuple[Place, str]] = []
    for number, stage in enumerate(genome.stages):
        places += [(("stages", number, "books", i), book) for i, book in enumerate(stage.books)]
        named: list[tuple[Place, str]] = [
            (("stages", number, "scenes", i), name) for i, name in enumerate(stage.scenes)
        ]
        if stage.mismatch:
            named += [
                (("stages", number, "mismatch", "scenes", i), name)
                for i, name in enumerate(stage.mismatch.scenes)
            ]
        for place, name in named:
            if name not in scenes:
                yield place, f"there is no scene {name!r}"
    for number, gap in enumerate(genome.gaps):
        places += [(("gaps", number, "between", i), book) for i, book in enumerate(gap.between)]
    for number, reference in enumerate(genome.crossrefs):
        places.append((("crossrefs", number, "from"), reference.from_))
        places.append((("crossrefs", number, "to"), reference.to))
    places += [
        (("scenes", n, "book"), each.book) for n, each in enumerate(genome.scenes) if each.book
    ]
    for place, written in places:
        read = read_of(written)
        if read.book not in shelf:
            yield place, f"there is no book {read.book!r} in the library"
        elif read.section and read.section not in shelf[read.book].sections:
            known = shelf[read.book].sections
            some = ", ".join(known[:12]) + (" …" if len(known) > 12 else "")
            yield place, f"{read.book!r} has no section {read.section!r}, but {some}"


def _of_gaps(genome: Genome, plan: Plan | None) -> Iterator[Fault]:
    for number, gap in enumerate(genome.gaps):
        place: Place = ("gaps", number)
        one, other = gap.between
        bridges = plan and (plan.between(one, other) or plan.between(other, one))
        if plan and set(gap.between) & set(plan.places.values()) and not bridges:
            yield (*place, "between"), "no fact of the one leads to a fact of the other"
        if gap.level == "L3" and not bridges:
            yield (*place, "level"), "L3 hides facts, which sections of a world alone have: take L2"
        for at, reference in enumerate(genome.crossrefs):
            closed = gap.level == "L2" or gap.bridge == "never"
            if closed and {reference.from_, reference.to} == set(gap.between):
                yield (
                    ("crossrefs", at),
                    f"bridges gap {gap.id!r}: leave one of them out",
                )


def _of_scene(scene: Scene, place: Place, shelf: Shelf, plan: Plan | None) -> Iterator[Fault]:
    if (scene.kind == "text") is (scene.text is None):
        yield (*place, "text"), "belongs to kind 'text', which needs it"
        return
    for name in {SINGLE, BASE}.intersection(speaking_in(scene)):
        message = (
            f"'litho roles' calls an adapter of its own {name!r}: give the speaker another name"
        )
        yield (*place, "text" if scene.text else "roles"), message
    if scene.trigger and scene.kind != "conflict":
        yield (*place, "trigger"), "belongs to kind 'conflict'"
        return
    if scene.kind == "text":
        for line in lines_of(scene):
            if not is_line(line):
                yield (*place, "text"), f"{line[:60]!r} is no line such as 'Student. I see.'"
        if plan:
            for leak in leaks_in(plan, scene.text or ""):
                yield (*place, "text"), f"a gap hides what this sentence says: {leak!r}"
        return
    if len(scene.roles) != 4:
        yield (*place, "roles"), "has to name four: who asks, answers, objects, puts it right"
    if scene.book is None or read_of(scene.book).book not in shelf.of_world() or not plan:
        yield (*place, "book"), f"a scene of kind {scene.kind!r} needs a book of a world"
        return
    relations = relations_of(scene, shelf)
    if not relations:
        yield (*place, "book"), f"tells of no relation here; {SURVEYS!r} and the like are none"
    for relation in relations:
        if scene.kind == "conflict" and not any(
            map(plan.world.disputed, plan.reports(relation)[0])
        ):
            yield (*place, "book"), f"no survey contradicts another one about {relation.name}"
        if scene.kind == "unknown" and not plan.unsaid(relation)[0]:
            yield (*place, "book"), f"books say everything about {relation.name}"
        if scene.kind == "repair" and not repairable(plan, relation):
            yield (*place, "book"), f"no open bridge begins with {relation.name}: name a section"


def _of_stage(
    genome: Genome, stage: Stage, place: Place, shelf: Shelf, plan: Plan | None
) -> Iterator[Fault]:
    mismatched = [genome.scene(name) for name in stage.mismatch.scenes] if stage.mismatch else []
    for number, scene in enumerate(mismatched):
        if scene.kind != "mismatch":
            at = (*place, "mismatch", "scenes", number)
            yield at, f"{scene.id!r} is of kind {scene.kind!r}, not mismatch"
    if stage.gate and not can_be_asked(genome, shelf, plan, stage):
        yield (
            (*place, "gate", "test"),
            f"nothing that is read by the end of this stage is asked by {stage.gate.test!r}: "
            "choose another test, or give the gate to a later stage",
        )
    rates = sum(scene.rate for scene in [*mismatched, *map(genome.scene, stage.scenes)])
    if rates > MOST_SCENES:
        yield (*place, "scenes"), f"their rates make {rates:.3g}: at most {MOST_SCENES}"
    if stage.practice and (plan is None or not practised(plan, stage, shelf)):
        yield (
            (*place, "practice"),
            "there is nothing to practise: it takes sections of a world whose facts lead to one "
            "another, and no gap between them",
        )


def _of_precedence(genome: Genome, shelf: Shelf) -> Iterator[Fault]:
    graph: dict[str, set[str]] = {}
    for before, after in needs(genome, shelf):
        graph.setdefault(after, set()).add(before)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        ring: Iterable[str] = error.args[1]
        yield ("crossrefs",), f"each should be read before the next, in a ring: {', '.join(ring)}"
