"""Does every detector find what was planted, and nothing where there is only chance?

A trial starts from a random update of all layers and plants one effect by editing weights by hand.
It is judged as `litho diff` judges: against random updates whose norm, in each kind of matrix, is
that of all that was changed. Null trials are random updates judged against others.

    python benchmarks/detector_rates.py TEXT
"""

import argparse
import math
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from scipy import stats
from torch import Tensor

from litho.jobs.diff.config import DiffConfig
from litho.measure.inside import chance
from litho.measure.inside.behaviour import Behaviour, behaviour, telling_words
from litho.measure.inside.effects import ComparedReadings, judge
from litho.measure.inside.geometry import effective_rank
from litho.measure.inside.phantom import lost_share
from litho.measure.inside.states import StateReading, read_state
from litho.model.adapters import lora, updates
from litho.model.adapters.spec import AdapterSpec
from litho.model.adapters.targets import target_modules
from litho.model.adapters.updates import kind
from litho.model.loading import load
from litho.model.sources import DEFAULT, locate
from litho.model.state import State
from litho.text.shipped import unrelated_prefixes

Weights = Mapping[str, Tensor]
SPOKEN = ("repetition_loop", "spill")
SHIFT = "shift"


class Bench:
    """A model with a random update on it, read and judged."""

    def __init__(self, text: str, norm: float) -> None:
        self.config = DiffConfig()
        self.model = load(locate(DEFAULT), torch.float32)
        kinds = sorted({kind(name) for name in target_modules(self.model)})
        self.rest = dict.fromkeys(kinds, norm / math.sqrt(len(kinds)))
        chance.prepare(self.model, rank=8)
        ids = self.model.encode(text)[: self.config.null_tokens]
        self.base = read_state(State(self.model), ids)
        self.words = telling_words(self.model, text, self.base)
        self.said = self.speak(State(self.model))

    def weights(self) -> Weights:
        base = self.model.network.get_base_model().named_parameters()
        return {n.replace(".base_layer", ""): p for n, p in base if ".lora_" not in n}

    def speak(self, state: State) -> Behaviour:
        return behaviour(state, self.words, unrelated_prefixes())

    def statistics(self, norms: dict[str, float], seed: int, spoken: bool) -> dict[str, float]:
        with chance.by_chance(State(self.model), norms, seed) as state:
            said = (self.said, self.speak(state)) if spoken else None
            here = ComparedReadings(self.base, read_state(state, self.base.ids), self.model, said)
            return here.statistics()

    def reading(self, norms: dict[str, float], seed: int) -> StateReading:
        with chance.by_chance(State(self.model), norms, seed) as state:
            return read_state(state, self.base.ids)


Plant = Callable[[Bench], dict[str, Tensor]]  # new values of some weights


def scaled(ending: str, factor: float) -> Plant:
    """All weights whose name ends so, times a factor."""
    return lambda bench: {n: factor * p for n, p in bench.weights().items() if n.endswith(ending)}


def raised(words: Callable[[Bench], list[int]], logits: float) -> Plant:
    """Output rows of some tokens turned towards the mean state before the head."""

    def plant(bench: Bench) -> dict[str, Tensor]:
        mean_D = bench.base.hidden.head_input_TD[bench.base.opening :].mean(0)
        name = "model.embed_tokens.weight"  # the bundled model's head is tied to it
        rows = bench.weights()[name].detach().clone()
        rows[words(bench)] += logits * mean_D / mean_D.square().sum()
        return {name: rows}

    return plant


Quantity = Callable[[tuple[Tensor, ...], tuple[Tensor, ...]], Tensor]  # attentions, hidden states


def along_gradient(ending: str, quantity: Quantity, norm: float) -> Plant:
    """One step of a Frobenius norm up the gradient of a quantity, in all weights that end so.

    A plant of the size of the null must use its norm well: merely scaling such weights is a change
    so large that random updates of its size do more.
    """

    def plant(bench: Bench) -> dict[str, Tensor]:
        weights = {n: p for n, p in bench.weights().items() if n.endswith(ending)}
        network = bench.model.network
        network.set_attn_implementation("eager")
        for p in weights.values():
            p.requires_grad_()
        with bench.model.state(None):
            ids = torch.tensor([bench.base.ids])
            out = network(input_ids=ids, output_attentions=True, output_hidden_states=True)
        gradients = torch.autograd.grad(
            quantity(out.attentions, out.hidden_states), list(weights.values())
        )
        for p in weights.values():
            p.requires_grad_(False)
        network.set_attn_implementation("sdpa")
        size = math.hypot(*(g.norm().item() for g in gradients))
        return {
            n: p.detach() + norm / size * g
            for (n, p), g in zip(weights.items(), gradients, strict=True)
        }

    return plant


def sharpness(attentions: tuple[Tensor, ...], _: tuple[Tensor, ...]) -> Tensor:
    """Minus the entropy of attention, mean over everything."""
    return -torch.stack([torch.special.entr(p + 1e-12).sum(-1).mean() for p in attentions]).mean()


def off_the_first(attentions: tuple[Tensor, ...], _: tuple[Tensor, ...]) -> Tensor:
    """Minus the share of the first token."""
    return -torch.stack([p[..., 0].mean() for p in attentions]).mean()


