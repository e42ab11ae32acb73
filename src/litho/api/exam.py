"""Exams on a genome."""

from pathlib import Path
from threading import Event as Flag
from typing import TYPE_CHECKING, cast

from litho.api.arguments import Progress, device_given, folder_given, model_name
from litho.api.runs import run_job
from litho.api.school import raise_twins
from litho.core.encoding import read_utf8
from litho.core.errors import LithoError
from litho.core.runs import check_free
from litho.jobs.exam.config import ExamSpec
from litho.jobs.spec import Device
from litho.text.school.asked import built_questions
from litho.text.school.genome import read_genome

if TYPE_CHECKING:
    from litho.jobs.exam.result import ExamRun
    from litho.model.loaded import LanguageModel


def exam(
    model: "str | LanguageModel",
    genome: Path,
    *,
    build: Path | None = None,
    twin: str | None = None,
    turned: str | None = None,
    twins: Path | None = None,
    instruments: bool = False,
    out: Path | None = None,
    device: str | Device = "auto",
    progress: Progress | None = None,
    cancel: Flag | None = None,
) -> "ExamRun":
    """What a model remembers, understands and connects of what a genome teaches.

    `build`: takes its questions instead of making them; `twin`: a model raised on the fluent twin,
    which has to be at chance; `turned`: one raised on the counterfactual twin, which has to give
    its answers; `twins`: a folder in which both are raised first, unless they were;
    `instruments`: also measures weak points, each against a matched control. Raises
    LithoError if anything given is unusable.
    """
    folder = folder_given(out, genome.name, "exam")
    read_genome(genome)  # what is wrong with it is said before a model is looked for
    if twins is not None:
        if twin or turned:
            raise LithoError("--twins raises both twins: leave --twin and --turned out")
        from litho.model.sources import locate

        check_free(folder)  # before what may take hours
        locate(model_name(model))
        raised = raise_twins(genome, twins, device, progress, cancel)
        twin, turned = raised["fluent"], raised["counterfactual"]
    spec = ExamSpec(
        genome=read_utf8(genome),
        genome_name=genome.name,
        folder=str(genome.absolute().parent),
        questions=None if build is None else tuple(built_questions(build)),
        twin=twin,
        turned=turned,
        instruments=instruments,
        model=model_name(model),
        device=device_given(device),
    )
    return cast("ExamRun", run_job("exam", spec, folder, model, progress, cancel))
