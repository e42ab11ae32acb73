"""Evolutions: of genomes of schools, and of the order and amounts of documents."""

from pathlib import Path
from threading import Event as Flag
from typing import TYPE_CHECKING, cast

from litho.api.arguments import Progress, device_given, settings_given, workers_given
from litho.api.runs import run_job
from litho.core.encoding import read_utf8
from litho.jobs.arrange.config import ArrangeSpec, read_arrange_plan
from litho.jobs.evolve.config import EvolveConfig, EvolveSpec
from litho.jobs.spec import Device

if TYPE_CHECKING:
    from litho.jobs.arrange.result import ArrangeResult
    from litho.jobs.evolve.result import EvolveResult


def evolve(
    genome: Path,
    out: Path,
    *,
    checkpoints: Path | None = None,
    cluster: str | None = None,
    processes: int = 1,
    device: str | Device = "auto",
    config: EvolveConfig | None = None,
    progress: Progress | None = None,
    cancel: Flag | None = None,
    **settings: object,
) -> "EvolveResult":
    """Breed genomes from one, race them, and try the best again on fresh seeds and worlds.

    Several processes may work on one folder; what was stopped is gone on with. `checkpoints`: a
    folder that several runs share, in which common first stages are trained once. `cluster`: the
    address of a Ray cluster that does the schools; `processes`: how many do them on this machine.
    Raises LithoError if anything given is unusable, or the genome leaves nothing to recombine.
    """
    spec = EvolveSpec(
        written=read_utf8(genome),
        source=str(genome),
        folder=str(genome.absolute().parent),
        checkpoints=None if checkpoints is None else str(checkpoints.absolute()),
        device=device_given(device),
        config=settings_given(EvolveConfig, config, settings),
    )
    workers = workers_given(cluster, processes)
    return cast("EvolveResult", run_job("evolve", spec, out, None, progress, cancel, workers))


def evolve_documents(
    plan: Path | ArrangeSpec,
    out: Path,
    *,
    cluster: str | None = None,
    processes: int = 1,
    device: str | Device = "auto",
    progress: Progress | None = None,
    cancel: Flag | None = None,
) -> "ArrangeResult":
    """In which order, and how often each, documents should be read in a fine-tune of fixed length.

    `plan`: a YAML file, or what `litho.jobs.arrange.config.read_arrange_plan` made of one.
    Sequences are bred, raced on half of the probes, and the best tried again on fresh seeds and the
    other half. Several processes may work on one folder; what was stopped is gone on with.
    `cluster`: the address of a Ray cluster that does the trainings; `processes`: how many do them
    on this machine. Raises LithoError if the plan, a document or a probe is unusable, or nothing is
    left to recombine.
    """
    place = device_given(device)
    if isinstance(plan, Path):
        spec = read_arrange_plan(plan, device=place)
    else:
        spec = plan.model_copy(update={"device": place})
    workers = workers_given(cluster, processes)
    found = run_job("evolve documents", spec, out, None, progress, cancel, workers)
    return cast("ArrangeResult", found)
