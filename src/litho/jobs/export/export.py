"""The adapter of a run merged into its base, written as a model of its own and read again."""

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import torch
from torch import Tensor

from litho.core.errors import LithoError
from litho.core.files import whole_folder
from litho.core.runs import check_free, made
from litho.jobs.export import gguf as converting
from litho.jobs.export.card import card
from litho.jobs.export.printed import Printed, licence_of, printed_in
from litho.jobs.export.result import ExportResult, Precision
from litho.jobs.models import Models
from litho.jobs.spec import Device
from litho.model.adapters import saved
from litho.model.adapters.merged import merge, write_whole
from litho.model.loaded import LanguageModel
from litho.model.read.scoring import kl, logits_of_rows
from litho.text.shipped import shipped_retention

ADAPTER = "printed"
READ = 256  # tokens of each text on which the model is compared
TEXTS = 4  # pages that are read, at most
SAME = 1e-3  # difference of logits beside the largest: more than float32 makes by rounding


def export(
    run: Path, out: Path, *, dtype: Precision = "float32", gguf: str | None = None
) -> ExportResult:
    """Write base and adapter of a finished run as one model, with a model card, into `out`.

    `dtype`: of the weights; float32 keeps what was printed exactly. `gguf`: also a GGUF file of
    that type, by llama.cpp's converter. Raises LithoError if there is no such run, `out` exists,
    there is no converter, or the merged model is not the same as base and adapter.
    """
    if dtype not in get_args(Precision):
        raise LithoError(f"unknown precision {dtype!r}: choose {', '.join(get_args(Precision))}")
    if gguf:
        converting.check_type(gguf)
    printed, folder = printed_in(run), check_free(out)
    made(folder.parent, out)
    with whole_folder(folder) as working:
        return _exported(printed, working, folder, dtype, gguf)


def _exported(
    printed: Printed, working: Path, folder: Path, dtype: Precision, gguf: str | None
) -> ExportResult:
    licence = licence_of(printed)
    rows, wanted, difference = _merged(printed, working, dtype)
    (working / "README.md").write_text(
        card(printed, folder.name, "merged", licence), encoding="utf-8"
    )
    written = logits_of_rows(_loaded(str(working)), rows)
    divergence_N = torch.cat([kl(p, q) for p, q in zip(wanted, written, strict=True)])
    file = converting.convert(working, gguf, folder.name) if gguf else None
    return ExportResult(
        run=str(printed.folder),
        folder=str(folder),
        dtype=dtype,
        base=printed.base,
        licence=licence,
        size=sum(path.stat().st_size for path in working.rglob("*") if path.is_file()),
        tokens=len(divergence_N),
        logit_difference=difference,
        kl=max(0.0, divergence_N.mean().item()),  # rounding goes either way
        gguf=str(folder / file.name) if file else None,
    )


def _merged(
    printed: Printed, working: Path, dtype: Precision
) -> tuple[list[list[int]], list[Tensor], float]:
    """Write the merged model; what was read, what base and adapter say to it, the difference.

    Only one model is in memory at a time.
    """
    model = _loaded(printed.model)
    saved.load(model, ADAPTER, printed.adapter)
    rows = _rows(model, [*(page.text for page in printed.pages[:TEXTS]), shipped_retention()])
    with model.state(ADAPTER):
        wanted = logits_of_rows(model, rows)
    merge(model, ADAPTER)
    pairs = zip(wanted, logits_of_rows(model, rows), strict=True)
    difference = max((p - q).abs().max().item() for p, q in pairs)
    if not difference <= SAME * max(1.0, *(each.abs().max().item() for each in wanted)):
        raise LithoError(
            f"merged, the model says something else than base and adapter (logits differ by "
            f"{difference:.3g}): use the adapter in {printed.adapter} as it is"
        )
    write_whole(model, working, dtype)
    return rows, wanted, difference


def _loaded(name: str) -> LanguageModel:
    models = Models()
    models.place(Device(name="cpu", dtype="float32"))
    return models.load(name)


def _rows(model: LanguageModel, texts: Sequence[str]) -> list[list[int]]:
    length = min(READ, model.context)
    return [model.encode(text)[:length] for text in texts]
