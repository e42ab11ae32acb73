"""Records of what was judged against chance; no torch."""

from litho.core.records import Record


class Finding(Record):
    """A detector's number with its null."""

    name: str
    statistic: float
    null: tuple[float, float]  # 95 % of random updates lie in it
    p: float  # one-sided, corrected for the number of detectors
    found: bool  # p below the level


class Overlap(Record):
    """Share of the most changed heads that two texts have in common."""

    value: float  # 0 to 1
    places: int  # how many heads are compared
    null: tuple[float, float]  # 95 % of random updates lie in it
    p: float  # one-sided
