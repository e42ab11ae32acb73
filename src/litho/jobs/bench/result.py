"""What a comparison of ways of presenting measured, trial by trial and arm by arm; no torch."""

from pydantic import BaseModel, RootModel

from litho.core.stats import Estimate
from litho.text.items import IMPRINT_KINDS

TRIALS = "trials.json"  # the file of the trials that were compared, a list of `Trial`


class TrialMark(BaseModel):
    """What an arm had reached after some presentations."""

    presentations: int
    imprint: dict[str, float | None]
    drift: float  # nats per token, on every fourth block of the retention text
    drift_self: float  # on self-samples kept out of training
    spill: float | None = None  # none in a sweep


class Trial(BaseModel):
    """What an arm did to a text."""

    arm: str
    text: str
    seed: int
    learning_rate: float
    kl_weight: float
    imprint: dict[str, float | None] = dict.fromkeys(IMPRINT_KINDS)
    drift: float | None = None  # D_ret, nats per token
    spill: float | None = None
    spill_first: float | None = None  # of the first tokens alone
    durability: float | None = None  # I_gen after 100 unrelated steps over I_gen before
    scale: float = 1.0  # by which the adapter was shrunk to fit the budget
    curve: list[TrialMark] = []
    tokens: int = 0  # supervised
    read: int = 0  # tokens that went through the model in training, whatever for
    seconds: float = 0.0
    failed: str | None = None  # why there are no numbers


class Matched(BaseModel):
    """The plan beside an arm, where both have printed rewordings as well."""

    found: Estimate
    at: float | None  # that I_gen


class ArmSummary(BaseModel):
    """An arm over all texts; each text is the mean of its seeds."""

    arm: str
    learning_rate: float
    kl_weight: float
    texts: int
    trials: int
    failed: int  # of them, trials that diverged or had nothing to learn
    imprint: dict[str, Estimate]
    drift: Estimate  # D_ret, nats per token
    spill: Estimate  # nats per token
    spill_first: Estimate  # of the first tokens alone
    durability: Estimate
    tokens: float  # supervised, of a trial
    read: float  # tokens that went through the model, of a trial
    # The arm minus the plan on the same texts and seeds.
    more_imprint: Estimate  # I_gen
    more_drift: Estimate
    drift_ratio: Matched  # D_ret of the plan over that of the arm
    plan_spills_more: Matched  # spill of the plan minus that of the arm


class BenchResult(RootModel[tuple[ArmSummary, ...]]):
    """What `metrics.json` and `--json` of `litho bench` hold: a list, one summary an arm."""
