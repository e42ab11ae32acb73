"""From a document to source."""

import re

from litho.text.markup.marks import LABELS, SIGNS, Document, Kind, Mark

_SPECIAL_OUTSIDE = re.compile(r"\\(?=\\*\[\[)|\[\[")
_BEFORE_MARK = re.compile(r"\\(?=\\*\[?\Z)")
_SPECIAL_INSIDE = re.compile(r"\\(?=[\\|:\[\]]|\Z)|\[\[|\]\]|(?<![^\s\[~])\|(?!\S)")


def write(document: Document) -> str:
    """`document` as source; `parse` gives the same document back."""
    pieces: list[str] = []
    for piece in document.content:
        if isinstance(piece, Mark):
            pieces[-1:] = [_BEFORE_MARK.sub(r"\\\\", text) for text in pieces[-1:]]
            pieces.append(_write_mark(piece))
        else:
            pieces.append(_SPECIAL_OUTSIDE.sub(r"\\\g<0>", piece))
    return "".join(pieces)


def _write_mark(mark: Mark) -> str:
    body = " | ".join(
        "".join(
            _write_mark(piece)
            if isinstance(piece, Mark)
            else _SPECIAL_INSIDE.sub(r"\\\g<0>", piece)
            for piece in part
        )
        for part in mark.parts
    )
    if mark.kind is Kind.ANCHOR and not mark.name and LABELS[mark.kind].match(body):
        body = body.replace(":", r"\:", 1)
    head = f"{mark.kind} " if mark.kind else ""
    if mark.name:
        head += f"{mark.name}: " if body else mark.name
    if not head and body[0] in SIGNS + "[":
        head = " "
    return f"[[{head}{body}{' ' if body.endswith(']') else ''}]]"
