"""A started imprint."""

from dataclasses import dataclass
from pathlib import Path

from litho.core.reporter import Reporter
from litho.core.runs import RunDirectory
from litho.jobs.imprint.config import ImprintConfig, ImprintSpec
from litho.jobs.imprint.result import IMPRINT
from litho.jobs.models import Models
from litho.measure.scenes import open_book_scenes
from litho.model.loaded import LanguageModel
from litho.model.sources import ModelSource

EARLIER = "earlier"  # adapter onto which pages are printed


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

    def of_page(self, name: str, number: int) -> str:
        """The file of a stage that every page has of its own: `plan.json`, or `plan-2.json`."""
        if len(self.inputs.printed) == 1:
            return name
        stem, _, ending = name.rpartition(".")
        return f"{stem}-{number + 1}.{ending}"

    def scenes(self, model: LanguageModel) -> list[list[str]]:
        """Every page, cut where it is longer than the model's context."""
        return [open_book_scenes(model, page.text) for page in self.inputs.pages]

    @property
    def earlier_folder(self) -> Path:
        """Where the run keeps the adapter onto which it prints."""
        return self.run.path / EARLIER

    def adapter_folder(self, arm: str) -> Path:
        return self.run.path / ("adapter" if arm == IMPRINT else f"controls/{arm}")
