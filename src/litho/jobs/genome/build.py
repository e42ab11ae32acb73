"""A build, opened: what is in it, and where something in it came from."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from litho.core.errors import LithoError
from litho.core.files import damage_told
from litho.jobs.genome.compiler import BUILD, STAGES, TOKENIZER
from litho.jobs.genome.result import CompileResult, Found, Where
from litho.jobs.genome.stage import SPANS, TOKENS, width
from litho.model.codec import Codec, read_codec

SHOWN = 10  # places that are shown of a text that is found more often
_PLACE = re.compile(r"(?:([\w.-]+):)?(\d+)")


@dataclass(frozen=True)
class Build:
    """A build for reading."""

    folder: Path
    result: CompileResult

    @classmethod
    def opened(cls, folder: Path) -> "Build":
        """Raises LithoError if the folder holds no build."""
        try:
            said = json.loads((folder / BUILD).read_text(encoding="utf-8"))
            return cls(folder, CompileResult(build=str(folder), **said))
        except (OSError, ValueError, TypeError) as error:
            raise LithoError(
                f"{folder} is no build that 'litho genome compile' made ({type(error).__name__})"
            ) from None

    @cached_property
    def codec(self) -> Codec:
        with damage_told(self.folder / TOKENIZER):
            return read_codec(self.folder / TOKENIZER)

    def tokens(self, stage: str) -> npt.NDArray[Any]:
        """The tokens of a stage, read as they are needed."""
        path = self.folder / STAGES / stage / TOKENS
        with damage_told(path):
            return np.memmap(path, width(self.result.vocabulary), "r")

    def spans(self, stage: str) -> Iterator[dict[str, Any]]:
        """All spans of a stage, in their order."""
        path = self.folder / STAGES / stage / SPANS
        with damage_told(path):
            for batch in pq.ParquetFile(path).iter_batches():
                yield from batch.to_pylist()

    def columns(self, stage: str, names: Sequence[str]) -> pa.Table:
        """Some columns of all spans of a stage."""
        path = self.folder / STAGES / stage / SPANS
        with damage_told(path):
            return pq.read_table(path, columns=list(names))

    def documents(self, stage: str) -> Iterator[list[dict[str, Any]]]:
        """The spans of each document of a stage."""
        some: list[dict[str, Any]] = []
        for span in self.spans(stage):
            if some and span["document"] != some[0]["document"]:
                yield some
                some = []
            some.append(span)
        if some:
            yield some

    def text(self, stage: str, span: dict[str, Any]) -> str:
        """What a span says, without the end of its document."""
        with damage_told(self.folder / STAGES / stage):
            ids = self.tokens(stage)[span["start"] : span["end"]].tolist()
            return self.codec.decode(ids[:-1] if ids and ids[-1] == self.codec.end_id else ids)

    def where(self, asked: str) -> Where:
        """Where a token's place (`12345`, or `STAGE:123`) or a text came from.

        Raises LithoError if there is no such place, or the text is in no document.
        """
        place = _PLACE.fullmatch(asked)
        if place and (place[1] is None or place[1] in self._stages()):
            return self._at(place[1], int(place[2]))
        return self._holding(asked)

    def _stages(self) -> list[str]:
        return [stage.id for stage in self.result.stages]

    def _at(self, stage: str | None, token: int) -> Where:
        """By a place in a stage, or in all stages one after the other."""
        left = token
        for each in self.result.stages:
            if stage in (None, each.id) and left < each.tokens:
                path = self.folder / STAGES / each.id / SPANS
                with damage_told(path):
                    found = pq.read_table(
                        path, filters=(pc.field("start") <= left) & (pc.field("end") > left)
                    )
                    span = found.to_pylist()[0]
                return Where(count=1, sections={}, places=(self._found(each.id, span),))
            left -= each.tokens if stage is None else 0
        tokens = sum(e.tokens for e in self.result.stages if stage in (None, e.id))
        raise LithoError(f"there are only {tokens:,} tokens, counted from 0")

    def _holding(self, text: str) -> Where:
        """By a text, whatever white space is in it."""
        words = re.compile(r"\s+".join(map(re.escape, text.split())))
        sections, places = Counter[str](), list[Found]()
        if not text.split():
            raise LithoError("an empty text is everywhere: give a token's place or some words")
        for stage in self._stages():
            for spans in self.documents(stage):
                whole = {"start": spans[0]["start"], "end": spans[-1]["end"]}
                if not words.search(self.text(stage, whole)):
                    continue
                pieces = [self.text(stage, span) for span in spans]
                for match in words.finditer("".join(pieces)):
                    edge, number = len(pieces[0]), 0
                    while edge <= match.start():
                        number += 1
                        edge += len(pieces[number])
                    found = self._found(stage, spans[number])
                    sections[found.named] += 1
                    if len(places) < SHOWN:
                        places.append(found)
        if not places:
            raise LithoError(f"no document of {self.folder} holds {text!r}")
        return Where(
            count=sections.total(), sections=dict(sections.most_common()), places=tuple(places)
        )

    def _found(self, stage: str, span: dict[str, Any]) -> Found:
        source = span["source_start"], span["source_end"]
        return Found(
            stage=stage,
            token=span["start"],
            document=span["document"],
            book=span["book"],
            section=span["section"],
            scene=span["scene"],
            role=span["role"],
            kind=span["kind"],
            facts=tuple(span["facts"]),
            source=None if source[0] is None else source,
            text=self.text(stage, span).strip(),
        )
