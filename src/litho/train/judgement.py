"""What of a change is more than chance, and more than training on another text would do."""

import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import Field

from litho.core.config import Config
from litho.core.errors import LithoError
from litho.measure import chance
from litho.measure.behaviour import Behaviour, behaviour, telling_words
from litho.measure.difference import own_effects
from litho.measure.effects import DETECTORS, Comparison, Finding, judge
from litho.measure.onset import Onset, onset
from litho.measure.overlap import Overlap, common_heads, judge_overlap
from litho.measure.phantom import lost_share
from litho.measure.states import State, StateReading, read_state
from litho.model import adapters
from litho.model.loading import LanguageModel
from litho.train.inputs import unrelated_prefixes
from litho.train.job import Reporter
from litho.train.micro import train_steps

CONTROL, WASH = "control", "wash"  # adapters trained on the unrelated text


class DiffConfig(Config):
    """How the nulls of a comparison are drawn."""

    nulls: int = Field(16, ge=3)  # random updates of the size of the change
    null_tokens: int = Field(64, ge=8)  # how much of a text they read
    behaviour: bool = False  # let the model speak, too: repetition loop and spill
    controls: int = Field(12, ge=3)  # adapters trained on the unrelated text, if there is one
    control_steps: int = Field(8, ge=1)  # of each
    wash_steps: int = Field(100, ge=1)  # on the unrelated text, after the change
    learning_rate: float = Field(1e-3, gt=0)  # of both
    seed: int = 0


@dataclass(frozen=True)
class OtherText:
    """A text besides the one that is read."""

    text: str
    name: str

    def described(self) -> dict[str, str]:
        return {"name": self.name, "sha256": hashlib.sha256(self.text.encode()).hexdigest()}


@dataclass(frozen=True)
class Change:
    """Two states and the Frobenius norm of what lies between their weights, by kind of matrix."""

    before: State
    after: State
    norms: dict[str, float]
    rank: int  # of the updates that it is compared with

    def __bool__(self) -> bool:
        return any(self.norms.values())


@dataclass(frozen=True)
class Judged:
    """A change against one kind of null."""

    onset: Onset
    effects: Sequence[Finding]


@dataclass(frozen=True)
class Judgement:
    """What of a change is more than chance."""

    chance: Judged
    control: Judged | None = None  # training on the unrelated text, scaled to the same norms
    phantom: Finding | None = None
    heads: Overlap | None = None  # common to the text and the unseen one


@dataclass(frozen=True)
class _Measured:
    """What is compared with the nulls."""

    own_L: list[float]
    statistics: dict[str, float]
    common: float | None


def judge_change(
    change: Change,
    scene: str,
    unseen: OtherText | None,
    unrelated: OtherText | None,
    config: DiffConfig,
    reporter: Reporter,
) -> Judgement:
    """Judge a change on the beginning of `scene`; what is None is left out."""
    bench = _Bench(change, scene, unseen, config)
    observed = bench.measure(change.after)
    reporter.stage("comparing with random updates of the same size", config.nulls)
    nulls = bench.measured(bench.random_updates(), reporter)
    control = phantom = None
    if unrelated:
        rows = unrelated_rows(change.before.model, unrelated, config)
        reporter.stage(f"comparing with training on {unrelated.name}", config.controls)
        trained = bench.measured(bench.trained_controls(rows), reporter)
        control = _against(observed, trained)
        reporter.stage(f"washing with {unrelated.name}", config.wash_steps)
        phantom = bench.phantom(rows, reporter)
    heads = None
    if observed.common is not None:
        count = sum(layer.query_HTD.shape[0] for layer in bench.base.attention.values())
        common = [null.common for null in nulls if null.common is not None]
        heads = judge_overlap(observed.common, common, count)
    return Judgement(_against(observed, nulls), control, phantom, heads)


def _against(observed: _Measured, nulls: Sequence[_Measured]) -> Judged:
    return Judged(
        onset(observed.own_L, [null.own_L for null in nulls]),
        judge(observed.statistics, [null.statistics for null in nulls]),
    )


