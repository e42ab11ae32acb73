"""What is predicted of a training, and how far it is to be relied on; no torch."""

from typing import Annotated, Any, cast

from pydantic import AfterValidator, Field, RootModel, field_validator

from litho.core.records import Record
from litho.core.stats import Estimate
from litho.jobs.ensemble.result import Leak
from litho.jobs.predict.method import Method

COVERAGE = 0.9
RELIABLE = 0.7  # agreement below which a user is told to run it instead


class Coverage(Record):
    """Share of effects that intervals held in groups of texts and probes that were left out.

    A group counts as much as another; the errors of the group and of its probes had no part in the
    interval. `texts` and `probes`: by the group that was left out.
    """

    value: float
    texts: dict[str, float]
    probes: dict[str, float]  # empty if only texts were left out


def _with_steps(recipe: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(recipe.get("steps"), int):
        raise ValueError("a recipe without its number of steps")
    return recipe


class CalibrationSummary(Record):
    """How well the estimates of one method and recipe predict, and how they are weighed."""

    format: int  # of the estimates: weights are for these alone
    method: Method
    model: str  # hash of its weights
    # As it was, without its seed: compared whole, whatever settings it has.
    recipe: Annotated[dict[str, Any], AfterValidator(_with_steps)]
    questions: str | None  # hash of those that it is for; None: for any
    precision: str  # of the short runs
    runs: int  # texts that it was fitted on
    weights: tuple[float, ...]  # of each estimate and each usual value, and the offset in nats
    floor: float  # typical error of a prediction of 0 for a target of one token, nats
    slope: float  # by which it grows with the size of the prediction; of n tokens: over root n
    quantile: float  # errors of this many typical ones bound `COVERAGE` of all
    largest: float  # predictions beyond it were never checked, nats
    agreement: Estimate  # with what was measured: Spearman over questions, median over texts
    r2: float  # variance explained of all effects
    coverage: Coverage | None = None  # in kinds that were not seen; None: not measured

    @property
    def holds(self) -> bool:
        """Whether predictions agree with measurements well enough to be relied on."""
        return self.agreement.value is not None and self.agreement.value >= RELIABLE

    @property
    def steps(self) -> int:
        return cast("int", self.recipe["steps"])


class CalibrationRecord(CalibrationSummary):
    """A calibration as it is kept in a file."""

    usual: tuple[tuple[float, ...], ...]  # Q x U, nats; empty if it is for any questions
    ridge: tuple[tuple[float, ...], ...]  # E x Q, what all estimates say of each; likewise
    # Some of what was predicted and measured, nats, and whether the interval held it, if known:
    checked: tuple[tuple[float, float, bool | None], ...]

    @field_validator("checked", mode="before")
    @classmethod
    def _as_pairs_before(cls, rows: Any) -> Any:  # noqa: ANN401  what a file holds
        """Calibrations of formats 1 and 2, which reports still show, had pairs."""
        if not isinstance(rows, list | tuple):
            return rows
        pairs = [isinstance(row, list | tuple) and len(row) == 2 for row in rows]
        return [(*row, None) if pair else row for row, pair in zip(rows, pairs, strict=True)]

    def summary(self) -> CalibrationSummary:
        """Without the long tables."""
        return CalibrationSummary(**self.model_dump(include=set(CalibrationSummary.model_fields)))


class CalibrationResult(RootModel[tuple[CalibrationRecord, ...]]):
    """What `--json` of `litho calibrate` prints: a list of calibrations."""


class Reach(Record):
    """How far predictions of one method reach for a number of steps."""

    method: Method
    steps: int
    probes: str  # "these" or "any"
    runs: int  # texts that it was fitted on
    agreement: Estimate
    r2: float
    holds: bool


class Harm(Record):
    """A text that lowers questions by more than the error of the prediction."""

    text: str
    probes: list[str]
    delta: float  # nats per target token, all of them together


class Opposition(Record):
    """A question that one text raises and another lowers, both by more than the error."""

    probe: str
    raised_by: str
    up: float  # nats per target token
    lowered_by: str
    down: float


class Repetition(Record):
    """Two texts whose first steps go the same way."""

    texts: tuple[str, str]
    cosine: float


class PredictionCost(Record):
    """What the prediction took, and what running it instead would take, seconds."""

    seconds: float
    run_it_seconds: float


class PredictedEffect(Record):
    """A row of predictions.parquet: what training on a text would do to a probe."""

    text: str
    probe: str
    delta: float  # of the mean log-probability per target token, nats
    total: float  # of the whole target, nats
    low: float | None  # 90 % interval of `delta`; None without a calibration
    high: float | None
    trusted: bool


class PredictResult(Record):
    """What `metrics.json` of `litho predict` holds; `--json` has the effects as well."""

    run: str = ""  # runs of 0.1 do not say
    # In predictions.parquet and not in metrics.json:
    effects: tuple[PredictedEffect, ...] = Field(default=(), exclude=True)
    method: Method
    harmful: tuple[Harm, ...]
    opposed: tuple[Opposition, ...]
    redundant: tuple[Repetition, ...]
    suggested: tuple[str, ...]  # texts to keep, the most helpful first
    leaks: tuple[Leak, ...]
    calibration: CalibrationSummary | None
    notices: tuple[str, ...]
    cost: PredictionCost
    reach: tuple[Reach, ...]
