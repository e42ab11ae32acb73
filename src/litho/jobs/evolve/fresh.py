"""The same education in a world that nothing was chosen on; no torch."""

import re

from litho.jobs.evolve.search import Trial
from litho.text.school.genome import Genome

FIRST = 1000  # of the seeds that no search uses
_SEED = re.compile(r"^(world:)(\d+)")


def fresh_trials(genome: Genome, count: int) -> list[Trial]:
    """Trials with fresh seeds, each in a world of its own; books from files stay as they are."""
    return [Trial(on_world(genome, FIRST + i), FIRST + i) for i in range(count)]


def on_world(genome: Genome, shift: int) -> Genome:
    """Its books, from a world whose seed is higher by `shift`."""

    def moved(source: str) -> str:
        return _SEED.sub(lambda found: f"{found[1]}{int(found[2]) + shift}", source)

    library = {
        name: book.model_copy(update={"source": moved(book.source)})
        for name, book in genome.library.items()
    }
    return genome.model_copy(update={"library": library})
