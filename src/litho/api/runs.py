"""What all functions share: a model is loaded; a run is made, gone on with, reported on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from threading import Event as Flag
from typing import TYPE_CHECKING

from litho.api.arguments import (
    Progress,
    device_given,
    reporter_given,
    was_chosen,
)
from litho.core.errors import AlreadyDone, Cancelled, Interrupted, Taken
from litho.core.runs import RunDirectory
from litho.jobs import DEFAULT_MODEL
from litho.jobs.spec import DEFAULT_DEVICE, Device, Spec

if TYPE_CHECKING:
    from litho.jobs.models import Models
    from litho.jobs.runner import Checked
    from litho.jobs.workers import Workers
    from litho.model.loaded import LanguageModel


def load(name: str = DEFAULT_MODEL, device: str | Device = "auto") -> "LanguageModel":
    """A model to be measured: bundled, a folder, a hub id or tiny, see `--model`.

    In float32 where that fits into memory, unless `device` says otherwise. Raises LithoError if
    there is no such model or device, or the model cannot be loaded.
    """
    from litho.jobs.models import Models

    models = Models()
    models.place(device_given(device))
    return models.load(name)


def resume(run: Path, *, progress: Progress | None = None, cancel: Flag | None = None) -> object:
    """Go on with an interrupted run of any command; returns its result.

    Raises LithoError if there is no unfinished run, or its model has changed.
    """
    from litho.jobs import runner
    from litho.jobs.models import Models

    return runner.resume(run, Models(), reporter_given(progress, cancel), _write_report)


def report(run: Path, *, language: str | None = None) -> Path:
    """Write the report of a finished run again, in English (`en`) or Russian (`ru`).

    Without a language: as the variable LITHO_LANGUAGE says, or in English. Returns the path of the
    report. Raises LithoError if there is no finished run, its files are damaged, or there are no
    reports in that language.
    """
    from litho.show.report import write_report
    from litho.show.say import chosen_language

    chosen = chosen_language(language)
    directory = RunDirectory.opened(run)
    with directory.damage_told():
        return write_report(directory, chosen)


def expected(command: str, spec: Spec, models: "Models") -> "Checked":
    """What a job says before it begins: its time and memory, and notices; nothing is written.

    `models`: those of this process, used again. Raises LithoError if anything given is unusable.
    """
    from litho.jobs import runner

    spec = spec.pinned()
    models.place(spec.device)
    return runner.job_of(command).check(spec, models)


_ONCE = ContextVar("once", default=False)


@contextmanager
def once() -> Iterator[None]:
    """Inside, a run that is finished is not made again, and one that was begun is gone on with.

    Both of the same inputs and settings; for a finished one, AlreadyDone is raised.
    """
    token = _ONCE.set(True)
    try:
        yield
    finally:
        _ONCE.reset(token)


def run_job(
    command: str,
    spec: Spec,
    out: Path,
    model: "str | LanguageModel | None",
    progress: Progress | None,
    cancel: Flag | None,
    workers: "Workers | None" = None,
) -> object:
    from litho.jobs import runner
    from litho.jobs.models import Models, device_of
    from litho.jobs.workers import ALONE
    from litho.show.say import chosen_language

    chosen_language()  # one that there is not
    job, models = runner.job_of(command), Models()
    if model is not None and not isinstance(model, str):
        models.hold(model)
        if spec.device == DEFAULT_DEVICE:
            spec = spec.model_copy(update={"device": device_of(model.placement)})
    if _ONCE.get():
        if runner.is_done(job, spec, out):
            raise AlreadyDone(f"{out} is finished already, of the same inputs and settings")
        if runner.is_begun(job, spec, out):
            return resume(out, progress=progress, cancel=cancel)
    reporter = reporter_given(progress, cancel)
    try:
        run = _started(
            out, lambda folder: runner.start(job, spec, folder, models, reporter, workers or ALONE)
        )
        return runner.finish(run, job, models, reporter, _write_report, workers or ALONE)
    except Cancelled:
        raise Interrupted("stopped before the run began: nothing was written") from None
    finally:
        models.take_adapters_off()


def _started(out: Path, start: Callable[[Path], RunDirectory]) -> RunDirectory:
    """Where nobody named the folder and another process has it by now, in the next one."""
    folder, number, chosen = out, 1, was_chosen(out)
    while True:
        try:
            return start(folder)
        except Taken:
            if not chosen:
                raise
        number += 1
        folder = out.with_name(f"{out.name}-{number}")


def _write_report(run: RunDirectory) -> Path:
    from litho.show.report import write_report

    return write_report(run)
