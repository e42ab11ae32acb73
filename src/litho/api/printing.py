"""Pages printed into a model and taken out again, and ways of printing compared."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Event as Flag
from typing import TYPE_CHECKING, cast

from litho.api.arguments import (
    Probes,
    Progress,
    Text,
    device_given,
    folder_given,
    model_name,
    pages_given,
    read_given,
    reporter_given,
    settings_given,
    texts_given,
)
from litho.api.runs import run_job
from litho.jobs import DEFAULT_MODEL
from litho.jobs.bench.config import BenchConfig, BenchSpec
from litho.jobs.imprint.config import ImprintConfig, ImprintSpec
from litho.jobs.imprint.onto import carried
from litho.jobs.spec import Device
from litho.text.cases import read_cases
from litho.text.shipped import shipped_retention

if TYPE_CHECKING:
    from litho.jobs.bench.result import BenchResult
    from litho.jobs.imprint.result import ImprintResult, UnprintResult
    from litho.model.loaded import LanguageModel


def imprint(
    pages: Text | Sequence[Text],
    model: "str | LanguageModel" = DEFAULT_MODEL,
    *,
    probes: Probes | Mapping[str, Probes] | None = None,
    retention: Text | None = None,
    hold: Text | Sequence[Text] = (),
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
    `hold`: texts, files or folders on which the model is to stay as it is, besides prose that comes
    with Litho. `onto`: a finished run whose pages the adapter is to carry, too; its model and
    retention text are the defaults then. Raises LithoError if anything given is unusable, before
    anything is written.
    """
    spec = imprint_spec(
        pages,
        model,
        probes=probes,
        retention=retention,
        hold=hold,
        onto=onto,
        device=device,
        config=settings_given(ImprintConfig, config, settings),
    )
    printed = [spec.pages[number].name for number in spec.printed]
    name = printed[0] if len(printed) == 1 else "pages"
    return cast(
        "ImprintResult", run_job("imprint", spec, folder_given(out, name), model, progress, cancel)
    )


def imprint_spec(
    pages: Text | Sequence[Text],
    model: "str | LanguageModel" = DEFAULT_MODEL,
    *,
    probes: Probes | Mapping[str, Probes] | None = None,
    retention: Text | None = None,
    hold: Text | Sequence[Text] = (),
    onto: Path | None = None,
    device: str | Device = "auto",
    config: ImprintConfig,
) -> ImprintSpec:
    """What an imprint starts from, of what `imprint` takes; no model is loaded."""
    printed, notices = pages_given(pages, probes)
    earlier = carried(onto) if onto else None
    kept = earlier.retention if earlier else None
    if earlier and model == DEFAULT_MODEL:
        model = earlier.model
    return ImprintSpec(
        pages=(*(earlier.pages if earlier else ()), *printed),
        onto=earlier.onto_model(model_name(model)) if earlier else None,
        notices=tuple(notices),
        retention=kept if retention is None else read_given(retention)[0],
        hold=tuple(texts_given(hold)),
        model=model_name(model),
        device=device_given(device),
        config=config,
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
    return cast("UnprintResult", run_job("unprint", spec, folder, None, progress, cancel))


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
    what is done, and write nothing. Raises LithoError if anything given is unusable.
    """
    spec = BenchSpec(
        cases=tuple(read_cases(texts)),
        prose=read_given(retention)[0],
        decoy_prose=shipped_retention() if decoys is None else read_given(decoys)[0],
        only=tuple(only),
        device=device_given(device),
        config=settings_given(BenchConfig, config, settings),
    )
    if so_far:
        from litho.jobs.bench.run import compared_so_far
        from litho.jobs.models import Models

        return compared_so_far(spec, out, Models(), reporter_given(progress, cancel))
    return cast("BenchResult", run_job("bench", spec, out, None, progress, cancel))
