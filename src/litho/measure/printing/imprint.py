"""The imprint: what share of the open book's gain a model has without the book; no torch."""

from collections.abc import Sequence

from pydantic import BaseModel

from litho.core import stats
from litho.core.stats import Estimate
from litho.text.items import IMPRINT_KINDS, Probe, ProbeKind

MIN_GAIN = 0.5  # nats: where the open book gains less there is nothing to imprint


def imprint(before: Sequence[float], openbook: Sequence[float], after: Sequence[float]) -> Estimate:
    """Share of the open book's gain that the model now has without the book.

    I = sum(after - before) / sum(openbook - before) over the probes whose open book gains more
    than `MIN_GAIN`, with a bootstrap interval over them. 0: nothing, 1: as good as reading.
    """
    gains = [
        (a - b, o - b) for b, o, a in zip(before, openbook, after, strict=True) if o - b > MIN_GAIN
    ]
    return stats.ratio([gain for gain, _ in gains], [possible for _, possible in gains])


class ScoredProbes(BaseModel):
    """Probes with ell before training and with the open book, nats per target token."""

    probes: list[Probe]
    before: list[float]
    openbook: list[float]

    def part(self, places: Sequence[int]) -> "ScoredProbes":
        """Some of the probes."""
        return ScoredProbes(
            probes=[self.probes[i] for i in places],
            before=[self.before[i] for i in places],
            openbook=[self.openbook[i] for i in places],
        )


def imprint_by_kind(scored: ScoredProbes, after: Sequence[float]) -> dict[str, Estimate]:
    """I_mem, I_gen and I_hard."""
    return {kind: imprint_of(kind, scored, after) for kind in IMPRINT_KINDS}


def imprint_of(kind: ProbeKind, scored: ScoredProbes, after: Sequence[float]) -> Estimate:
    """The imprint over the probes of one kind."""
    own = [i for i, probe in enumerate(scored.probes) if probe.kind == kind]
    return imprint(
        [scored.before[i] for i in own],
        [scored.openbook[i] for i in own],
        [after[i] for i in own],
    )
