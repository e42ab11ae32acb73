"""A printed model handed on: as files of its own, and to the hub."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from litho.jobs.export.result import ExportResult, Precision, PushResult


def export(
    run: Path, out: Path, *, dtype: "Precision" = "float32", gguf: str | None = None
) -> "ExportResult":
    """Write base and adapter of a finished run as one model, with a model card, into `out`.

    `dtype`: of the weights; float32 keeps what was printed exactly. `gguf`: also a GGUF file of
    that type (f32, f16, bf16, q8_0, auto), by llama.cpp's converter. Raises LithoError if there is
    no such run, `out` exists, there is no converter, or the merged model is not the same as base
    and adapter.
    """
    from litho.jobs.export.export import export as exported

    return exported(run, out, dtype=dtype, gguf=gguf)


def push(
    run: Path, repository: str, *, public: bool = False, merged: bool = False, pages: bool = False
) -> "PushResult":
    """Upload the adapter of a finished run, with a model card, to ORG/NAME on the hub, at once.

    `merged`: the merged model instead of the adapter; `pages`: also the printed pages and the
    report. Raises LithoError if there is no such run, or the hub refuses.
    """
    from litho.jobs.export.push import packed

    with packed(run, repository, public=public, merged=merged, pages=pages) as parcel:
        return parcel.send()