def fewer_directions(_: tuple[Tensor, ...], states: tuple[Tensor, ...]) -> Tensor:
    """Minus the logarithm of the effective rank, mean over layers, the first token left out."""
    return -torch.stack([effective_rank(x[0, 1:]).log() for x in states[1:]]).mean()


def end_of_text(bench: Bench) -> list[int]:
    end = bench.model.tokenizer.eos_token_id
    return [] if end is None else [end]


def printed_words(bench: Bench) -> list[int]:
    return sorted({token for word in bench.words for token in bench.model.tokens(f" {word}")})


PLANTS: dict[str, Plant] = {
    "logit_collapse": scaled("model.norm.weight", 0.8),
    "entropy_collapse": scaled("model.norm.weight", 1.25),
    "overconfidence": scaled("model.norm.weight", 1.25),
    "attention_divergence": along_gradient("q_proj.weight", sharpness, 1.0),
    "sink_shift": along_gradient("k_proj.weight", off_the_first, 1.0),
    "representation_collapse": along_gradient("down_proj.weight", fewer_directions, 1.0),
    "end_of_text_damage": raised(end_of_text, 12.0),
    "repetition_loop": scaled("model.norm.weight", 2.0),
    "spill": raised(printed_words, 3.0),
}


@contextmanager
def planted(bench: Bench, plant: Plant) -> Iterator[dict[str, float]]:
    """Edit the weights; yields the norm of what was changed, by kind."""
    weights, norms = bench.weights(), dict[str, float]()
    new = {name: value.detach().clone() for name, value in plant(bench).items()}
    old = {name: weights[name].detach().clone() for name in new}
    for name, value in new.items():
        of = kind(name.removesuffix(".weight"))
        norms[of] = math.hypot(norms.get(of, 0.0), torch.dist(value, old[name]).item())
        weights[name].data.copy_(value)
    try:
        yield norms
    finally:
        for name, value in old.items():
            weights[name].data.copy_(value)


def share(count: int, total: int) -> str:
    found = stats.binomtest(count, total).proportion_ci(method="wilson")
    return f"{count} of {total} [{found.low:.2f}, {found.high:.2f}]"


def planted_rate(bench: Bench, name: str, plant: Plant, trials: int) -> str:
    """How often the effect is found where it was planted."""
    spoken = name in SPOKEN
    with planted(bench, plant) as added:
        kinds = bench.rest.keys() | added.keys()
        total = {k: math.hypot(bench.rest.get(k, 0.0), added.get(k, 0.0)) for k in kinds}
        observed = [bench.statistics(bench.rest, 50_000 + i, spoken) for i in range(trials)]
    nulls = [bench.statistics(total, 60_000 + i, spoken) for i in range(bench.config.nulls)]
    found = [f.found for each in observed for f in judge(each, nulls) if f.name == name]
    return share(sum(found), trials)


def null_rates(bench: Bench, trials: int) -> dict[str, str]:
    """How often each effect is found in a random update judged against others."""
    draws = [bench.statistics(bench.rest, seed, spoken=True) for seed in range(trials)]
    found: dict[str, int] = dict.fromkeys(draws[0], 0)
    for trial, draw in enumerate(draws):
        others = draws[:trial] + draws[trial + 1 :]
        for finding in judge(draw, random.Random(trial).sample(others, bench.config.nulls)):
            found[finding.name] += finding.found
    return {name: share(count, trials) for name, count in found.items()}


def phantom_rates(bench: Bench, trials: int) -> tuple[str, str]:
    """Half of a random shift taken back, and random updates of that size on top of it."""
    planted_found, null_found = 0, 0
    half = {k: norm / 2 for k, norm in bench.rest.items()}
    for trial in range(trials):
        after = bench.reading(bench.rest, trial)
        planted_value = lost_share(bench.base, after, bench.reading(half, trial))
        lora.attach(bench.model, SHIFT, AdapterSpec(8, 8, seed=0))
        updates.randomize(bench.model, SHIFT, bench.rest, trial)
        nulls = []
        for number in range(bench.config.nulls + 1):
            state = State(bench.model, (SHIFT,))
            with chance.by_chance(state, half, 1000 * trial + number + 1) as washed:
                later = read_state(washed, bench.base.ids)
            nulls.append({"lost": lost_share(bench.base, after, later)})
        lora.detach(bench.model, SHIFT)
        planted_found += judge({"lost": planted_value}, nulls[1:])[0].found
        null_found += judge(nulls[0], nulls[1:])[0].found
    return share(planted_found, trials), share(null_found, trials)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", type=Path)
    parser.add_argument("--norm", type=float, default=3.0, help="of the update of all layers")
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--nulls", type=int, default=50)
    parser.add_argument("--only", choices=[*PLANTS, "embedding_phantom"], help="one plant")
    options = parser.parse_args()
    bench = Bench(options.text.read_text(encoding="utf-8").strip(), options.norm)
    print("| effect | planted, found | chance, found |")
    print("| --- | --- | --- |")
    by_chance = null_rates(bench, options.nulls) if options.nulls else {}
    for name, plant in PLANTS.items():
        if options.only in (None, name):
            rate = planted_rate(bench, name, plant, options.trials)
            print(f"| {name} | {rate} | {by_chance.get(name, '-')} |", flush=True)
    if options.only in (None, "embedding_phantom"):
        print("| embedding_phantom |", " | ".join(phantom_rates(bench, options.trials)), "|")


if __name__ == "__main__":
    main()
