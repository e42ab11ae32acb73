"""What a graph from token to output says, in words."""

from math import exp

from litho.jobs.trails.result import GraphReading, Kept

HALF = 0.5
CLOSE = 0.2  # of a faithfulness to 1
LONGEST = 14  # letters of a token that are shown
_STATES = {"before": "untouched model", "after": "with the adapter"}
_UNSEEN = {"\n": "⏎", "\t": "⇥"}


def title(reading: GraphReading) -> str:
    """Which graph it is."""
    return f"The {reading.text}, {_STATES[reading.state]}"


def visible(token: str) -> str:
    """The text of a token as it can be seen."""
    if not token:
        return "(start)"
    seen = "".join(_UNSEEN.get(letter, letter) for letter in token).strip() or "␣"
    return seen if len(seen) <= LONGEST else f"{seen[: LONGEST - 1]}…"


def preference_sentence(reading: GraphReading, answers: tuple[str, str]) -> str:
    """Which answer is preferred, and by how much."""
    liked, other = answers if reading.m >= 0 else answers[::-1]
    ratio = exp(min(abs(reading.m), 7.0))
    times = f"{ratio:.1f} times" if ratio < 100 else f"{ratio:.0f} times"
    if ratio > 1000:
        times = "more than 1000 times"
    return f"m = {reading.m:+.2f} nats: “{liked}” is {times} as likely as “{other}”."


def relied_sentence(reading: GraphReading) -> str:
    """What is left when the strongest edges alone are kept."""
    none, *few = reading.kept
    said = f"With all {reading.all_edges:,} edges cut, m is {none.m:+.2f}"
    if few:
        said += f"; the {few[0].edges} strongest alone make it {few[0].m:+.2f}{_share(few[0])}"
        if few[0].faithfulness is not None and few[0].faithfulness < HALF:
            said += ", so that most of the work is done by weaker ones"
    far = max((place for place, kept in enumerate(few) if not _is_close(kept)), default=-1)
    if 0 <= far < len(few) - 1:  # and so do all larger numbers that were tried
        said += f"; {few[far + 1].edges:,} come within a fifth of what all of them do"
    return f"{said}."


def _share(kept: Kept) -> str:
    return "" if kept.faithfulness is None else f" (faithfulness {kept.faithfulness:.2f})"


def _is_close(kept: Kept) -> bool:
    return kept.faithfulness is not None and abs(kept.faithfulness - 1) <= CLOSE
