"""What a graph from token to output says, in words."""

from math import exp

from litho.jobs.trails.result import GraphReading, Kept
from litho.show.say import say, to_say

HALF = 0.5
CLOSE = 0.2  # of a faithfulness to 1
LONGEST = 14  # letters of a token that are shown
_TITLES = to_say(
    {
        ("context", "before"): "The context, untouched model",
        ("context", "after"): "The context, with the adapter",
        ("near-miss", "before"): "The near-miss, untouched model",
        ("near-miss", "after"): "The near-miss, with the adapter",
    }
)
_UNSEEN = {"\n": "⏎", "\t": "⇥"}


def title(reading: GraphReading) -> str:
    """Which graph it is."""
    return say(_TITLES[reading.text, reading.state])


def visible(token: str) -> str:
    """The text of a token as it can be seen."""
    if not token:
        return say("(start)")
    seen = "".join(_UNSEEN.get(letter, letter) for letter in token).strip() or "␣"
    return seen if len(seen) <= LONGEST else f"{seen[: LONGEST - 1]}…"


def preference_sentence(reading: GraphReading, answers: tuple[str, str]) -> str:
    """Which answer is preferred, and by how much."""
    liked, other = answers if reading.m >= 0 else answers[::-1]
    ratio = exp(min(abs(reading.m), 7.0))
    times = say("{ratio} times", ratio=f"{ratio:.1f}" if ratio < 100 else f"{ratio:.0f}")
    if ratio > 1000:
        times = say("more than 1000 times")
    return say(
        "m = {m} nats: “{liked}” is {times} as likely as “{other}”.",
        m=f"{reading.m:+.2f}",
        liked=liked,
        times=times,
        other=other,
    )


def relied_sentence(reading: GraphReading) -> str:
    """What is left when the strongest edges alone are kept."""
    none, *few = reading.kept
    said = say(
        "With all {edges} edges cut, m is {m}", edges=f"{reading.all_edges:,}", m=f"{none.m:+.2f}"
    )
    if few:
        said += "; " + say(
            "the {edges} strongest alone make it {m}", edges=few[0].edges, m=f"{few[0].m:+.2f}"
        )
        said += _share(few[0])
        if few[0].faithfulness is not None and few[0].faithfulness < HALF:
            said += ", " + say("so that most of the work is done by weaker ones")
    far = max((place for place, kept in enumerate(few) if not _is_close(kept)), default=-1)
    if 0 <= far < len(few) - 1:  # and so do all larger numbers that were tried
        said += "; " + say(
            "{edges} come within a fifth of what all of them do", edges=f"{few[far + 1].edges:,}"
        )
    return f"{said}."


def _share(kept: Kept) -> str:
    if kept.faithfulness is None:
        return ""
    return f" ({say('faithfulness {share}', share=f'{kept.faithfulness:.2f}')})"


def _is_close(kept: Kept) -> bool:
    return kept.faithfulness is not None and abs(kept.faithfulness - 1) <= CLOSE
