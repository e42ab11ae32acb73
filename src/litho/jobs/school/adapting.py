"""A model that goes on by an adapter: what is saved of it at the end of each stage."""

from litho.core.runs import RunDirectory
from litho.jobs.school.result import StageAdapter
from litho.learn.schooling.hold import Hold
from litho.model.adapters import saved
from litho.model.learner import ADAPTER, Learner
from litho.model.loaded import LanguageModel
from litho.text.school.genome import Genome

ADAPTERS = "adapters"


class Adapting:
    """The adapter of a school, and what holds it."""

    def __init__(self, run: RunDirectory, model: LanguageModel, hold: Hold) -> None:
        self._run, self._model, self.hold = run, model, hold
        self.saved: list[StageAdapter] = []

    def settle(self, stage: str) -> None:
        """Save the adapter as it is at the end of a stage."""
        self.hold.settle()
        saved.save(self._model, ADAPTER, self._run.path / ADAPTERS / stage)
        place = self._run.final_path / ADAPTERS / stage
        self.saved.append(StageAdapter(stage=stage, adapter=str(place), drift=self.hold.drift))


def hold_of(genome: Genome, learner: Learner) -> Hold | None:
    """What holds the adapter of a learner; None where all weights are trained."""
    model, settings = learner.adapted, genome.train.adapter
    if model is None or settings is None:
        return None
    return Hold(model, ADAPTER, settings.drift, genome.seed)


def adapting(run: RunDirectory, genome: Genome, learner: Learner) -> Adapting | None:
    """None where all weights are trained."""
    model, hold = learner.adapted, hold_of(genome, learner)
    return Adapting(run, model, hold) if model and hold else None
