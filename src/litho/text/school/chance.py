"""Randomness that depends on a place alone, never on what was drawn before it."""

import hashlib
import json
import random


def chance(*place: str | int) -> random.Random:
    """A generator for a place, such as (seed, stage, book, section, reading)."""
    written = json.dumps(place, ensure_ascii=True).encode()
    return random.Random(int.from_bytes(hashlib.sha256(written).digest()[:16], "big"))
