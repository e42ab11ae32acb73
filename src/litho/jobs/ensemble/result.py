"""What an ensemble found: do seeds and models agree on what texts do; no torch."""

from collections.abc import Sequence

from litho.core.records import Record
from litho.core.stats import Estimate
from litho.measure.agreement import Claims


class Leak(Record):
    """A probe that stands with its answer in a text, word by word: it measures memory."""

    text: str
    probe: str


def leak_sentence(leaks: Sequence[Leak]) -> str | None:
    """What probes that stand in a text mean; None if there are none."""
    if not leaks:
        return None
    if len(leaks) == 1:
        one = leaks[0]
        return (
            f"the probe {one.probe} stands word by word in the text {one.text}: it measures memory"
        )
    return (
        f"{len(leaks)} probes stand word by word in a text, the first of them "
        f"{leaks[0].probe} in {leaks[0].text}: they measure memory"
    )


class Agreement(Record):
    """Agreement after some steps of one recipe: Spearman over the probes, median over texts."""

    recipe: int  # its number in the plan
    step: int
    seeds: dict[str, Estimate]  # of the seeds of each model, by its name
    models: Estimate  # of the models' means over seeds
    claims: Claims


class MeasuredEffect(Record):
    """A row of effects.parquet: what one run did to one probe."""

    model: str
    recipe: int
    seed: int
    step: int
    text: str
    probe: str
    delta: float  # rise of the mean log-probability per target token, nats


class EnsembleResult(Record):
    """What `metrics.json` and `--json` of `litho ensemble` hold."""

    run: str
    texts: int
    probes: int
    agreement: tuple[Agreement, ...]
    leaks: tuple[Leak, ...]
