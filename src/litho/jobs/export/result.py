"""What was exported or pushed; no torch."""

from typing import Literal

from litho.core.records import Record

Precision = Literal["float32", "bfloat16", "float16"]
GgufType = Literal["f32", "f16", "bf16", "q8_0", "auto"]  # as llama.cpp names them


class ExportResult(Record):
    """A model of its own, made of a base and the adapter of a run."""

    run: str
    folder: str
    dtype: Precision
    base: str | None  # hub id of the base; None: it has none that is known
    licence: str | None  # of the base, as the hub writes it; None: not known
    size: int  # bytes of all files
    tokens: int  # on which the model was compared with base and adapter
    logit_difference: float  # the largest after merging, in float32
    kl: float  # KL(base and adapter || the files), mean over the tokens, in nats
    gguf: str | None  # the file, if one was asked for


class PlannedFile(Record):
    """A file that is to go to the hub."""

    name: str
    size: int  # bytes


class PushPlan(Record):
    """What would be uploaded, and where to."""

    repository: str
    public: bool
    files: tuple[PlannedFile, ...]
    notices: tuple[str, ...]


class PushResult(PushPlan):
    """What was uploaded."""

    url: str
