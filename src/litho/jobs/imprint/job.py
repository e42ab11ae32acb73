"""A started imprint."""

from dataclasses import dataclass
from pathlib import Path

from litho.core.reporter import Reporter
from litho.core.runs import RunDirectory
from litho.jobs.imprint.config import ImprintConfig
from litho.jobs.imprint.inputs import Inputs
from litho.jobs.imprint.result import DUPLICATES, IMPRINT
from litho.model.sources import ModelSource


@dataclass(frozen=True)
class ImprintJob:
    """A started run with what it started from."""

    run: RunDirectory
    inputs: Inputs
    config: ImprintConfig
    source: ModelSource
    reporter: Reporter

    @property
    def arms(self) -> list[str]:
        return [IMPRINT] + ([DUPLICATES] if self.config.controls == "duplicates" else [])

    def adapter_folder(self, arm: str) -> Path:
        return self.run.path / ("adapter" if arm == IMPRINT else f"controls/{arm}")
