"""What becomes of a school afterwards: its journal, and data sets rewritten from its failures."""

from collections.abc import Mapping
from pathlib import Path
from threading import Event as Flag
from typing import TYPE_CHECKING, cast

from litho.api.arguments import Progress, Settings, device_given, folder_given, settings_given
from litho.api.runs import resume, run_job
from litho.core.config import make_config
from litho.core.errors import LithoError
from litho.core.runs import MANIFEST, RunDirectory
from litho.jobs.journal.config import JournalSpec
from litho.jobs.reprint.config import ReprintConfig, ReprintSpec
from litho.jobs.rewrite.config import RewriteSpec
from litho.jobs.spec import Device
from litho.text.school.rewriting.settings import Journal, Rewrite

if TYPE_CHECKING:
    from litho.jobs.journal.result import JournalResult
    from litho.jobs.reprint.result import ReprintResult
    from litho.jobs.rewrite.result import RewriteResult


def journal(
    school: Path,
    *,
    out: Path | None = None,
    device: str | Device = "auto",
    config: Journal | None = None,
    progress: Progress | None = None,
    cancel: Flag | None = None,
    **settings: object,
) -> "JournalResult":
    """Which spans were hard for a school's model at the borders of stages, and what mended it.

    `school`: the folder of a run of `litho school`, with its checkpoints. Settings that are not
    given are those of the genome's `journal`. Raises LithoError if anything given is unusable.
    """
    from litho.jobs.school.finished import FinishedSchool

    genome = FinishedSchool.opened(school).genome
    given = config.model_dump(exclude_unset=True) if config else settings
    spec = JournalSpec(
        school=str(school.absolute()),
        device=device_given(device),
        config=_over(genome.journal or Journal(), given),
    )
    folder = folder_given(out, school.name, "journal")
    return cast("JournalResult", run_job("journal", spec, folder, None, progress, cancel))


def rewrite(
    school: Path,
    out: Path,
    *,
    device: str | Device = "auto",
    config: Rewrite | None = None,
    progress: Progress | None = None,
    cancel: Flag | None = None,
    **settings: object,
) -> "RewriteResult":
    """Rewrite the data set of a finished school from its model's answers, and train on.

    `school`: the folder of a run of `litho school`. Settings that are not given are those of the
    genome's `rewrite`. An unfinished run of the same in `out` goes on. Raises LithoError if
    anything given is unusable.
    """
    from litho.jobs.runner import is_begun, job_of
    from litho.jobs.school.finished import FinishedSchool

    genome = FinishedSchool.opened(school).genome
    given = config.model_dump(exclude_unset=True) if config else settings
    spec = RewriteSpec(
        school=str(school.absolute()),
        journal=genome.journal or Journal(),
        device=device_given(device),
        config=_over(genome.rewrite or Rewrite(), given),
    )
    if is_begun(job_of("rewrite"), spec, out):
        return cast("RewriteResult", resume(out, progress=progress, cancel=cancel))
    return cast("RewriteResult", run_job("rewrite", spec, out, None, progress, cancel))


def rewrite_pages(
    printed: Path,
    out: Path,
    *,
    device: str | Device = "auto",
    config: ReprintConfig | None = None,
    progress: Progress | None = None,
    cancel: Flag | None = None,
    **settings: object,
) -> "ReprintResult":
    """Print on with what a model still gets wrong about its pages, round after round.

    `printed`: the folder of a run of `litho imprint`. An unfinished run of the same in `out` goes
    on. Raises LithoError if anything given is unusable.
    """
    from litho.jobs.reprint.printed import Printed
    from litho.jobs.runner import is_begun, job_of

    found = Printed.opened(printed)
    spec = ReprintSpec(
        model=found.inputs.model,
        printed=str(found.path),
        adapter_sha256=found.result.adapter_sha256,
        done=found.result.presentations,
        inputs=found.inputs,
        device=device_given(device),
        config=settings_given(ReprintConfig, config, settings),
    )
    if is_begun(job_of("rewrite pages"), spec, out):
        return cast("ReprintResult", resume(out, progress=progress, cancel=cancel))
    return cast("ReprintResult", run_job("rewrite pages", spec, out, None, progress, cancel))


def prints_pages(run: Path) -> bool:
    """Whether a finished run printed pages, or taught a school.

    Raises LithoError if it did neither: what `litho rewrite` takes is one of both.
    """
    directory = RunDirectory.opened(run)
    with directory.damage_told():
        made_by = directory.read_yaml(MANIFEST)["command"]
    if made_by not in ("imprint", "school"):
        raise LithoError(
            f"{run} is a run of 'litho {made_by}': give one of 'litho school' or 'litho imprint'"
        )
    return bool(made_by == "imprint")


def _over(base: Settings, given: Mapping[str, object]) -> Settings:
    """Settings of a genome, some of them replaced."""
    return make_config(type(base), base.model_dump() | dict(given))
