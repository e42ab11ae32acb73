"""The documents of a round: true text as it comes, and rewritten text among it, up to its share."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from litho.core.records import Record
from litho.jobs.genome.build import Build
from litho.jobs.journal.result import Span
from litho.jobs.school.result import PRACTICE, SCENES
from litho.learn.schooling.rows import PackedRows
from litho.model.codec import Codec
from litho.text.school.chance import chance
from litho.text.school.rewriting.entries import Entry
from litho.text.school.stages import School

REWRITTEN = "rewritten"  # a subject, besides books, practice and scenes


class Text(Record):
    """A document of a version, as it stands in `documents.jsonl`."""

    kind: str  # reading, practice, scene, rewritten
    book: str
    section: str
    entry: str | None  # of rewritten text
    text: str


@dataclass
class _Room:
    """Tokens that are left for a kind of text."""

    codec: Codec
    left: int

    def takes(self, text: Text) -> bool:
        """Count a text, if something is left."""
        if self.left <= 0:
            return False
        self.left -= size(self.codec, text)
        return True


def size(codec: Codec, text: Text) -> int:
    """Tokens, with the one that ends it."""
    return codec.count([text.text]) + 1


def mixed(
    codec: Codec, true: Iterator[Text], rewritten: Sequence[Text], tokens: int, floor: float,
    seed: int,
) -> list[Text]:  # fmt: skip
    """Rewritten text, and true text to fill `tokens`, at least a share of it pages; shuffled.

    Practice and scenes of the true text are passed over where pages would become too few.
    """
    sizes = [size(codec, text) for text in rewritten]
    left = tokens - sum(sizes)
    found = list(rewritten)
    others = _Room(codec, left - round(floor * tokens))
    while left > 0:
        text = next(true)
        if text.kind == "reading" or others.takes(text):
            found.append(text)
            left -= size(codec, text)
    chance(seed, "mixed").shuffle(found)
    return found


def repeated(codec: Codec, texts: Sequence[Text], tokens: int, most: int | None) -> list[Text]:
    """Texts one after the other, again and again, until `tokens` are used.

    `most`: how often each may stand there.
    """
    found: list[Text] = []
    left = tokens
    sizes = [size(codec, text) for text in texts]
    turn = 0
    while texts and (most is None or turn < most):
        for text, count in zip(texts, sizes, strict=True):
            if left < count and (most is not None or left <= 0):
                return found  # the last one of a whole round may reach beyond it
            found.append(text)
            left -= count
        turn += 1
    return found


def rewritten_text(entry: Entry) -> Text:
    book, _, section = entry.sections[0].partition("#") if entry.sections else ("", "", "")
    return Text(kind=REWRITTEN, book=book, section=section, entry=entry.id, text=entry.text)


def more_books(
    school: School, number: int, more: Mapping[str, float] | None = None
) -> Iterator[Text]:
    """True text of all stages, evenly mixed, in words that were not read before.

    The same in every arm: what differs is what stands between it. `more`: of some sections so many
    times as much.
    """
    seed = chance(school.genome.seed, "more books", number).getrandbits(62)
    again = replace(school, genome=school.genome.model_copy(update={"seed": seed}))
    for document in again.tail(more):
        yield Text(
            kind=document.kind,
            book=document.book,
            section=document.section,
            entry=None,
            text=document.text,
        )


def read_again(build: Build, number: int, seed: int) -> Iterator[Text]:
    """Documents of the school as they were read, by chance, each once before any comes again."""
    every = [
        (stage.id, spans) for stage in build.result.stages for spans in build.documents(stage.id)
    ]
    turn = 0
    while True:
        order = list(range(len(every)))
        chance(seed, "read again", number, turn).shuffle(order)
        for place in order:
            yield document_text(build, *every[place])
        turn += 1


def documents_of(build: Build, spans: Iterable[Span]) -> list[Text]:
    """The documents in which spans stand, each once."""
    wanted: dict[str, set[int]] = {}
    for span in spans:
        wanted.setdefault(span.stage, set()).add(span.document)
    return [
        document_text(build, stage, found)
        for stage, numbers in wanted.items()
        for found in build.documents(stage)
        if found[0]["document"] in numbers
    ]


def document_text(build: Build, stage: str, spans: Sequence[dict]) -> Text:  # type: ignore[type-arg]
    """A document of a build, as it was read."""
    whole = {"start": spans[0]["start"], "end": spans[-1]["end"]}
    first = spans[0]
    return Text(
        kind="reading" if first["kind"] not in ("practice", "scene") else first["kind"],
        book=first["book"],
        section=first["section"],
        entry=None,
        text=build.text(stage, whole),
    )


def share_of(codec: Codec, texts: Sequence[Text], kind: str) -> float:
    """Share of the tokens that are of a kind."""
    sizes = [(text.kind, size(codec, text)) for text in texts]
    return sum(count for each, count in sizes if each == kind) / sum(count for _, count in sizes)


def rows_of(
    codec: Codec, texts: Sequence[Text], subjects: Sequence[str], tokens: int, length: int
) -> PackedRows:
    """Texts as they are trained on: exactly so many tokens, so that all arms read as much."""
    encoded = [[*each.ids, codec.end_id] for each in codec.encode([text.text for text in texts])]
    edges, kept = [0], list[int]()
    for ids in encoded:
        kept += ids[: tokens - len(kept)]
        edges.append(len(kept))
        if len(kept) == tokens:
            break
    names = {name: number for number, name in enumerate(subjects)}
    found = [names[_subject(text, names)] for text in texts[: len(edges) - 1]]
    return PackedRows(
        np.asarray(kept), np.asarray(edges), np.arange(len(found)), np.asarray(found),
        codec.end_id, length,
    )  # fmt: skip


def _subject(text: Text, known: dict[str, int]) -> str:
    if text.kind == REWRITTEN:
        return REWRITTEN
    if text.kind in (PRACTICE, "scene"):
        return PRACTICE if text.kind == PRACTICE else SCENES
    return text.book if text.book in known else SCENES
