"""One stage compiled: tokens, spans, order, and what its audit counts."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from litho.core.files import whole_folder
from litho.model.codec import Codec, Encoded
from litho.text.school.documents import Document
from litho.text.school.genome import TAIL, Stage
from litho.text.school.leaks import hidden_pairs, leaks_in
from litho.text.school.stages import School

TOKENS, SPANS, ORDER, STAGE = "tokens.bin", "spans.parquet", "order.npy", "stage.json"
AHEAD = 16  # documents that are tokenized together
ROWS = 20_000  # spans that are written together
MOST_LEAKS = 20
Row = tuple[Document, Encoded]
_COLUMNS = pa.schema(
    [
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("document", pa.int64()),
        ("book", pa.string()),
        ("section", pa.string()),
        ("scene", pa.string()),
        ("role", pa.string()),
        ("layer", pa.string()),
        ("kind", pa.string()),
        ("part", pa.string()),
        ("facts", pa.list_(pa.string())),
        ("source_start", pa.int64()),
        ("source_end", pa.int64()),
        ("source", pa.string()),
    ]
)


def width(vocabulary: int) -> np.dtype[Any]:
    """How a token is stored."""
    return np.dtype("<u2") if vocabulary <= 1 << 16 else np.dtype("<u4")


@dataclass
class _Written:
    """A stage while it is written: its files, and what is counted on the way."""

    school: School
    codec: Codec
    tokens: BinaryIO
    spans: pq.ParquetWriter
    asks_hidden: bool  # its practice of single facts may ask about those that gaps hide
    used: int = 0
    documents: int = 0
    hash: Any = field(default_factory=hashlib.sha256)
    multiset: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    by_scene: Counter[str] = field(default_factory=Counter)
    exposures: Counter[str] = field(default_factory=Counter)
    leaks: int = 0
    leaked: list[dict[str, Any]] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        plan = self.school.plan
        told = plan is not None and plan.world.twin != "fluent"  # whose sentences mean nothing
        self._pairs = hidden_pairs(plan) if plan and told else {}
        self._ends = hidden_pairs(plan, chains_only=True) if plan and told else {}

    def add(self, document: Document, encoded: Encoded) -> None:
        ids = np.asarray([*encoded.ids, self.codec.end_id], width(self.codec.vocabulary))
        raw = ids.tobytes()
        self.tokens.write(raw)
        self.hash.update(raw)
        # A sum does not depend on the order of its terms.
        self.multiset += int.from_bytes(hashlib.sha256(raw).digest(), "big")
        self.kinds[document.kind] += len(ids)
        if document.scene:
            self.by_scene[document.scene] += len(ids)
        self._add_spans(document, encoded, len(ids))
        self._look_for_leaks(document)
        self.used += len(ids)
        self.documents += 1

    def _add_spans(self, document: Document, encoded: Encoded, count: int) -> None:
        edges = [0]
        if len(document.pieces) > 1:
            begins = np.cumsum([len(piece.text) for piece in document.pieces[:-1]])
            edges += np.searchsorted(np.asarray(encoded.starts), begins).tolist()
        book = self.school.shelf.get(document.book)
        for number, piece in enumerate(document.pieces):
            end = edges[number + 1] if number + 1 < len(edges) else count
            self.exposures.update(piece.facts)
            self.rows.append(
                {
                    "start": self.used + edges[number],
                    "end": self.used + end,
                    "document": self.documents,
                    "book": document.book,
                    "section": document.section,
                    "scene": document.scene,
                    "role": piece.role,
                    "layer": document.layer,
                    "kind": piece.kind or document.kind,
                    "part": piece.part,
                    "facts": list(piece.facts),
                    "source_start": piece.start if piece.start >= 0 else None,
                    "source_end": piece.end if piece.end >= 0 else None,
                    "source": book.digest if book else "",
                }
            )
        if len(self.rows) >= ROWS:
            self.flush()

    def flush(self) -> None:
        self.spans.write_table(pa.Table.from_pylist(self.rows, _COLUMNS))
        self.rows = []

    def _look_for_leaks(self, document: Document) -> None:
        plan = self.school.plan
        if plan is None:
            return
        for piece in document.pieces:
            if (piece.kind or document.kind) == "reading":
                continue
            may = self.asks_hidden and document.kind == "practice" and len(piece.facts) == 1
            found = list(leaks_in(plan, piece.text, self._ends if may else self._pairs))
            if not found and not may and plan.hidden.intersection(piece.facts):
                found = [piece.text.strip()]
            self.leaks += len(found)
            for sentence in found[: MOST_LEAKS - len(self.leaked)]:
                self.leaked.append({"document": self.documents, "sentence": sentence})


def compile_stage(
    school: School, codec: Codec, stage: Stage | None, tokens: int, folder: Path, key: str
) -> None:
    """Write a stage, or the tail, into `folder`, which is there whole or not at all."""
    with whole_folder(folder) as half:
        _write(school, codec, stage, tokens, half, key)


def _write(
    school: School, codec: Codec, stage: Stage | None, tokens: int, folder: Path, key: str
) -> None:
    with (folder / TOKENS).open("wb") as file, pq.ParquetWriter(folder / SPANS, _COLUMNS) as spans:
        practised = [each.practice for each in ([stage] if stage else school.genome.stages)]
        asks_hidden = any(each is not None and each.hidden_facts for each in practised)
        written = _Written(school, codec, file, spans, asks_hidden)
        if stage:
            _fill(written, stage, tokens)
        else:
            _until(written, _encoded(school.tail(), codec), tokens)
        written.flush()
    order = np.arange(written.documents, dtype="<u4")
    np.save(folder / ORDER, order, allow_pickle=False)
    written.hash.update(order.tobytes())
    said = {
        "id": stage.id if stage else TAIL,
        "made_from": key,
        "tokens": written.used,
        "documents": written.documents,
        "sha256": written.hash.hexdigest(),
        "multiset": f"{written.multiset % (1 << 256):064x}",
        "kinds": dict(sorted(written.kinds.items())),
        "exposures": dict(sorted(written.exposures.items())),
        "leaks": written.leaks,
        "leaked": written.leaked,
    }
    text = json.dumps(said, indent=1, ensure_ascii=False)
    (folder / STAGE).write_text(text, encoding="utf-8")


def _fill(written: _Written, stage: Stage, tokens: int) -> None:
    """Mismatches first or last; readings and practice, with scenes strewn in at their rates."""
    school, codec = written.school, written.codec
    scene = school.genome.scene
    mismatched = [scene(name) for name in stage.mismatch.scenes] if stage.mismatch else []
    before = stage.mismatch is not None and stage.mismatch.before
    share = {each.id: round(each.rate * tokens) for each in mismatched}
    rest = tokens if before else tokens - sum(share.values())

    def add_mismatched() -> None:
        for each in mismatched:
            until = written.used + share[each.id]
            _until(written, _encoded(school.scenes(stage, each), codec), until)

    if before:
        add_mismatched()
    strewn = [(scene(n), _encoded(school.scenes(stage, scene(n)), codec, 4)) for n in stage.scenes]
    for row in _encoded(school.readings(stage), codec):
        written.add(*row)
        for each, rows in strewn:
            while written.by_scene[each.id] < each.rate * min(written.used, rest):
                written.add(*next(rows))
        if written.used >= rest:
            break
    if not before:
        add_mismatched()


def _until(written: _Written, rows: Iterator[Row], tokens: int) -> None:
    while written.used < tokens:
        written.add(*next(rows))


def _encoded(documents: Iterator[Document], codec: Codec, ahead: int = AHEAD) -> Iterator[Row]:
    while some := list(islice(documents, ahead)):
        yield from zip(some, codec.encode([each.text for each in some]), strict=True)
