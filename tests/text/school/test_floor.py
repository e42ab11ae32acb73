"""The floor of a world's text: the same text, and the bits of what was drawn."""

import lzma
from math import log2

import pytest

from litho.text.school.chance import chance
from litho.text.school.floor import Counted
from litho.text.school.genome import LAYERS
from litho.text.school.pages import pages, sections_of
from litho.text.school.world import World

WORLD = World(3, 2, 12)


def test_it_writes_what_chance_writes_and_takes_less_than_a_compressor() -> None:
    for science in WORLD.sciences:
        for section in sections_of(science):
            for layer in LAYERS:
                draw = Counted("a", section)
                counted = list(pages(WORLD, science, section, layer, draw))
                assert counted == list(pages(WORLD, science, section, layer, chance("a", section)))
                raw = "".join(piece.text for page in counted for piece in page).encode()
                assert 0 < draw.bits < 8 * len(lzma.compress(raw)), (section, layer)


def test_the_bits_of_draws() -> None:
    for draw, bits in (
        (lambda c: c.choice("abcd"), 2),
        (lambda c: c.randrange(8), 3),
        (lambda c: c.randint(1, 16), 4),
        (lambda c: c.shuffle([1, 2, 3]), log2(6)),
        (lambda c: c.sample(range(4), 2), log2(12)),
        (lambda c: c.choices("ab", [1, 3], k=0), 0),
        (lambda c: c.choices("ab", [1, 0], k=5), 0),
        (lambda c: c.choices("abcd", k=3), 6),
        (lambda c: c.random(), 1),
    ):
        counted, plain = Counted("x"), chance("x")
        assert draw(counted) == draw(plain)
        assert counted.bits == pytest.approx(bits)
        assert counted.getrandbits(32) == plain.getrandbits(32)
