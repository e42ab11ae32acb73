"""What becomes of a school afterwards: its journal, and data sets rewritten from its failures."""

from collections.abc import Mapping
from pathlib import Path
from threading import Event as Flag
from typing import TYPE_CHECKING, cast

from litho.api.arguments import Progress, device_given
from litho.api.runs import resume, run_job
from litho.core.config import make_config
from litho.jobs.rewrite.config import RewriteSpec
from litho.jobs.spec import Device
from litho.text.school.rewriting.settings import Journal, Rewrite

if TYPE_CHECKING:
    from litho.jobs.rewrite.result import RewriteResult


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
    given = config.model_dump(exclude_unset=True) if config else dict(settings)
    spec = RewriteSpec(
        school=str(school.absolute()),
        journal=genome.journal or Journal(),
        device=device_given(device),
        config=_over(genome.rewrite or Rewrite(), given),
    )
    if is_begun(job_of("rewrite"), spec, out):
        return cast("RewriteResult", resume(out, progress=progress, cancel=cancel))
    return cast("RewriteResult", run_job("rewrite", spec, out, None, progress, cancel))


def _over(base: Rewrite, given: Mapping[str, object]) -> Rewrite:
    return make_config(Rewrite, base.model_dump() | dict(given))
