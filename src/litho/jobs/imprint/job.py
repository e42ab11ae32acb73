"""A started imprint."""

from dataclasses import dataclass
from pathlib import Path

from litho.core.reporter import Reporter
from litho.core.runs import RunDirectory
from litho.jobs.imprint.config import ImprintConfig, ImprintSpec
from litho.jobs.imprint.result import IMPRINT
from litho.jobs.models import Models
from litho.model.loaded import LanguageModel
from litho.model.sources import ModelSource


@dataclass(frozen=True)
class ImprintJob:
    """A started run with what it started from."""

    run: RunDirectory
    inputs: ImprintSpec
    config: ImprintConfig
    source: ModelSource
    models: Models
    reporter: Reporter

    @property
    def arms(self) -> list[str]:
        return self.config.arms

    def model(self, dtype: str | None = None) -> LanguageModel:
        """The base model without adapters, to be measured or, in a precision, to be trained."""
        return self.models.load(self.inputs.model, dtype)

    def adapter_folder(self, arm: str) -> Path:
        return self.run.path / ("adapter" if arm == IMPRINT else f"controls/{arm}")
