"""Rhythms."""

from collections import Counter
from itertools import cycle, groupby, islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


@pytest.mark.parametrize("name", RHYTHMS)
@given(kinds=st.text("abcd", min_size=1, max_size=9).map(list), count=st.integers(0, 60))
def test_any_rhythm_takes_the_versions_of_a_kind_in_turn(
    name: str, kinds: list[str], count: int
) -> None:
    order = chosen_rhythm(name)(kinds, count)
    assert len(order) == count
    for kind in set(kinds):
        own = [place for place in order if place is not None and kinds[place] == kind]
        turns = cycle(place for place, other in enumerate(kinds) if other == kind)
        assert own == list(islice(turns, len(own)))


@given(kinds=st.text("abcd", min_size=1, max_size=9).map(list), count=st.integers(0, 60))
def test_blocks_are_whole_and_alike(kinds: list[str], count: int) -> None:
    shown = [kinds[place] for place in blocked(kinds, count) if place is not None]
    blocks = [(kind, len(list(run))) for kind, run in groupby(shown)]
    assert len({kind for kind, _ in blocks}) == len(blocks)
    sizes = [dict(blocks).get(kind, 0) for kind in set(kinds)]
    assert max(sizes) - min(sizes) <= 1


@given(kinds=st.text("abcd", min_size=1, max_size=9).map(list), count=st.integers(0, 60))
def test_every_third_step_is_a_replay(kinds: list[str], count: int) -> None:
    order = interleaved(kinds, count)
    assert [place is None for place in order] == [i % 3 == 2 for i in range(count)]
    shown = [place for place in order if place is not None]
    assert shown == spaced(kinds, len(shown))


@given(kinds=st.text("abcd", min_size=1, max_size=9).map(list), count=st.integers(0, 60))
def test_gaps_of_a_kind_never_shrink_to_nothing(kinds: list[str], count: int) -> None:
    """Nothing is due before its gap is over, unless every kind has been seen and none is due."""
    shown = [kinds[place] for place in expanding(kinds, count) if place is not None]
    first = list(dict.fromkeys(shown))
    assert first == list(dict.fromkeys(kinds))[: len(first)]
    for step in range(2, count):
        if len(set(shown[:step])) < len(set(kinds)):  # there is another one to begin with
            assert shown[step] != shown[step - 1]
