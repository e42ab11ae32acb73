"""The life cycle of every job: check, run directory, manifest, stages, resume, report.

A job is described by a `Job`: the specification that it starts from, a check that says what it will
cost and raises LithoError before anything is written, and the run itself. `start` and `finish` are
its two halves; `resume` takes up what an earlier process left.
"""

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

import torch
from pydantic import BaseModel

from litho.core.errors import (
    SHORT_OF_MEMORY,
    Cancelled,
    Interrupted,
    LithoError,
    command_told,
    disk_is_full,
    first_line,
    memory_is_short,
    unusable_file,
)
from litho.core.reporter import Reporter
from litho.core.runs import INPUTS, MANIFEST, METRICS, PARTIAL, RunDirectory, check_free, check_room
from litho.jobs.commands import JOBS
from litho.jobs.cost import Cost
from litho.jobs.models import Models
from litho.jobs.spec import Spec
from litho.jobs.weights import adapters_of, changed, check_models
from litho.jobs.workers import ALONE, Workers
from litho.model.sources import locate
from litho.track.follow import following
from litho.track.tracker import chosen

EARLIER = "a run of an earlier version of Litho cannot be resumed: start it again"

Specified = TypeVar("Specified", bound=Spec)
Result = TypeVar("Result", bound=BaseModel)
Report = Callable[[RunDirectory], object]


@dataclass(frozen=True)
class Checked:
    """What the check of a job says before the work."""

    cost: Cost | None = None
    manifest: Mapping[str, Any] = field(default_factory=dict)  # entries of the job's own
    notices: list[str] = field(default_factory=list)
    disk: int = 0  # bytes that the folder of the run will take, where these are many


@dataclass(frozen=True)
class Context(Generic[Specified]):
    """A job while it runs."""

    run: RunDirectory
    spec: Specified
    models: Models
    reporter: Reporter
    manifest: Mapping[str, Any]
    workers: Workers
    show: Callable[[], None] = lambda: None  # writes a page of what is there so far


@dataclass(frozen=True)
class Job(Generic[Specified, Result]):
    """A capability as the runner sees it."""

    command: str
    spec: type[Specified]
    check: Callable[[Specified, Models], Checked]
    run: Callable[[Context[Specified]], Result]
    done: Callable[[RunDirectory, Result], None] = lambda run, result: None  # once it is whole
    # Raises LithoError where a run that is there may not be gone on with from this specification.
    admits: Callable[[Context[Specified]], None] = lambda context: None
    joint: tuple[str, ...] = ()  # several processes may work on one run, begun by these commands


def job_of(command: str) -> Job[Any, Any]:
    """The job of a command. Raises LithoError if there is none."""
    if command not in JOBS:
        raise LithoError(f"unknown command {command!r} in a manifest: update Litho")
    return cast("Job[Any, Any]", import_module(JOBS[command]).JOB)


def start(
    job: Job[Specified, Result],
    spec: Specified,
    out: Path,
    models: Models,
    reporter: Reporter,
    workers: Workers = ALONE,
) -> RunDirectory:
    """Check everything, then make the run directory with its inputs and manifest.

    Raises LithoError, with nothing written, if any input is unusable.
    """
    if not job.joint:
        check_free(out)
    chosen()  # trackers that are not there
    reporter.stage("loading")
    described = {role: locate(name).described() for role, name in spec.models().items()}
    spec = spec.pinned()
    models.place(spec.device)
    checked = job.check(spec, models)
    check_room(out, checked.disk)
    if adapters := adapters_of(spec):
        described["adapters"] = adapters
    placed = {"placement": models.described, "precision": models.precision()}
    manifest = _manifest(job, spec, checked, described, placed)
    if job.joint:
        run = RunDirectory.join(out)
        _go_on(job, Context(run, spec, models, reporter, manifest, workers))
        return run
    run = RunDirectory.create(out)
    try:
        _write(run, spec, manifest)
    except BaseException:
        run.discard()
        raise
    return run


