"""The stages of a build as they are trained on."""

import hashlib
import json
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import torch

from litho.core.errors import LithoError
from litho.jobs.genome.build import Build
from litho.jobs.genome.compiler import STAGES
from litho.jobs.genome.result import StageResult
from litho.jobs.genome.stage import ORDER, SPANS, TOKENS
from litho.jobs.school.config import SchoolSpec
from litho.jobs.school.result import PRACTICE, SCENES
from litho.learn.schooling.lesson import Lesson
from litho.learn.schooling.rows import PackedRows, Weights
from litho.model.learner import Learner
from litho.model.placement import HOST, Placement
from litho.text.school.genome import Genome
from litho.text.school.training import Loss, Model

NO_BOOK = -1  # the number of what is about none
_FORMAT = 1  # changes with every change of what training computes


def subjects_of(genome: Genome) -> list[str]:
    """Whose losses are told apart: books, practice and scenes."""
    return [*genome.library, PRACTICE, SCENES]


def lessons_of(build: Build, genome: Genome, depends: Mapping[str, Any]) -> list[Lesson]:
    """All stages in their order. `depends`: what else the model depends on.

    Raises LithoError if an order is none of all documents.
    """
    subjects, names = subjects_of(genome), list(genome.library)
    key = _hash(_FORMAT, genome.train.model_dump(mode="json"), dict(depends))
    lessons = []
    for stage in build.result.stages:
        folder = build.folder / STAGES / stage.id
        with _damage_told(folder):
            edges_D1, subjects_D, books_D = _documents(folder / SPANS, subjects)
            order_D = _order(folder / ORDER, len(subjects_D))
            _check_tokens(folder, stage, len(subjects_D))
            weights = weights_of(folder / SPANS, genome.loss) if genome.loss else None
        rows = PackedRows(
            build.tokens(stage.id),
            edges_D1,
            order_D,
            subjects_D,
            build.codec.end_id,
            genome.train.seq,
            weights,
        )
        read = hashlib.sha256(order_D.tobytes()).hexdigest()
        weighed = [genome.loss.model_dump()] if genome.loss and weights else []
        key = _hash(key, stage.id, stage.prefix_hash, read, *weighed)
        if genome.pacing and stage == build.result.stages[-1]:
            key = _hash(key, "last")  # which alone is always read whole
        scenes_D = subjects_D == subjects.index(SCENES)
        lessons.append(Lesson(stage.id, rows, key, names, books_D, scenes_D))
    return lessons


def weights_of(path: Path, loss: Loss) -> Weights | None:
    """How much the tokens of a stage count; None where all count alike."""
    spans = pq.read_table(path, columns=["start", "part"])
    weights_S = np.asarray([loss.weight(part) for part in spans["part"].to_pylist()], np.float32)
    if (weights_S == weights_S[:1]).all():
        return None
    return Weights(spans["start"].to_numpy(), weights_S)


@contextmanager
def _damage_told(folder: Path) -> Iterator[None]:
    """A file of a stage that cannot be read is told as such."""
    try:
        yield
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise LithoError(
            f"a file in {folder} is damaged ({type(error).__name__}): compile the genome again"
        ) from error


def _check_tokens(folder: Path, stage: StageResult, documents: int) -> None:
    """Raises ValueError if the tokens are not those that were compiled."""
    with (folder / TOKENS).open("rb") as file:
        found = hashlib.file_digest(file, "sha256")
    found.update(np.arange(documents, dtype="<u4").tobytes())  # the order as it was compiled
    if found.hexdigest() != stage.sha256:
        raise ValueError


def depends(
    genome: Genome, placement: Placement, learner: Learner, start: str | None
) -> dict[str, Any]:
    """What the weights depend on besides tokens and their order; `start`: hash of a model."""
    asked = genome.model or Model()
    return {
        "model": {"sha256": start} if start else asked.model_dump(mode="json"),
        "seed": genome.seed,
        "weights": learner.size,
        "placement": placement.described(),
        "threads": torch.get_num_threads(),
        "machine": platform.machine(),
    }


def depends_on_processes(spec: SchoolSpec, learner: Learner) -> dict[str, Any]:
    """What the weights depend on besides, where several processes add up their gradients."""
    alone = spec.processes == 1 or learner.device.type != HOST.type
    return {} if alone else {"processes": spec.processes}


def _documents(
    path: Path, subjects: Sequence[str]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Where each document begins, with the end of the last; subject and book of each."""
    spans = pq.read_table(path, columns=["start", "end", "document", "book", "scene", "kind"])
    document = spans["document"].to_numpy()
    first = np.flatnonzero(np.diff(document, prepend=-1))
    starts, ends = spans["start"].to_numpy(), spans["end"].to_numpy()
    told = spans.take(first).select(["book", "scene", "kind"]).to_pylist()
    numbers = {name: number for number, name in enumerate(subjects)}
    found = [numbers[_subject(span)] for span in told]
    books = [numbers.get(span["book"], NO_BOOK) for span in told]
    edges_D1 = np.append(starts[first], ends[-1:])
    return edges_D1, np.asarray(found, np.int64), np.asarray(books, np.int64)


def _subject(span: Mapping[str, str]) -> str:
    if span["scene"]:
        return SCENES
    return PRACTICE if span["kind"] == "practice" else span["book"]


def _order(path: Path, documents: int) -> npt.NDArray[np.int64]:
    order = np.load(path, allow_pickle=False).astype(np.int64)
    if not np.array_equal(np.sort(order), np.arange(documents)):
        raise LithoError(f"{path} is no order of the {documents:,} documents of its stage")
    return order


def _hash(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
