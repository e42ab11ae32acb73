"""A finished school, opened: what other jobs go on from."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from litho.core.errors import LithoError
from litho.core.runs import INPUTS, MANIFEST, METRICS, RunDirectory
from litho.jobs.genome.build import Build
from litho.jobs.models import Models
from litho.jobs.school.config import SchoolSpec
from litho.jobs.school.first import first_learner
from litho.jobs.school.result import SchoolResult
from litho.jobs.weights import check_models
from litho.model.learner import Learner
from litho.model.placement import Placement
from litho.text.school.genome import Genome
from litho.text.school.stages import School

_MODEL, _BUILT, _CHECKPOINTS, _ENDING = "model", "build", "checkpoints", ".safetensors"


@dataclass(frozen=True)
class FinishedSchool:
    """A run of `litho school`."""

    path: Path
    spec: SchoolSpec
    result: SchoolResult

    @classmethod
    def opened(cls, path: Path) -> "FinishedSchool":
        """Raises LithoError if it is none, or not finished."""
        path = path.absolute()
        run = RunDirectory.opened(path)
        with run.damage_told():
            manifest = path / MANIFEST
            command = run.read_yaml(MANIFEST).get("command") if manifest.is_file() else None
            if command != "school":
                raise LithoError(f"{path} is no run of litho school: give the folder of one")
            spec = SchoolSpec(**run.read_json(INPUTS))
            return cls(path, spec, SchoolResult(**run.read_json(METRICS)))

    @property
    def model(self) -> Path:
        """The folder of the model, wherever the run lies now."""
        return self.path / _MODEL

    @property
    def folder(self) -> Path:
        """From which the genome's files are looked for."""
        return Path(self.spec.folder)

    @cached_property
    def genome(self) -> Genome:
        return self.spec.genome

    @cached_property
    def build(self) -> Build:
        return Build.opened(self.path / _BUILT)

    @cached_property
    def school(self) -> School:
        return School.of(self.genome, self.folder)

    def learner(self, models: Models, placement: Placement) -> Learner:
        """The model as it was before the school; a checkpoint brings it to the end of a stage.

        Raises LithoError if checkpoints hold an adapter alone and its base has other weights now.
        """
        if self.genome.train.adapter:
            check_models(self.spec, RunDirectory.opened(self.path).read_yaml(MANIFEST))
        codec, vocabulary = self.build.codec, self.result.vocabulary
        return first_learner(self.spec, self.genome, models, placement, codec, vocabulary)

    def checkpoints(self) -> dict[str, Path]:
        """The state at the end of each stage. Raises LithoError if one is not there any more."""
        ends = Path(self.spec.checkpoints) if self.spec.checkpoints else self.path / _CHECKPOINTS
        found = {stage.id: ends / (stage.checkpoint + _ENDING) for stage in self.result.stages}
        for stage, path in found.items():
            if not path.is_file():
                raise LithoError(
                    f"the checkpoint of stage {stage!r} is missing ({path}): 'litho school' with "
                    "the same genome makes it again"
                )
        return found