def _manifest(
    job: Job[Specified, Result],
    spec: Specified,
    checked: Checked,
    described: Mapping[str, Any],
    placed: Mapping[str, Any],  # None: no model was loaded yet
) -> dict[str, Any]:
    settings = getattr(spec, "config", None)
    return {
        "command": job.command,
        **described,
        **checked.manifest,
        **({"config": settings.model_dump(mode="json")} if settings else {}),
        **({"expected": checked.cost.model_dump()} if checked.cost else {}),
        "notices": checked.notices,
        **{name: said for name, said in placed.items() if said},
        **_circumstances(),
    }


def _circumstances() -> dict[str, Any]:
    """What a result may depend on besides its specification."""
    return {
        "threads": torch.get_num_threads(),
        "machine": platform.machine(),
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in ("litho", "torch", "transformers", "peft")},
    }


def _write(run: RunDirectory, spec: Spec, manifest: Mapping[str, Any]) -> None:
    for name in (METRICS, MANIFEST):  # of other inputs: killed in between, it has not begun
        (run.path / name).unlink(missing_ok=True)
    run.write_json(INPUTS, spec.model_dump(mode="json", exclude={"config"}))
    run.write_yaml(MANIFEST, dict(manifest))


def _go_on(job: Job[Specified, Result], context: Context[Specified]) -> None:
    """Begin in the folder of a run, or with other inputs in that of a run of the same kind.

    Raises LithoError, and leaves the run that is there as it is, if that cannot be.
    """
    run, spec = context.run, context.spec
    with run.alone():
        begun = _begun(run)
        if begun not in (None, *job.joint):
            raise LithoError(f"{run.path} holds a run of 'litho {begun}': choose another --out")
        if begun is None or not _is_of(run, job, spec):
            if begun:
                job.admits(context)
            _write(run, spec, context.manifest)


def _begun(run: RunDirectory) -> str | None:
    """The command of a run that is there already. Raises LithoError on files of something else."""
    if (run.path / MANIFEST).is_file():
        manifest = run.read_yaml(MANIFEST)
        if not isinstance(manifest, dict) or "command" not in manifest:
            raise LithoError(f"{run.path / MANIFEST} is of no run of Litho: choose another --out")
        return str(manifest["command"])
    if (run.path / METRICS).is_file():
        raise LithoError(
            f"{run.path} holds a run of an earlier version of Litho: choose another --out"
        )
    return None


def is_begun(job: Job[Specified, Result], spec: Specified, out: Path) -> bool:
    """Whether there is an unfinished run of the same specification, which can be resumed."""
    folder = out.absolute().with_name(out.name + PARTIAL)
    return (folder / MANIFEST).is_file() and _is_of(RunDirectory(folder), job, spec.pinned())


def is_done(job: Job[Specified, Result], spec: Specified, out: Path) -> bool:
    """Whether there is a finished run of the same specification."""
    there = all((out / name).is_file() for name in (MANIFEST, METRICS))
    return there and _is_of(RunDirectory(out.absolute()), job, spec.pinned())


def _is_of(run: RunDirectory, job: Job[Specified, Result], spec: Specified) -> bool:
    """Whether a run is of a specification, which is pinned, and of the weights that it names."""
    with run.damage_told():
        manifest = run.read_yaml(MANIFEST)
        if manifest["command"] != job.command or not _specification(run, job.spec).alike(spec):
            return False
        # Runs of earlier versions do not name all models.
        return spec.models().keys() <= manifest.keys() and not changed(spec, manifest)


def _specification(run: RunDirectory, kind: type[Specified]) -> Specified:
    """What a run was started from."""
    manifest, inputs = run.read_yaml(MANIFEST), run.read_json(INPUTS)
    if "config" in kind.model_fields:
        inputs["config"] = manifest["config"]
    try:
        return kind(**inputs)
    except ValueError:
        raise LithoError(EARLIER) from None


def resume(path: Path, models: Models, reporter: Reporter, report: Report) -> BaseModel:
    """Go on with a run that was interrupted.

    Raises LithoError, and leaves the run as it is, if it cannot be gone on with.
    """
    chosen()
    run = RunDirectory.resume(path)
    with run.damage_told():
        try:
            manifest = run.read_yaml(MANIFEST)
            job = job_of(manifest["command"])
            check_models(_specification(run, job.spec), manifest)
        except BaseException:
            run.release()
            raise
        return finish(run, job, models, reporter, report)


