"""Rhythms."""

from collections import Counter
from itertools import pairwise

import pytest

from litho.core.errors import LithoError
from litho.present.rhythm import RHYTHMS, blocked, chosen_rhythm, expanding, interleaved, spaced

KINDS = ["word", "order", "shape", "word", "order", "word"]


@pytest.mark.parametrize("name", RHYTHMS)
def test_a_rhythm_fills_all_presentations(name: str) -> None:
    for count in (1, 5, 12, 50):
        order = chosen_rhythm(name)(KINDS, count)
        assert len(order) == count
        assert {place for place in order if place is not None} <= set(range(len(KINDS)))


def test_rhythms_differ_as_they_say() -> None:
    assert spaced(KINDS, 8) == [0, 1, 2, 3, 4, 5, 0, 1]
    kinds = [KINDS[place] for place in blocked(KINDS, 9) if place is not None]
    assert kinds == ["word"] * 3 + ["order"] * 3 + ["shape"] * 3
    assert Counter(interleaved(KINDS, 9))[None] == 3
    seen = [KINDS[place] for place in expanding(KINDS, 24) if place is not None]
    steps = [i for i, kind in enumerate(seen) if kind == "word"]
    gaps = [b - a for a, b in pairwise(steps)]
    assert gaps[0] < gaps[-1] and set(seen) == set(KINDS)
    with pytest.raises(LithoError, match="no rhythm 'slow'"):
        chosen_rhythm("slow")
