"""What a comparison of two states of a model found; no torch."""

from litho.core.records import Record, absent
from litho.core.stats import Estimate, MeanAndMax
from litho.measure.inside.findings import Overlap


class ControlOnset(Record):
    """The onset against training on another text instead of random updates."""

    layer: int | None
    p: float


class DiffOnset(Record):
    """The first layer that acts differently by more than chance."""

    layer: int | None  # None: no layer is beyond chance
    p: float  # corrected for the number of layers
    control: ControlOnset | None = absent()


class DiffLayer(Record):
    """A layer in both states, means over the tokens."""

    layer: int
    relative_norm: float  # of the difference that has accumulated so far
    cosine: float  # of both hidden states
    cka: float | None
    rank_before: float  # effective rank of the hidden states
    rank_after: float
    # Where the change was judged:
    own_effect: float | None = absent()  # what the block itself does differently, relative
    null: tuple[float, float] | None = absent()  # 95 % band of random updates
    p: float | None = absent()
    control: tuple[float, float] | None = absent()  # 95 % band of training on another text
    control_p: float | None = absent()


class HeadDivergence(Record):
    """How differently a head looks: Jensen-Shannon divergence, mean over tokens, nats."""

    layer: int
    head: int
    js: float


class ControlFinding(Record):
    """An effect judged against training on another text."""

    null: tuple[float, float]  # 95 % of those trainings lie in it
    p: float
    found: bool


class JudgedEffect(Record):
    """An architectural effect, judged against random updates of the same size."""

    name: str
    statistic: float
    null: tuple[float, float]  # 95 % of random updates lie in it
    p: float  # one-sided, corrected for the number of effects
    found: bool
    control: ControlFinding | None = absent()
    meaning: str = ""  # what the detector says of itself; runs of earlier versions have none


class UnseenText(Record):
    """How far the change reaches on a text that training never saw."""

    tokens: int
    kl: MeanAndMax  # nats per token
    heads: Overlap | None  # None: attention could not be watched


class DiffResult(Record):
    """What `metrics.json` and `--json` of `litho diff` hold for states of one architecture."""

    run: str
    tokens: int
    kl: MeanAndMax  # KL(before || after) of the next token, nats
    reverse_kl: MeanAndMax  # KL(after || before)
    onset: DiffOnset
    layers: tuple[DiffLayer, ...]
    heads: tuple[HeadDivergence, ...]  # of the layers whose attention could be watched
    effects: tuple[JudgedEffect, ...]  # none where nothing changed
    notices: tuple[str, ...] = ()
    unseen: UnseenText | None = absent()


class NotMeasured(Record):
    """In place of a mean and a maximum that these two models cannot have."""

    mean: None = None
    max: None = None


class NoOnset(Record):
    """In place of an onset."""

    layer: None = None
    p: None = None


class AlignedLayer(Record):
    """A layer of the model before with its nearest relative in the other, by linear CKA."""

    layer: int
    relative_norm: None = None
    cosine: None = None
    cka: float | None
    cka_layer: int | None


class AlignedSurprise(Record):
    """Surprise a character of both models, nats, over stretches that both tokenizers share."""

    stretches: int
    before: Estimate
    after: Estimate
    rise: Estimate


class AlignedResult(Record):
    """What `metrics.json` and `--json` of `litho diff` hold for models built differently.

    It has the keys of `DiffResult`, so that one script reads both.
    """

    run: str
    tokens: int
    kl: NotMeasured = NotMeasured()
    onset: NoOnset = NoOnset()
    layers: tuple[AlignedLayer, ...]
    heads: tuple[()] = ()
    effects: tuple[()] = ()
    aligned: AlignedSurprise
    notices: tuple[str, ...] = ()
