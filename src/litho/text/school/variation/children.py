"""Children of genomes: varied, mended, and valid."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from litho.core.errors import LithoError
from litho.text.school.changes import changes
from litho.text.school.check import MOST_SCENES, faults
from litho.text.school.genome import Genome
from litho.text.school.plan import Plan, practised
from litho.text.school.shelf import Shelf, open_shelf
from litho.text.school.variation import crossover
from litho.text.school.variation.mutations import MUTATIONS

TRIES = 200  # for a child that is valid and new
_CROSSED = 0.5  # share of the children of two parents


@dataclass(frozen=True)
class Child:
    """A genome, where it comes from, and what is different in it."""

    genome: Genome
    parents: tuple[str, ...]  # ids; the first is the one that `changes` compares with
    operators: tuple[str, ...]
    changes: tuple[str, ...]

    @property
    def id(self) -> str:
        return self.genome.id


def child_of(parents: Sequence[Genome], name: str, chance: Random, folder: Path) -> Child:
    """A valid genome called `name` that differs from its one or two parents.

    Two parents are crossed in half of the cases; a mutation follows. Raises LithoError if the
    parents leave nothing to change.
    """
    shelf = open_shelf(parents[0], folder)
    for _ in range(TRIES):
        operators: list[str] = []
        genome = parents[0]
        if len(parents) > 1 and chance.random() < _CROSSED:
            operator = chance.choice((crossover.at_border, crossover.order))
            crossed = operator(parents[0], parents[1], chance)
            if crossed:
                genome = crossed
                operators.append(f"{operator.__name__} with {parents[1].id}")
        mutation = chance.choice(sorted(MUTATIONS))
        mutated = MUTATIONS[mutation](genome, shelf, chance)
        if mutated is None:
            continue
        made = _finished(mutated, name, shelf)
        if not same(made, parents) and not any(faults(made, folder)):
            operators.append(mutation)
            used = parents[: 2 if len(operators) > 1 else 1]
            said = (line for line in changes(parents[0], made) if not line.startswith("id: "))
            return Child(made, tuple(each.id for each in used), tuple(operators), tuple(said))
    raise LithoError(
        f"{parents[0].id} leaves nothing to recombine: give it more stages, books or sections"
    )


def shuffled(genome: Genome, name: str, chance: Random, folder: Path) -> Genome:
    """The same readings, stages by chance, each with as many as it had.

    Raises LithoError if no order by chance is valid.
    """
    shelf = open_shelf(genome, folder)
    for _ in range(TRIES):
        readings = [each for stage in genome.stages for each in stage.books]
        chance.shuffle(readings)
        stages = []
        for stage in genome.stages:
            taken, readings = readings[: len(stage.books)], readings[len(stage.books) :]
            stages.append(stage.model_copy(update={"books": tuple(taken)}))
        made = _finished(genome.model_copy(update={"stages": tuple(stages)}), name, shelf)
        if not any(faults(made, folder)):
            return made
    raise LithoError(f"no shuffled order of {genome.id} is valid: leave out references")


def same(genome: Genome, others: Sequence[Genome]) -> bool:
    """Whether it is one of the others but for its name."""
    return any(genome == other.model_copy(update={"id": genome.id}) for other in others)


def _finished(genome: Genome, name: str, shelf: Shelf) -> Genome:
    """Mended, with another name."""
    return _practising(_playing(genome), shelf).model_copy(update={"id": name})


def _playing(genome: Genome) -> Genome:
    """Scenes of a stage that would take more than their share are played less often."""
    scenes = {scene.id: scene for scene in genome.scenes}
    for stage in genome.stages:
        rates = sum(scenes[name].rate for name in stage.played)
        if rates > MOST_SCENES:
            for name in stage.played:
                less = int(scenes[name].rate * MOST_SCENES / rates * 1e6) / 1e6
                scenes[name] = scenes[name].model_copy(update={"rate": less})
    return genome.model_copy(update={"scenes": tuple(scenes.values())})


def _practising(genome: Genome, shelf: Shelf) -> Genome:
    """A stage in which nothing is left to practise practises nothing."""
    plan = Plan.of(genome, shelf)
    stages = [
        stage.model_copy(update={"practice": None})
        if stage.practice and (plan is None or not practised(plan, stage, shelf))
        else stage
        for stage in genome.stages
    ]
    return genome.model_copy(update={"stages": tuple(stages)})
