"""What a stage consists of: documents, each of pieces that say where they come from."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Piece:
    """A stretch of a document, with the white space before it."""

    text: str
    facts: tuple[str, ...] = ()  # ids of what it says or asks
    role: str = ""  # the speaker
    start: int = -1  # characters of the source, where it is a file
    end: int = -1
    kind: str = ""  # where it is another one than that of the document
    part: str = ""  # of the loop in a scene: question, wrong, detect, repair


@dataclass(frozen=True)
class Document:
    """A page, some practice or a scene."""

    book: str
    section: str
    layer: str
    kind: str  # reading, practice, scene
    pieces: tuple[Piece, ...]
    scene: str = ""

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)


def paragraphs(groups: list[list[Piece]]) -> tuple[Piece, ...]:
    """Pieces in one row: a space between those of a group, an empty line between groups."""
    row: list[Piece] = []
    for group in groups:
        for number, piece in enumerate(group):
            gap = " " if number else "\n\n" if row else ""
            row.append(replace(piece, text=gap + piece.text))
    return tuple(row)
