"""Text that comes in pieces: without space around it, and up to the first of some words."""

from collections.abc import Iterator, Sequence


def stripped(pieces: Iterator[str]) -> Iterator[str]:
    """Pieces of a text without space in front of it or behind it; one for each, perhaps empty."""
    begun, held = False, ""
    for piece in pieces:
        text = held + (piece if begun else piece.lstrip())
        whole = text.rstrip()
        begun, held = begun or bool(whole), text[len(whole) :]
        yield whole


def until(pieces: Iterator[str], stops: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Pieces of a text up to the first stop, each with whether it was reached.

    What could be the beginning of a stop is held back until it is none; all pieces are taken, also
    those behind a stop.
    """
    held, stopped = "", False
    for piece in pieces:
        if stopped:
            continue
        held += piece
        places = [at for stop in stops if (at := held.find(stop)) >= 0]
        if places:
            stopped = True
            yield held[: min(places)], True
            continue
        keep = max((_begun(held, stop) for stop in stops), default=0)
        yield held[: len(held) - keep], False
        held = held[len(held) - keep :]
    if not stopped and held:
        yield held, False


def _begun(text: str, stop: str) -> int:
    """How many characters at the end of a text could begin the stop."""
    for length in range(min(len(stop) - 1, len(text)), 0, -1):
        if text.endswith(stop[:length]):
            return length
    return 0
