"""A started imprint."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from litho.core.errors import LithoError
from litho.core.reporter import Reporter
from litho.core.runs import RunDirectory
from litho.jobs.imprint.config import ImprintConfig, ImprintSpec
from litho.jobs.imprint.result import IMPRINT
from litho.jobs.models import Models
from litho.measure.scenes import open_book_scenes
from litho.model.loaded import LanguageModel
from litho.model.sources import ModelSource

T = TypeVar("T")
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


def if_it_can(job: ImprintJob, without: str, speak: Callable[[], list[T]]) -> list[T]:
    """What a model says; nothing, and a note, if its template fails or it cannot speak.

    It would be told too late in the run to begin again. `without`: what there will not be.
    """
    try:
        return speak()
    except LithoError as error:
        job.reporter.note(f"{without}: {error}")
        return []
