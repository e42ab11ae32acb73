"""Trails printed into a model, and tested."""

from collections.abc import Sequence
from pathlib import Path
from threading import Event as Flag
from typing import TYPE_CHECKING, Any, cast

from litho.api.arguments import (
    Progress,
    Text,
    device_given,
    folder_given,
    model_name,
    read_given,
    settings_given,
)
from litho.api.runs import run_job
from litho.jobs import DEFAULT_MODEL
from litho.jobs.spec import Device
from litho.jobs.trails.config import (
    CaptureConfig,
    CaptureSpec,
    GraphSpec,
    PrintConfig,
    PrintSpec,
)
from litho.text.trails.external import read_external
from litho.text.trails.library import Library, parse_library, read_library, starter

if TYPE_CHECKING:
    from litho.jobs.trails.result import CaptureResult, GraphResult, PrintResult
    from litho.model.loaded import LanguageModel

STARTER = "starter.yaml"  # what the library that comes with Litho is called


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
    result = run_job(
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
    result = run_job(
        "trails test", spec, folder_given(out, "trails", "test"), model, progress, cancel
    )
    return cast("CaptureResult", result)


def graph_trails(
    context: str,
    answers: tuple[str, str],
    model: "str | LanguageModel" = DEFAULT_MODEL,
    *,
    adapter: str | Path | None = None,
    near_miss: str | None = None,
    out: Path | None = None,
    device: str | Device = "auto",
    progress: Progress | None = None,
    cancel: Flag | None = None,
) -> "GraphResult":
    """From token to output: why a model prefers the first of two answers behind a context.

    `adapter`: also with it; `near_miss`: also behind this context. Raises LithoError if a context
    or an answer is unusable, or the heads of the model cannot be watched.
    """
    spec = GraphSpec(
        context=context,
        answers=answers,
        near_miss=near_miss,
        adapter=None if adapter is None else str(Path(adapter).absolute()),
        model=model_name(model),
        device=device_given(device),
    )
    result = run_job(
        "trails graph", spec, folder_given(out, "trails", "graph"), model, progress, cancel
    )
    return cast("GraphResult", result)


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
