"""What an evolution starts from; no torch."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from litho.core.config import Config
from litho.jobs.evolve.race import rising, trials_of
from litho.jobs.school.config import SchoolSpec
from litho.jobs.spec import Spec
from litho.text.school.genome import Genome, parse_genome


class EvolveConfig(Config):
    """How genomes are bred and raced."""

    generations: int = Field(3, ge=1)
    """Generations; the first holds the genome that was given."""
    size: int = Field(9, ge=2)
    """Genomes in a generation."""
    rungs: Annotated[tuple[int, ...], AfterValidator(rising)] = (1, 3, 9)
    """Seeds with which a genome has been tried when it reaches a rung of the race; of those on one
    rung a third goes on to the next."""
    random_search: bool = True
    """Whether as many runs are spent on genomes by chance, to compare with."""
    finalists: int = Field(3, ge=1)
    """The best genomes, which are tried again on fresh seeds and worlds."""
    fresh: int = Field(10, ge=2)
    """Fresh seeds, each with a world of its own, for the finalists and what they are compared
    with."""
    seed: int = Field(0, ge=0)
    """Seed of everything that is drawn at random."""

    @property
    def runs(self) -> int:
        """Schools of one search, without those on fresh seeds."""
        return self.generations * trials_of(self.size, self.rungs)

    @property
    def schools(self) -> int:
        """Schools in all: both searches, and everyone on fresh seeds."""
        searches = 2 if self.random_search else 1
        return searches * self.runs + self.fresh * (self.finalists + 1 + searches)


class EvolveSpec(Spec):
    """A genome as it was written, and where its files are looked for from."""

    written: str
    source: str  # what the genome is called in messages
    folder: str
    checkpoints: str | None = None  # a folder that several runs share; none: one in the run
    config: EvolveConfig = EvolveConfig()

    @property
    def genome(self) -> Genome:
        """Raises LithoError that names line and field of what is wrong."""
        return parse_genome(self.written, self.source, Path(self.folder))

    @property
    def school(self) -> SchoolSpec:
        """That of the genome that was given."""
        return SchoolSpec(
            device=self.device, written=self.written, source=self.source, folder=self.folder
        )

    def models(self) -> dict[str, str]:
        return self.school.models()