def finish(
    run: RunDirectory,
    job: Job[Specified, Result],
    models: Models,
    reporter: Reporter,
    report: Report,
    workers: Workers = ALONE,
) -> Result:
    """Do what is left to do of a started run, write its report and give it its name."""
    result: Result | None = None

    def go_on(reason: str) -> str:
        return _how_to_go_on(run, bool(job.joint), result is not None, reason)

    try:
        with following(run, reporter) as followed:
            show = partial(_show, run, followed, report)
            result = _run(run, job, models, followed, workers, show)
            _report(run, followed, report)
        job.done(run, result)  # a run that has its name is not resumed
        run.finish()
    except (KeyboardInterrupt, Cancelled):
        raise Interrupted(go_on("stopped")) from None
    except Exception as error:
        if disk_is_full(error):
            raise LithoError(go_on("the disk is full: free some space")) from error
        if memory_is_short(error):
            raise LithoError(go_on(SHORT_OF_MEMORY)) from error
        if reason := unusable_file(error):
            raise LithoError(go_on(reason)) from error
        if not isinstance(error, LithoError) or job.joint:
            raise
        if run.has_stages or run.has_metrics:
            kept = f"{error}; what was done before is kept in {run.path}"
            raise LithoError(kept) from error
        run.discard()
        raise
    finally:
        run.release()
    return result


def _run(
    run: RunDirectory,
    job: Job[Specified, Result],
    models: Models,
    reporter: Reporter,
    workers: Workers,
    show: Callable[[], None],
) -> Result:
    manifest = run.read_yaml(MANIFEST)
    spec = _specification(run, job.spec)
    if "placement" in manifest:
        models.place_again(spec.device, manifest["placement"])
    else:
        models.place(spec.device)
    _announce(run, manifest, models, reporter)
    torch.set_num_threads(manifest["threads"])  # sums depend on how they are split
    result = job.run(Context(run, spec, models, reporter, manifest, workers, show))
    with run.alone():
        if job.joint:  # another process may have begun with other inputs since
            _write(run, spec, manifest)
        run.write_json(METRICS, result.model_dump(mode="json"))
    return result


def _announce(
    run: RunDirectory, manifest: Mapping[str, Any], models: Models, reporter: Reporter
) -> None:
    """What the user should know before the work begins or goes on."""
    if expected := manifest.get("expected"):
        minutes = max(1, round(expected["seconds"] / 60))
        reporter.note(
            f"expected: about {minutes} min in all, {expected['gib']:.1f} GiB of memory; run "
            f"folder {run.path}"
        )
    for notice in manifest["notices"]:
        reporter.note(f"note: {notice}")
    now = _circumstances() | {"placement": models.described}
    other = [
        f"{name} {_said(then)} (now {_said(now[name])})"
        for name, then in manifest.items()
        if name in now and then != now[name] and name != "threads"
    ]
    if other:
        reporter.note(
            f"note: this run was started under {', '.join(other)}: what is still to be done may "
            "differ in the last digits"
        )


def _said(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key} {item}" for key, item in value.items())
    return str(value)


def _report(run: RunDirectory, reporter: Reporter, report: Report) -> None:
    """Write the report; what goes wrong there takes no number away."""
    reporter.stage("writing the report")
    try:
        report(run)
    except Exception as error:
        if isinstance(error, Cancelled):
            return
        reporter.note(
            f"note: the report could not be written ({type(error).__name__}: "
            f"{first_line(error)}); all numbers are there: "
            f"{command_told('report', run.final_path)} tries again"
        )


def _show(run: RunDirectory, reporter: Reporter, report: Report) -> None:
    """Write a page while the run goes on; if that goes wrong, the run does not."""
    try:
        report(run)
    except Exception as error:
        reporter.note(f"note: no page of the run ({type(error).__name__}: {first_line(error)})")


def _how_to_go_on(run: RunDirectory, joint: bool, done: bool, reason: str) -> str:
    """`done`: whether this process has its numbers; those in a joint run may be another's."""
    if run.is_finished and (done or not joint):
        return (
            f"{reason}; all numbers are there: {command_told('report', run.path)} writes the report"
        )
    if joint:
        return f"{reason}; give the same command again to go on in {run.path}"
    return f"{reason}; go on with {command_told('resume', run.final_path)}"
