"""Pages that are one another's copies, exactly or nearly."""

from collections.abc import Iterator, Sequence
from itertools import combinations

from litho.core.errors import LithoError
from litho.text.pages import Page
from litho.text.sentences import words

PIECE = 5  # words; Broder 1997, "On the resemblance and containment of documents"
NEARLY = 0.6  # of the shorter page's pieces


def check_different(pages: Sequence[Page]) -> None:
    """Raises LithoError if two pages have one name, or are the same but for signs and space."""
    names: set[str] = set()
    texts: dict[tuple[str, ...], str] = {}
    for page in pages:
        if page.name in names:
            raise LithoError(f"two pages are called {page.name!r}: rename one of them")
        names.add(page.name)
        first = texts.setdefault(tuple(words(page.text)) or (page.text,), page.name)
        if first != page.name:
            raise LithoError(f"the pages {first!r} and {page.name!r} are the same: keep one")


def near_copies(pages: Sequence[Page]) -> Iterator[str]:
    """A sentence on every two pages of which one says most of what the other says."""
    pieces = {page.name: _pieces(page.text) for page in pages}
    for (first, own), (second, other) in combinations(pieces.items(), 2):
        shared = len(own & other) / (min(len(own), len(other)) or 1)
        if shared >= NEARLY:
            yield (
                f"the pages {first!r} and {second!r} say nearly the same: {shared:.0%} of the "
                f"shorter one is in the other, word by word"
            )


def _pieces(text: str) -> set[tuple[str, ...]]:
    said = words(text)
    return {tuple(said[i : i + PIECE]) for i in range(len(said) - PIECE + 1)}
