"""Damage done to good inputs of the command line, at random."""

import json
import random
from typing import Any

WORDS = (
    b"", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\r\n", b"\n\n", b"[[", b"]]", b"|", b"{", b"}",
    b'"', b"\\ud800", b"null", b"NaN", b"1e999", b"-1", b"9" * 20, b"&a [*a]", b"<<: *x", b"%",
    b"!!python/object:os.system", b"---\n", b"\t", b"<script>", b"x" * 3000, b"[" * 2000,
    b'{"a":' * 500, *(letter.encode() for letter in "\u2028\u0301\u202e🦙"),
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**31, 2**63, -(2**63), 10**40, 0.5, -0.0, 1e308, float("nan"),
    float("inf"), "", " ", "\0", "a", "🦙", "\ud800", "x" * 3000, "..", "/", "/dev/null", "nan",
    [], [None], [[]], {}, {"a": 1}, [1, "a"], ["a"] * 50, [-1, 0], "1", "1e-3", "all", "tiny:gpt2",
)  # fmt: skip


def odd_value(chance: random.Random) -> Any:  # noqa: ANN401  anything that JSON holds
    """A value that is hardly ever meant."""
    return chance.choice(VALUES)


def odd_text(chance: random.Random) -> str:
    """A value as it would be typed."""
    value = odd_value(chance)
    return value if isinstance(value, str) else json.dumps(value)


def damaged_bytes(chance: random.Random, data: bytes) -> bytes:
    """A file with one to three things done to it."""
    for _ in range(chance.randint(1, 3)):
        a, b = sorted(chance.randint(0, len(data)) for _ in range(2))
        b = min(b, a + chance.choice((1, 8, 10_000)))
        data = chance.choice(
            (
                data[:a],
                data[:a] + data[b:],
                data[:a] + chance.choice(WORDS) + data[b:],
                data[:b] + data[a:],
                data[:a] + chance.randbytes(b - a) + data[b:],
                data[:a] + bytes([chance.randrange(256)]) + data[a + 1 :],
            )
        )
    return data


def damaged_json(chance: random.Random, value: Any) -> Any:  # noqa: ANN401  JSON
    """A value in which one place, at any depth, is another, gone or twice there."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        key = chance.choice(sorted(value, key=str))
        rest = {k: v for k, v in value.items() if k != key}
        return chance.choice(
            (
                lambda: rest,
                lambda: rest | {chance.choice(("x", "", f"{key}s")): value[key]},
                lambda: value | {"nonsense": odd_value(chance)},
                lambda: value | {key: odd_value(chance)},
                lambda: value | {key: damaged_json(chance, value[key])},
                lambda: value | {key: damaged_json(chance, value[key])},
            )
        )()
    if isinstance(value, list) and value and chance.random() < 0.85:
        at = chance.randrange(len(value))
        return chance.choice(
            (
                lambda: value[:at] + value[at + 1 :],
                lambda: [*value, value[at]],
                lambda: [*value[:at], damaged_json(chance, value[at]), *value[at + 1 :]],
                lambda: [*value[:at], damaged_json(chance, value[at]), *value[at + 1 :]],
            )
        )()
    return odd_value(chance)
