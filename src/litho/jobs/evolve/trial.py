"""One school of an evolution: a genome compiled, its model trained and examined, and left."""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from litho.core.errors import LithoError
from litho.core.reporter import Silent
from litho.core.work import Result, key_of
from litho.jobs.genome.build import Build
from litho.jobs.genome.compiler import compile_written
from litho.jobs.models import Models
from litho.jobs.school.adapting import hold_of
from litho.jobs.school.config import SchoolSpec
from litho.jobs.school.cost import teaching_of
from litho.jobs.school.exam import examined
from litho.jobs.school.first import first_learner
from litho.jobs.school.lessons import depends, lessons_of, subjects_of
from litho.jobs.school.pacing import depends_on_pace, pace_of
from litho.learn.schooling.education import UNFINISHED, Places, educate, trained_before
from litho.learn.schooling.loop import Schooling
from litho.model.loading import load
from litho.model.placement import Placement
from litho.model.sources import locate
from litho.text.school.canonical import rewritten
from litho.text.school.genome import Genome

FORMAT = 1  # changes with every change of what a trial means


@dataclass(frozen=True)
class Raised:
    """A trial as it can be sent to another process."""

    genome: Genome
    seed: int
    folder: str  # from which the genome's files are looked for
    checkpoints: str
    work: str  # folder of what is of no use to other trials
    device: str
    start: str | None = None  # hash of the model that goes on

    @property
    def specification(self) -> dict[str, Any]:
        """What the result is made from: the genome's name is not a part of it."""
        genome = self.genome.model_dump(mode="json", by_alias=True, exclude={"id"})
        said = {"trial": FORMAT, "genome": genome, "seed": self.seed, "device": self.device}
        return said | ({"start": self.start} if self.start else {})

    @property
    def key(self) -> str:
        return key_of(self.specification)

    def __call__(self) -> Result:
        """Train from the last checkpoint that there is, and examine.

        One that was killed goes on with what it left in its folder.
        """
        began, place = time.monotonic(), Path(self.work) / self.key
        place.mkdir(parents=True, exist_ok=True)
        said = self._raised(place)
        shutil.rmtree(place)
        return said | {"seconds": round(time.monotonic() - began, 1)}

    def _raised(self, place: Path) -> Result:
        genome = with_seed(self.genome, self.seed)
        text = rewritten(genome)
        spec = SchoolSpec(written=text, source=genome.id, folder=self.folder)
        placement, folder = Placement.parse(self.device), Path(self.folder)
        compile_written(text, genome.id, folder, place / "build", 1, Silent())
        build = Build.opened(place / "build")
        learner = first_learner(
            spec, genome, Models(), placement, build.codec, build.result.vocabulary
        )
        known = depends(genome, placement, learner, self.start) | depends_on_pace(genome, None)
        lessons = lessons_of(build, genome, known)
        alone = frozenset({lessons[-1].key})  # no other genome of the search ends like this
        places = Places(Path(self.checkpoints), place / UNFINISHED, alone)
        reused = sum(each.rows.count for each in lessons[: trained_before(lessons, places)])
        hold = hold_of(genome, learner)
        schooling = Schooling(learner, teaching_of(genome), subjects_of(genome), hold=hold)
        educate(schooling, lessons, places, Silent(), pace=pace_of(genome, folder, build.codec))
        if hold:
            hold.settle()
        shutil.rmtree(place / "model", ignore_errors=True)
        learner.save(place / "model")
        exam = examined(genome, folder, load(locate(str(place / "model")), placement), Silent())
        if exam is None:
            raise LithoError(
                f"{genome.id} has no question that its model can read: raise train.seq"
            )
        return {
            **exam.model_dump(mode="json", include={"tests", "shortcuts", "verdict"}),
            "tokens": schooling.progress.tokens,
            "reused": reused,
            "checkpoints": [places.end_of(each).name for each in lessons[:-1]],
        }


def with_seed(genome: Genome, seed: int) -> Genome:
    """The same education in other words, of a model with other weights to begin with."""
    return genome.model_copy(update={"seed": (genome.seed + seed) % 2**63})