class _Bench:
    """Measures states on the beginning of a text, and makes the states of the nulls."""

    def __init__(
        self, change: Change, scene: str, unseen: OtherText | None, config: DiffConfig
    ) -> None:
        self.change, self.config = change, config
        model = change.before.model
        tokens = min(config.null_tokens, model.context)
        ids = model.encode(scene)[:tokens]
        self.base = read_state(change.before, ids)
        self.other: StateReading | None = None
        if unseen:
            self.other = read_state(change.before, model.encode(unseen.text)[:tokens])
        self.words = telling_words(model, scene, self.base) if config.behaviour else []
        self.said = self._behaviour(change.before)

    def measure(self, state: State) -> _Measured:
        said = self._behaviour(state)
        behaviours = (self.said, said) if self.said and said else None
        reading = read_state(state, self.base.ids)
        here = Comparison(self.base, reading, self.change.before.model, behaviours)
        common = None
        if self.other:
            there = read_state(state, self.other.ids)
            common = common_heads(here, Comparison(self.other, there, here.model))
        own_L = own_effects(self.base, state).double().mean(dim=1).tolist()
        return _Measured(own_L, here.statistics(), common)

    def measured(self, states: Iterator[State], reporter: Reporter) -> list[_Measured]:
        found = []
        for number, state in enumerate(states, 1):
            found.append(self.measure(state))
            reporter.advance(number)
        return found

    def random_updates(self) -> Iterator[State]:
        for number in range(self.config.nulls):
            seed = self._seed(f"null {number}")
            with chance.by_chance(self.change.before, self.change.norms, seed) as state:
                yield state

    def trained_controls(self, rows: Sequence[Sequence[int]]) -> Iterator[State]:
        """The model before, trained on other parts of the unrelated text from state to state."""
        model, config = self.change.before.model, self.config
        for number in range(config.controls):
            seed = self._seed(f"control {number}")
            adapters.attach(model, CONTROL, self.change.rank, 2 * self.change.rank, seed)
            chosen = random.Random(seed).sample(rows, config.control_steps)
            on_top = self.change.before.adapters
            for _ in train_steps(
                model, CONTROL, chosen, config.control_steps, config.learning_rate, on_top
            ):
                pass
            adapters.rescale(model, CONTROL, self.change.norms)
            yield State(model, (*on_top, CONTROL))
            adapters.remove(model, CONTROL)

    def phantom(self, rows: Sequence[Sequence[int]], reporter: Reporter) -> Finding:
        """How much of the shift training on the unrelated text washes out, against chance.

        Null: random updates, on top of the change, of the size of what the washing did.
        """
        config, after, rank = self.config, self.change.after, self.change.rank
        model = after.model
        chance.prepare(model, rank)
        adapters.attach(model, WASH, rank, 2 * rank, self._seed("wash"))
        for step in train_steps(
            model, WASH, rows, config.wash_steps, config.learning_rate, after.adapters
        ):
            reporter.advance(step)
        shifted = read_state(after, self.base.ids)
        washed = read_state(State(model, (*after.adapters, WASH)), self.base.ids)
        value = lost_share(self.base, shifted, washed)
        norms = adapters.update_norms(model, WASH)
        adapters.remove(model, WASH)
        nulls = []
        for number in range(config.nulls):
            with chance.by_chance(after, norms, self._seed(f"phantom {number}")) as state:
                other = read_state(state, self.base.ids)
            nulls.append({"embedding_phantom": lost_share(self.base, shifted, other)})
        return judge({"embedding_phantom": value}, nulls, tests=len(list(DETECTORS.items())) + 1)[0]

    def _behaviour(self, state: State) -> Behaviour | None:
        if not self.config.behaviour:
            return None
        return behaviour(state, self.words, unrelated_prefixes(), self.config.seed)

    def _seed(self, purpose: str) -> int:
        return random.Random(f"{self.config.seed} {purpose}").getrandbits(48)


def unrelated_rows(
    model: LanguageModel, unrelated: OtherText, config: DiffConfig
) -> list[list[int]]:
    """A text to train on in rows of `null_tokens` tokens, a short rest left out.

    Raises LithoError if it is too short for controls that are trained on different parts of it.
    """
    size = min(config.null_tokens, model.context) - len(model.start)
    ids = model.tokens(unrelated.text)
    rows = [ids[i : i + size] for i in range(0, len(ids) - size + 1, size)]
    if len(rows) < 2 * config.control_steps:
        raise LithoError(
            f"{unrelated.name} has {len(ids)} tokens, too few to train controls on different parts "
            f"of it: give at least {2 * config.control_steps * size}, or set control_steps lower"
        )
    return [model.start + row for row in rows]
