"""What probes say: whether a stage has taught what it can, and whether something goes wrong."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import fmean
from typing import Literal, NamedTuple

from litho.learn.schooling.records import Probe
from litho.text.school.training import Advance, Alarm

TWICE = 2  # probes in a row at which a gap has to be wide


class Raised(NamedTuple):
    """An alarm about a book."""

    kind: Literal["forget", "gap"]
    taught: str  # by which stage
    book: str
    rise: float  # bits per byte over the best
    cause: str


def is_slow(probes: Sequence[Probe], advance: Advance) -> bool:
    """Whether the books of a stage hardly get easier any more; `probes`: those of the stage."""
    if len(probes) <= advance.patience:
        return False
    means = [fmean(probe.bpb[probe.stage].values()) for probe in probes[-advance.patience - 1 :]]
    return all(a - b < advance.slope_bpb for a, b in pairwise(means))


def alarms(probes: Sequence[Probe], alarm: Alarm) -> list[Raised]:
    """All alarms that the last probe raises, the largest first; `probes`: of all stages so far."""
    found = [*_forgotten(probes, alarm), *_apart(probes, alarm)]
    return sorted(found, key=lambda each: (-each.rise, each.taught, each.book))


def _forgotten(probes: Sequence[Probe], alarm: Alarm) -> Iterator[Raised]:
    for stage, books in probes[-1].bpb.items():
        for book, now in books.items():
            rise = now - min(probe.bpb[stage][book] for probe in probes if stage in probe.bpb)
            if rise > alarm.forget:
                said = f"{book} ({stage}) is {rise:.3f} bits per byte harder than it was at best"
                yield Raised("forget", stage, book, rise, said)


def _apart(probes: Sequence[Probe], alarm: Alarm) -> Iterator[Raised]:
    stage = probes[-1].stage
    here = [probe for probe in probes if probe.stage == stage]
    for book in probes[-1].gap if len(here) >= TWICE else ():
        gaps = [probe.gap[book] for probe in here]
        wide = [gap - min(gaps[: i + 1]) > alarm.gap_rise for i, gap in enumerate(gaps)]
        before, now = (probe.bpb[stage][book] for probe in here[-2:])
        if all(wide[-TWICE:]) and now < before:
            rise = gaps[-1] - min(gaps)
            said = (
                f"{book} in other wordings is {rise:.3f} bits per byte further behind than at "
                "best, while in its own it gets easier"
            )
            yield Raised("gap", stage, book, rise, said)
