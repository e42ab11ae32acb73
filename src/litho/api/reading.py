"""What a text does in a model, and in which versions it can be shown."""

from pathlib import Path
from threading import Event as Flag
from typing import TYPE_CHECKING, cast

from litho.api.arguments import (
    Progress,
    Text,
    device_given,
    folder_given,
    model_name,
    other_text,
    settings_given,
    text_to_read,
    trimmed_text,
)
from litho.api.runs import run_job
from litho.jobs import DEFAULT_MODEL
from litho.jobs.diff.config import DiffConfig, DiffSpec
from litho.jobs.expose.config import ExposeConfig, ExposeSpec
from litho.jobs.map.config import MapSpec
from litho.jobs.spec import Device
from litho.jobs.vary.config import VaryConfig, VarySpec
from litho.text.shipped import shipped_retention

if TYPE_CHECKING:
    from litho.jobs.diff.result import AlignedResult, DiffResult
    from litho.jobs.expose.result import ExposeResult
    from litho.jobs.map.result import MapResult
    from litho.jobs.vary.result import VaryResult
    from litho.model.loaded import LanguageModel


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
    result = run_job("map", spec, folder_given(out, name, "map"), model, progress, cancel)
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
    result = run_job("vary", spec, folder_given(out, name, "vary"), model, progress, cancel)
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
    result = run_job("diff", spec, folder_given(out, name, "diff"), before, progress, cancel)
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
    result = run_job("expose", spec, folder_given(out, name, "expose"), model, progress, cancel)
    return cast("ExposeResult", result)
