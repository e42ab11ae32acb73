"""Which tokens two versions of a text share, and which differ."""

from collections.abc import Sequence
from difflib import SequenceMatcher


def shared_tokens(parent: Sequence[int], variant: Sequence[int]) -> list[tuple[int, int]]:
    """Pairs (position in parent, position in variant) of the tokens that both have in order."""
    blocks = SequenceMatcher(None, parent, variant, autojunk=False).get_matching_blocks()
    return [(b.a + k, b.b + k) for b in blocks for k in range(b.size)]


def edits(parent: Sequence[int], variant: Sequence[int]) -> list[tuple[int, int, list[int]]]:
    """(start, end, new tokens): replace `parent[start:end]`, for each difference, in order."""
    codes = SequenceMatcher(None, parent, variant, autojunk=False).get_opcodes()
    return [(a, b, list(variant[c:d])) for tag, a, b, c, d in codes if tag != "equal"]
