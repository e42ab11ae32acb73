"""Litho's own imprint of a page, from a finished run."""

from collections.abc import Iterator
from pathlib import Path

from alternatives_page import Bench, Page, Ready

from litho.core.errors import LithoError
from litho.core.runs import RunDirectory
from litho.jobs.imprint.result import IMPRINT, ImprintResult
from litho.model.adapters import lora, saved
from litho.model.state import State
from litho.text.pages import pages_in


def result_of(folder: Path) -> ImprintResult:
    """Raises LithoError if there is no finished imprint."""
    return ImprintResult(**RunDirectory.opened(folder).read_json("metrics.json"))


def imprinted(bench: Bench, page: Page, folder: Path) -> Iterator[Ready]:
    """Raises LithoError if the run in `folder` printed another text."""
    run = RunDirectory.opened(folder)
    printed = [held.text.strip() for held in pages_in(run.read_json("inputs.json"))]
    if printed != [page.text.strip()]:
        raise LithoError(f"{folder} is an imprint of another text than {page.name}")
    result = result_of(folder)
    with lora.restored(bench.exact):
        saved.load(bench.exact, IMPRINT, folder / "adapter")
        yield Ready(
            State(bench.exact, (IMPRINT,)),
            wall=result.seconds,
            stop="end",
            steps=result.presentations,
            lasts=True,
            settings=dict(run.read_yaml("manifest.yaml")["config"]),
        )
