"""What of a change is more than chance, and more than training on another text would do."""

import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from litho.core.errors import LithoError
from litho.core.reporter import Reporter
from litho.jobs.diff.config import DiffConfig, OtherText
from litho.jobs.diff.pair import Change
from litho.learn.micro import train_steps
from litho.measure.inside import chance
from litho.measure.inside.behaviour import Behaviour, behaviour, telling_words
from litho.measure.inside.difference import own_effects
from litho.measure.inside.effects import DETECTORS, ComparedReadings, judge
from litho.measure.inside.findings import Finding, Overlap
from litho.measure.inside.onset import Onset, onset
from litho.measure.inside.overlap import common_heads, judge_overlap
from litho.measure.inside.phantom import lost_share
from litho.measure.inside.states import StateReading, read_state
from litho.model.adapters import lora, updates
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel
from litho.model.placement import exactly
from litho.model.state import State
from litho.text.shipped import unrelated_prefixes

CONTROL, WASH = "control", "wash"  # adapters trained on the unrelated text


@dataclass(frozen=True)
class Judged:
    """A change against one kind of null."""

    onset: Onset
    effects: Sequence[Finding]


@dataclass(frozen=True)
class ChangeJudgement:
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
) -> ChangeJudgement:
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
    return ChangeJudgement(_against(observed, nulls), control, phantom, heads)


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
        here = ComparedReadings(self.base, reading, self.change.before.model, behaviours)
        common = None
        if self.other:
            there = read_state(state, self.other.ids)
            common = common_heads(here, ComparedReadings(self.other, there, here.model))
        own_L = exactly(own_effects(self.base, state)).mean(dim=1).tolist()
        return _Measured(own_L, here.statistics(), common)

    def measured(
        self, states: Iterable[AbstractContextManager[State]], reporter: Reporter
    ) -> list[_Measured]:
        measurements = []
        for number, made in enumerate(states, 1):
            with made as state:
                measurements.append(self.measure(state))
            reporter.advance(number)
        return measurements

    def random_updates(self) -> Iterator[AbstractContextManager[State]]:
        for number in range(self.config.nulls):
            seed = self._seed(f"null {number}")
            yield chance.by_chance(self.change.before, self.change.norms, seed)

    def trained_controls(
        self, rows: Sequence[Sequence[int]]
    ) -> Iterator[AbstractContextManager[State]]:
        """The model before, trained on other parts of the unrelated text from state to state."""
        for number in range(self.config.controls):
            yield self._trained_control(rows, self._seed(f"control {number}"))

    @contextmanager
    def _trained_control(self, rows: Sequence[Sequence[int]], seed: int) -> Iterator[State]:
        model, config, on_top = self.change.before.model, self.config, self.change.before.adapters
        chosen = random.Random(seed).sample(rows, config.control_steps)
        with lora.fresh(model, CONTROL, AdapterSpec(self.change.rank, seed=seed)):
            for _ in train_steps(
                model, CONTROL, chosen, config.control_steps, config.learning_rate, on_top
            ):
                pass
            updates.rescale(model, CONTROL, self.change.norms)
            yield State(model, (*on_top, CONTROL))

    def phantom(self, rows: Sequence[Sequence[int]], reporter: Reporter) -> Finding:
        """How much of the shift training on the unrelated text washes out, against chance.

        Null: random updates, on top of the change, of the size of what the washing did.
        """
        config, after, rank = self.config, self.change.after, self.change.rank
        model = after.model
        chance.prepare(model, rank)
        with lora.fresh(model, WASH, AdapterSpec(rank, seed=self._seed("wash"))):
            for step in train_steps(
                model, WASH, rows, config.wash_steps, config.learning_rate, after.adapters
            ):
                reporter.advance(step)
            washed = read_state(State(model, (*after.adapters, WASH)), self.base.ids)
            norms = updates.update_norms(model, WASH)
        shifted = read_state(after, self.base.ids)
        value = lost_share(self.base, shifted, washed)
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
