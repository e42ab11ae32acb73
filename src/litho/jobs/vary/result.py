"""What was made of a text: variants, the ladder up to it, the layers it pulls at; no torch."""

from litho.core.records import Record
from litho.learn.records import Depth
from litho.text.variants import Cliff, Rung, Volatility


class VariantResult(Record):
    """A version of the text within the budget."""

    text: str
    operator: str
    parent: None = None  # the text itself
    diff: tuple[tuple[int, int, str], ...]  # tokens start to end (exclusive) gave way to new ones
    volatility: Volatility


class RefusedVariant(Record):
    """A version that was over the budget, and why."""

    text: str
    operator: str
    reason: str


class SceneRung(Rung):
    """A rung of the ladder of a scene."""

    scene: int


class SceneCliff(Cliff):
    """A cliff in the ladder of a scene."""

    scene: int


class VaryResult(Record):
    """What `metrics.json` and `--json` of `litho vary` hold."""

    run: str
    variants: tuple[VariantResult, ...]
    refused: tuple[RefusedVariant, ...]
    ladder: tuple[SceneRung, ...]  # of all scenes, one after the other
    cliffs: tuple[SceneCliff, ...]
    depth: Depth
    notices: tuple[str, ...] = ()
