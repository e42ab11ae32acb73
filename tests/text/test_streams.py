"""A stream says what `partition` and `strip` say of the whole text, however it is cut."""

import random

from litho.text.streams import stripped, until


def test_however_a_text_is_cut_it_ends_at_the_first_stop() -> None:
    chance = random.Random(0)
    for _ in range(400):
        text = "".join(chance.choices("abx", k=12))
        stops = ["".join(chance.choices("abx", k=chance.randint(1, 3))) for _ in range(2)]
        pieces, rest = [], text
        while rest:
            size = chance.randint(1, 4)
            pieces.append(rest[:size])
            rest = rest[size:]
        told = list(until(iter(pieces), stops))
        ends = [at for stop in stops if (at := text.find(stop)) >= 0]
        assert "".join(piece for piece, _ in told) == text[: min(ends, default=len(text))]
        assert any(stopped for _, stopped in told) is bool(ends)


def test_what_cannot_begin_a_stop_is_not_held_back() -> None:
    assert list(until(iter(["ab", "c"]), ["xy"])) == [("ab", False), ("c", False)]


def test_a_stream_is_stripped_as_the_whole_text_is() -> None:
    for pieces in ([" \n", " a", " ", " b \n", ""], ["a "], [" ", ""], []):
        assert "".join(stripped(iter(pieces))) == "".join(pieces).strip()
    assert list(stripped(iter(["a", " ", "b"]))) == ["a", "", " b"]
