"""Rhythm: in which order, and at which distances, versions of a text are presented."""

from collections.abc import Callable, Sequence
from itertools import cycle, islice

from litho.core.errors import LithoError

# A policy gets the kind of each version (the operator that made it) and a number of presentations.
# It returns that many places in the list of versions, and None where there is only replay.
Rhythm = Callable[[Sequence[str], int], list[int | None]]

FIRST_GAP, GROWTH = 2, 2  # presentations until a kind is seen again; by what the gap grows
BETWEEN = 2  # presentations between two replays


def spaced(kinds: Sequence[str], count: int) -> list[int | None]:
    """Versions in their order, in which the kinds take turns; at the end from the beginning."""
    return list(islice(cycle(range(len(kinds))), count))


def blocked(kinds: Sequence[str], count: int) -> list[int | None]:
    """All presentations of one kind, then all of the next."""
    groups = _by_kind(kinds)
    order: list[int | None] = []
    for number, places in enumerate(groups):
        share = count * (number + 1) // len(groups) - len(order)
        order += islice(cycle(places), share)
    return order


def expanding(kinds: Sequence[str], count: int) -> list[int | None]:
    """Each kind comes back after ever longer gaps; where none is due, a new one begins.

    Expanding retrieval: Landauer and Bjork 1978, "Optimum rehearsal patterns and name learning".
    """
    groups = [cycle(places) for places in _by_kind(kinds)]
    due: dict[int, int] = {}
    gap: dict[int, int] = {}
    order: list[int | None] = []
    for step in range(count):
        waiting = [kind for kind in due if due[kind] <= step]
        if not waiting and len(due) < len(groups):
            waiting = [len(due)]
            gap[len(due)] = FIRST_GAP
        kind = min(waiting or due, key=lambda k: due.get(k, step))
        order.append(next(groups[kind]))
        due[kind] = step + gap[kind]
        gap[kind] *= GROWTH
    return order


def interleaved(kinds: Sequence[str], count: int) -> list[int | None]:
    """As `spaced`, but every third step is one on self-samples alone."""
    versions = iter(spaced(kinds, count))
    return [None if i % (BETWEEN + 1) == BETWEEN else next(versions) for i in range(count)]


RHYTHMS: dict[str, Rhythm] = {
    rhythm.__name__: rhythm for rhythm in (spaced, blocked, expanding, interleaved)
}


def chosen_rhythm(name: str) -> Rhythm:
    """A policy by its name. Raises LithoError if there is none of that name."""
    if name not in RHYTHMS:
        raise LithoError(f"there is no rhythm {name!r}: there are {', '.join(RHYTHMS)}")
    return RHYTHMS[name]


def _by_kind(kinds: Sequence[str]) -> list[list[int]]:
    """Places of each kind, in the order in which the kinds first come."""
    return [[i for i, k in enumerate(kinds) if k == kind] for kind in dict.fromkeys(kinds)]
