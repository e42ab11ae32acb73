"""The functions of `import litho`: each does what the command of its name does.

A text is given as a `str`, or as a `Path` to a UTF-8 file; a model by its name or as what `load`
returned, which spares loading it again and says where to compute, too. `device` is auto, cpu, cuda,
cuda:N or mps, or a `Device` that says more: the precision of measuring, a quantised or spread base.
Settings that docs/ lists for a command are given by name (`litho.vary(text, count=10)`), or all
together as `config`.

`progress` is called with an `Event` whenever there is something to tell; a job stops soon after
`cancel` (a `threading.Event`) is set, with `Interrupted`, and `resume` goes on with it.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import Event as Flag
from typing import TYPE_CHECKING, Any, cast

from litho.arguments import (
    Probes,
    Progress,
    Text,
    device_given,
    folder_given,
    model_name,
    other_text,
    pages_given,
    plan_given,
    read_given,
    reporter_given,
    settings_given,
    text_to_read,
    trimmed_text,
    workers_given,
)
from litho.core.runs import RunDirectory
from litho.jobs import DEFAULT_MODEL
from litho.jobs.bench.config import BenchConfig, BenchSpec
from litho.jobs.diff.config import DiffConfig, DiffSpec
from litho.jobs.ensemble.config import EnsembleSpec
from litho.jobs.expose.config import ExposeConfig, ExposeSpec
from litho.jobs.imprint.config import ImprintConfig, ImprintSpec
from litho.jobs.imprint.onto import carried
from litho.jobs.map.config import MapSpec
from litho.jobs.predict.config import CalibrateSpec, PredictSpec
from litho.jobs.predict.method import checked_method
from litho.jobs.spec import DEFAULT_DEVICE, Device, Spec
from litho.jobs.trails.config import CaptureConfig, CaptureSpec, PrintConfig, PrintSpec
from litho.jobs.vary.config import VaryConfig, VarySpec
from litho.learn.records import Recipe
from litho.text.cases import read_cases
from litho.text.items import NamedText, Question, read_questions, read_texts
from litho.text.shipped import shipped_retention
from litho.text.trails.external import read_external
from litho.text.trails.library import Library, parse_library, read_library, starter

if TYPE_CHECKING:
    from litho.jobs.bench.result import BenchResult
    from litho.jobs.diff.result import AlignedResult, DiffResult
    from litho.jobs.ensemble.result import EnsembleResult
    from litho.jobs.expose.result import ExposeResult
    from litho.jobs.genome.result import CheckResult, CompileResult, Where
    from litho.jobs.imprint.result import ImprintResult, UnprintResult
    from litho.jobs.map.result import MapResult
    from litho.jobs.predict.result import CalibrationResult, PredictResult
    from litho.jobs.runner import Workers
    from litho.jobs.trails.result import CaptureResult, PrintResult
    from litho.jobs.vary.result import VaryResult
    from litho.model.loaded import LanguageModel


STARTER = "starter.yaml"  # what the library that comes with Litho is called


def load(name: str = DEFAULT_MODEL, device: str | Device = "auto") -> "LanguageModel":
    """A model to be measured: bundled, a folder, a hub id or tiny, see `--model`.

    In float32 where that fits into memory, unless `device` says otherwise. Raises LithoError if
    there is no such model or device, or the model cannot be loaded.
    """
    from litho.jobs.models import Models

    models = Models()
    models.place(device_given(device))
    return models.load(name)


def imprint(
    pages: Text | Sequence[Text],
    model: "str | LanguageModel" = DEFAULT_MODEL,
    *,
    probes: Probes | Mapping[str, Probes] | None = None,
    retention: Text | None = None,
    onto: Path | None = None,
    out: Path | None = None,
    device: str | Device = "auto",
    config: ImprintConfig | None = None,
    progress: Progress | None = None,
    cancel: Flag | None = None,
    **settings: object,
) -> "ImprintResult":
    """Print a page, or several into one adapter, and prove what happened.

    `pages`: texts, files, or folders of files. `probes`: questions about the page, or a file of
    them, or both by the name of the page; none: those beside each file, else Litho makes them.
    `retention`: unrelated prose on which drift is measured; none: pages shipped with Litho.
    `onto`: a finished run whose pages the adapter is to carry, too; its model and retention text
    are the defaults then. Raises LithoError if anything given is unusable, before anything is
    written.
    """
    printed, notices = pages_given(pages, probes)
    name = printed[0].name if len(printed) == 1 else "pages"
    earlier = carried(onto) if onto else None
    kept = earlier.retention if earlier else None
    if earlier and model == DEFAULT_MODEL:
        model = earlier.model
    spec = ImprintSpec(
        pages=(*(earlier.pages if earlier else ()), *printed),
        onto=earlier.onto_model(model_name(model)) if earlier else None,
        notices=tuple(notices),
        retention=kept if retention is None else read_given(retention)[0],
        model=model_name(model),
        device=device_given(device),
        config=settings_given(ImprintConfig, config, settings),
    )
    return cast(
        "ImprintResult", _run("imprint", spec, folder_given(out, name), model, progress, cancel)
    )


def unprint(
    run: Path,
    page: str,
    out: Path | None = None,
    *,
    device: str | Device = "auto",
    progress: Progress | None = None,
    cancel: Flag | None = None,
) -> "UnprintResult":
    """Take one of the pages of a finished imprint out of its adapter, into a new run.

    `page`: its name. Raises LithoError if the run has no such page, or it cannot be taken out.
    """
    from litho.jobs.imprint.unprint import UnprintSpec

    spec = UnprintSpec.of(carried(run), page, device_given(device))
    folder = folder_given(out, spec.page.name, "unprint")
    return cast("UnprintResult", _run("unprint", spec, folder, None, progress, cancel))


def map(
    text: Text,
    model: "str | LanguageModel" = DEFAULT_MODEL,
    *,
    adapter: str | Path | None = None,
    gradients: bool = False,
    marks: bool = False,
    out: Path | None = None,
    device: str | Device = "auto",
    progress: Progress | None = None,
    cancel: Flag | None = None,
) -> "MapResult":
    """What a text does inside a model: token by token, layer by layer.

    `adapter`: the folder of a PEFT adapter to read with. `gradients`: also how strongly the loss
    pulls at each layer. `marks`: read the text's marks plainly instead of as they stand.
    Raises LithoError if anything given is unusable.
    """
    content, name = text_to_read(text, marks)
    spec = MapSpec(
        text=content,
        text_name=name,
        model=model_name(model),
        device=device_given(device),
        adapter=None if adapter is None else str(Path(adapter).absolute()),
        gradients=gradients,
    )
    result = _run("map", spec, folder_given(out, name, "map"), model, progress, cancel)
    return cast("MapResult", result)


def vary(
    text: Text,
    model: "str | LanguageModel" = DEFAULT_MODEL,
    *,
    out: Path | None = None,
    device: str | Device = "auto",
    config: VaryConfig | None = None,
    progress: Progress | None = None,
    cancel: Flag | None = None,
    **settings: object,
) -> "VaryResult":
    """Minimally different versions of a text, each within a volatility budget, and the ladder.

    Raises LithoError if anything given is unusable or no version keeps within the budget.
    """
    content, name = trimmed_text(text)
    spec = VarySpec(
        source=content,
        text_name=name,
        model=model_name(model),
        device=device_given(device),
        config=settings_given(VaryConfig, config, settings),
    )
    result = _run("vary", spec, folder_given(out, name, "vary"), model, progress, cancel)
    return cast("VaryResult", result)


def diff(
    text: Text,
    after: str | Path,
    before: "str | LanguageModel" = DEFAULT_MODEL,
    *,
    unseen: Text | None = None,
    unrelated: Text | None = None,
    marks: bool = False,
    out: Path | None = None,
    device: str | Device = "auto",
    config: DiffConfig | None = None,
    progress: Progress | None = None,
    cancel: Flag | None = None,
    **settings: object,
) -> "DiffResult | AlignedResult":
    """What training changed on a text, and from which layer on.

    `after`: the folder of a LoRA adapter, MODEL+ADAPTER_DIR, or another model. `unseen`: a text
    that training never saw; `unrelated`: one to train on for comparison; `marks`: as for `map`.
    What is judged goes into the effects registry. Models that are built differently are aligned by
    characters, which gives an `AlignedResult`. Raises LithoError if anything given is unusable.
    """
    content, name = text_to_read(text, marks)
    spec = DiffSpec(
        text=content,
        text_name=name,
        before=model_name(before),
        device=device_given(device),
        after=str(after),
        unseen=other_text(unseen, "the unseen text", marks),
        unrelated=other_text(unrelated, "the unrelated text", marks),
        config=settings_given(DiffConfig, config, settings),
    )
    result = _run("diff", spec, folder_given(out, name, "diff"), before, progress, cancel)
    return cast("DiffResult | AlignedResult", result)


def expose(
    text: Text,
    model: "str | LanguageModel" = DEFAULT_MODEL,
    *,
    unrelated: Text | None = None,
    marks: bool = False,
    out: Path | None = None,
    device: str | Device = "auto",
    config: ExposeConfig | None = None,
    progress: Progress | None = None,
    cancel: Flag | None = None,
    **settings: object,
) -> "ExposeResult":
    """A text presented in several ways, in the context and in training, and each response.

    `unrelated`: another text, for comparison; none: pages shipped with Litho. `marks`: as for
    `map`. Raises LithoError if anything given is unusable.
    """
    content, name = text_to_read(text, marks)
    spec = ExposeSpec(
        text=content,
        text_name=name,
        unrelated=shipped_retention() if unrelated is None else text_to_read(unrelated, marks)[0],
        model=model_name(model),
        device=device_given(device),
        config=settings_given(ExposeConfig, config, settings),
    )
    result = _run("expose", spec, folder_given(out, name, "expose"), model, progress, cancel)
    return cast("ExposeResult", result)


def ensemble(
    plan: "Path | EnsembleSpec",
    out: Path,
    *,
    device: str | Device = "auto",
    cluster: str | None = None,
    processes: int = 1,
    progress: Progress | None = None,
    cancel: Flag | None = None,
) -> "EnsembleResult":
    """Many micro fine-tunes: train on many texts one by one, and see what each does to each probe.

    `plan`: a YAML file, or what `litho.jobs.ensemble.config.read_plan` made of one. A run in `out`
    that was stopped, or whose plan has grown, is gone on with. `cluster`: the address of a Ray
    cluster that does the runs; `processes`: how many do them on this machine. Raises LithoError if
    the plan, a text or a probe is unusable.
    """
    spec = plan_given(plan, device)
    workers = workers_given(cluster, processes)
    return cast("EnsembleResult", _run("ensemble", spec, out, None, progress, cancel, workers))


def calibrate(
    plan: "Path | EnsembleSpec",
    out: Path,
    *,
    device: str | Device = "auto",
    method: str = "first-order",
    cluster: str | None = None,
    processes: int = 1,
    progress: Progress | None = None,
    cancel: Flag | None = None,
) -> "CalibrationResult":
    """Fit predictions to the runs of an ensemble, so that others come with intervals.

    Runs that `out` has already are not done again; the fits go into its calibration.json. Raises
    LithoError if the plan is too small, or of more than one model.
    """
    planned = plan_given(plan, device)
    fields = {name: getattr(planned, name) for name in EnsembleSpec.model_fields}
    spec = CalibrateSpec(**fields, method=checked_method(method))
    workers = workers_given(cluster, processes)
    return cast("CalibrationResult", _run("calibrate", spec, out, None, progress, cancel, workers))


def predict(
    texts: Path | Sequence[NamedText],
    probes: Path | Sequence[Question],
    out: Path,
    model: "str | LanguageModel" = DEFAULT_MODEL,
    *,
    device: str | Device = "auto",
    method: str = "first-order",
    calibration: Path | None = None,
    config: Recipe | None = None,
    progress: Progress | None = None,
    cancel: Flag | None = None,
    **recipe: object,
) -> "PredictResult":
    """What training on each text would do to each probe, without training.

    `method`: first-order, or short-run, which is dearer and reaches further. `calibration`: what
    `calibrate` wrote; none: those shipped with Litho. `recipe`: how it would be trained on. Raises
    LithoError if a text, a probe or the calibration is unusable.
    """
    from litho.jobs.predict.reach import read_calibrations

    spec = PredictSpec(
        texts=tuple(read_texts(texts) if isinstance(texts, Path) else texts),
        questions=tuple(read_questions(probes) if isinstance(probes, Path) else probes),
        model=model_name(model),
        device=device_given(device),
        method=checked_method(method),
        calibrations=tuple(read_calibrations(calibration)) if calibration else None,
        config=settings_given(Recipe, config, recipe),
    )
    return cast("PredictResult", _run("predict", spec, out, model, progress, cancel))


def bench(
    texts: Path,
    retention: Text,
    out: Path,
    *,
    device: str | Device = "auto",
    decoys: Text | None = None,
    only: Sequence[str] = (),
    so_far: bool = False,
    config: BenchConfig | None = None,
    progress: Progress | None = None,
    cancel: Flag | None = None,
    **settings: object,
) -> "BenchResult":
    """Compare ways of presenting a text, with rivals and ablations; takes hours.

    `texts`: a JSONL file of texts with questions and paraphrases; `retention`: unrelated prose on
    which drift is measured; `decoys`: other prose. `only`: arms to do now. `so_far`: only compare
    what is done. Raises LithoError if anything given is unusable.
    """
    spec = BenchSpec(
        cases=tuple(read_cases(texts)),
        prose=read_given(retention)[0],
        decoy_prose=shipped_retention() if decoys is None else read_given(decoys)[0],
        only=tuple(only),
        so_far=so_far,
        device=device_given(device),
        config=settings_given(BenchConfig, config, settings),
    )
    return cast("BenchResult", _run("bench", spec, out, None, progress, cancel))


def print_trails(
    library: "Path | Library | None" = None,
    model: "str | LanguageModel" = DEFAULT_MODEL,
    *,
    external: Sequence[Path] = (),
    retention: Text | None = None,
    alone: bool = False,
    out: Path | None = None,
    device: str | Device = "auto",
    config: PrintConfig | None = None,
    progress: Progress | None = None,
    cancel: Flag | None = None,
    **settings: object,
) -> "PrintResult":
    """Print the trails of a library into a model, and test whether new text follows them.

    `library`: a YAML file or what `read_library` made of one; none: the one that comes with Litho.
    `external`: files of questions with premises; `retention`: unrelated prose on which drift is
    measured; `alone`: a library of one form is meant. Raises LithoError if anything is unusable.
    """
    spec = PrintSpec(
        **_trails_given(library, external, retention),
        alone=alone,
        model=model_name(model),
        device=device_given(device),
        config=settings_given(PrintConfig, config, settings),
    )
    result = _run(
        "trails print", spec, folder_given(out, "trails", "print"), model, progress, cancel
    )
    return cast("PrintResult", result)


def test_trails(
    library: "Path | Library | None" = None,
    model: "str | LanguageModel" = DEFAULT_MODEL,
    *,
    adapter: str | Path | None = None,
    external: Sequence[Path] = (),
    retention: Text | None = None,
    alone: bool = False,
    out: Path | None = None,
    device: str | Device = "auto",
    config: CaptureConfig | None = None,
    progress: Progress | None = None,
    cancel: Flag | None = None,
    **settings: object,
) -> "CaptureResult":
    """Whether a model, or an adapter on it, follows the trails of a library; see `print_trails`.

    Raises LithoError if anything given is unusable.
    """
    spec = CaptureSpec(
        **_trails_given(library, external, retention),
        alone=alone,
        adapter=None if adapter is None else str(Path(adapter).absolute()),
        model=model_name(model),
        device=device_given(device),
        config=settings_given(CaptureConfig, config, settings),
    )
    result = _run("trails test", spec, folder_given(out, "trails", "test"), model, progress, cancel)
    return cast("CaptureResult", result)


def _trails_given(
    library: "Path | Library | None", external: Sequence[Path], retention: Text | None
) -> dict[str, Any]:
    if isinstance(library, Path):
        read, name = read_library(library), library.name
    else:
        read, name = library or parse_library(starter(), STARTER), STARTER
    return {
        "library": read,
        "library_name": name,
        "external": tuple(read_external(path) for path in external),
        "retention": None if retention is None else read_given(retention)[0],
    }


def init_genome(
    genome: Path, *, world: int | None = None, books: Path | None = None
) -> tuple[str, ...]:
    """Write a canonical genome of five layers: of a world by its seed, or of a folder of books.

    Returns what should be known about it, such as books that found no place. Raises LithoError if
    the file is there already, or a book cannot be read.
    """
    from litho.jobs.genome.draft import write_draft

    return write_draft(genome, world, books)


def check_genome(genome: Path) -> "CheckResult":
    """What a genome costs. Raises LithoError, with line and field, if anything in it is wrong."""
    from litho.jobs.genome.cost import check_genome

    return check_genome(genome)


def show_book(genome: Path, book: str, *, layer: str | None = None) -> Iterator[str]:
    """The pages of a book, or of `BOOK#SECTION`, as a layer tells it.

    Raises LithoError if the genome has no such book.
    """
    from litho.jobs.genome.draft import pages_of

    return pages_of(genome, book, layer)


def compile_genome(
    genome: Path,
    out: Path,
    *,
    processes: int = 1,
    progress: Progress | None = None,
    cancel: Flag | None = None,
) -> "CompileResult":
    """Compile a genome into a build; one that is there is brought up to date.

    Raises LithoError if the genome is at fault, or `out` is something else than a build.
    """
    from litho.jobs.genome.compiler import compile_genome

    return compile_genome(genome, out, processes, reporter_given(progress, cancel))


def where_in_build(build: Path, what: str) -> "Where":
    """Where the token at a place (`123`, `school:45`), or a text, came from.

    Raises LithoError if there is no such place or text.
    """
    from litho.jobs.genome.build import Build

    return Build.opened(build).where(what)


def diff_genomes(one: Path, other: Path) -> list[str]:
    """What differs between two genomes, a line each."""
    from litho.text.school.changes import changes
    from litho.text.school.genome import read_genome

    return list(changes(read_genome(one), read_genome(other)))


def resume(run: Path, *, progress: Progress | None = None, cancel: Flag | None = None) -> object:
    """Go on with an interrupted run of any command; returns its result.

    Raises LithoError if there is no unfinished run, or its model has changed.
    """
    from litho.jobs import runner
    from litho.jobs.models import Models

    return runner.resume(run, Models(), reporter_given(progress, cancel), _write_report)


def report(run: Path) -> Path:
    """Write the report of a finished run again; returns its path.

    Raises LithoError if there is no finished run, or its files are damaged.
    """
    directory = RunDirectory.opened(run)
    with directory.damage_told():
        return _write_report(directory)


def _run(
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

    job, models = runner.job_of(command), Models()
    if model is not None and not isinstance(model, str):
        models.hold(model)
        if spec.device == DEFAULT_DEVICE:
            spec = spec.model_copy(update={"device": device_of(model.placement)})
    reporter = reporter_given(progress, cancel)
    try:
        run = runner.start(job, spec, out, models, reporter)
        return runner.finish(run, job, models, reporter, _write_report, workers or runner.ALONE)
    finally:
        models.take_adapters_off()


def _write_report(run: RunDirectory) -> Path:
    from litho.show.report import write_report

    return write_report(run)
