"""Remedies against priming: what they take off it, and what they take off the memory.

Of the texts of `priming.py`, each keyword's most surprising one is trained on (chosen by what is
known beforehand: what happened to prime most primes less the next time, whatever is done): as it
is; with the largest updates ignored, of the whole training or of each step; with a bridge before
the keyword. Each has a control: as many random updates dropped, or a clause of the same length that
does not lead to the keyword. Since whatever weakens a print primes less, too, each is also compared
with the plain adapter, scaled down until the keyword is as likely in its own place.

    python benchmarks/priming_remedies.py DIR

DIR is that of `priming.py`. Results are kept there, and several processes may share the work.
"""

import argparse
import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from priming import BEHIND, RECIPE, answers_before, questions_of, s_prime
from priming_texts import Outlandish, outlandish_texts
from torch import Tensor

from litho.core import stats
from litho.core.work import Result, Specification, WorkLedger, key_of
from litho.learn.recipe import TRAINED, adapter_of, trainer_of
from litho.learn.sources import in_turn
from litho.measure.printing.probes import score
from litho.model.adapters import lora
from litho.model.adapters.prune import largest, prune
from litho.model.loaded import LanguageModel
from litho.model.loading import load
from litho.model.sources import DEFAULT, locate
from litho.model.state import State
from litho.present.bridges import CLAUSES, KINDRED, LIKELY, LOOKED_AT, WHOLE, best_bridge, surprises
from litho.show.wording import cell

DROPPED = 0.08  # of the updates, as Sun et al. did
SCALES = (0.8, 0.6, 0.45, 0.3)
SAYING = [
    f", as {who} {said}{when},"
    for who in ("we", "they all", "the people there", "the old people of the town")
    for said in ("said", "now say", "have often said")
    for when in ("", " today", " on that day", " at the end of the day", " once more that year")
]
Choose = Callable[[Tensor, float], Tensor]  # a mask of what is dropped


def random_share(values: Tensor, fraction: float) -> Tensor:
    """A mask of as many entries as `largest` has, by chance."""
    drawn = torch.zeros(values.numel(), dtype=torch.bool)
    drawn[torch.randperm(values.numel())[: int(fraction * values.numel())]] = True
    return drawn.view_as(values)


def by_gradient(values: Tensor, fraction: float) -> Tensor:
    """Those whose gradient, before AdamW has made all alike, is largest."""
    assert values.grad is not None
    return largest(values.grad, fraction)


# The ways of training and what is done afterwards, as they are called in the ledger.
CLAUSE, AFTERWARDS, RETOLD = "clauses", "afterwards", ("bridge", "other clause")
EACH_STEP: dict[str, Choose] = {
    "each step, update": largest,
    "each step, gradient": by_gradient,
    "each step, random": random_share,
}


def train(model: LanguageModel, text: str, choose: Choose | None = None) -> None:
    """Follow the recipe on a text; `choose` says which updates of each step are dropped."""
    lora.attach(model, TRAINED, adapter_of(model, RECIPE))
    trainer = trainer_of(model, TRAINED, RECIPE, in_turn([model.encode(text)]))
    for _ in range(RECIPE.steps):
        if choose:
            trainer.gradient()
            step_without(trainer.optimizer, choose)
            trainer.optimizer.zero_grad(set_to_none=True)
        else:
            trainer.step()


@torch.no_grad()
def step_without(optimizer: torch.optim.Optimizer, choose: Choose) -> None:
    """A step of an optimizer without weight decay, but for the updates that `choose` names."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    before = [parameter.clone() for parameter in parameters]
    for parameter in parameters:
        parameter.zero_()  # so that what a step leaves is the update, exactly
    optimizer.step()
    for parameter, old in zip(parameters, before, strict=True):
        parameter.masked_fill_(choose(parameter, DROPPED), 0).add_(old)


@torch.no_grad()
def asked(model: LanguageModel, text: Outlandish) -> list[float]:
    return score(State(model, (TRAINED,)), questions_of(text))


def afterwards(model: LanguageModel, text: Outlandish) -> Result:
    """The plain run, and what can be done to its adapter at the end."""
    train(model, text.text)
    try:
        found = {"plain": asked(model, text)}
        weights = lora.weights(model, TRAINED)
        whole = {name: weight.detach().clone() for name, weight in weights.items()}
        for scale in SCALES:
            put(weights, whole, scale)
            found[str(scale)] = asked(model, text)
        torch.manual_seed(0)
        for name, choose in (("largest", largest), ("random", random_share)):
            put(weights, whole, 1.0)
            prune(model, TRAINED, partial(choose, fraction=DROPPED))
            found[name] = asked(model, text)
    finally:
        lora.detach(model)
    return found


@torch.no_grad()
def put(weights: dict[str, torch.nn.Parameter], whole: dict[str, Tensor], scale: float) -> None:
    """The trained weights again, with an update of `scale` times the size."""
    for name, weight in weights.items():
        weight.copy_(whole[name] * (scale if ".lora_B." in name else 1.0))


def with_clause(model: LanguageModel, clauses: dict[str, str], text: Outlandish) -> Result:
    """What the model says after training on a text with its clause before the keyword."""
    return trained(model, text, text.with_clause(clauses[text.id]), None)


def step_by_step(model: LanguageModel, choose: Choose, text: Outlandish) -> Result:
    """What the model says after training with a share of each step's updates dropped."""
    torch.manual_seed(0)  # of random shares
    return trained(model, text, text.text, choose)


def trained(model: LanguageModel, text: Outlandish, said: str, choose: Choose | None) -> Result:
    try:
        train(model, said, choose)
        return {"after": asked(model, text)}
    finally:
        lora.detach(model)


def clauses(model: LanguageModel, text: Outlandish) -> Result:
    """A bridge to the keyword and a clause of the same length that is none, with -log P."""
    with torch.no_grad():
        (plain,) = surprises(model, text.context, [""], text.keyword)
        bridge = best_bridge(model, text.context, text.keyword, math.inf)
        assert bridge
        length = len(model.tokens(bridge.clause))
        wrong = [abs(len(model.tokens(clause)) - length) for clause in SAYING]
        fit = [c for c, off in zip(SAYING, wrong, strict=True) if off == min(wrong)]
        costs = surprises(model, text.context, fit, text.keyword)
    cost, clause = min(zip(costs, fit, strict=True), key=lambda pair: abs(pair[0] - plain))
    return {
        "plain": plain,
        "bridge": [bridge.clause, bridge.bridged],
        "other clause": [clause, cost],
        "tokens": [length, len(model.tokens(clause))],
    }


def specification(model: LanguageModel, text: Outlandish, what: str) -> Specification:
    made = {"whole": WHOLE} if what in (CLAUSE, *RETOLD) else {}
    return {
        **made,
        "remedy": what,
        "text": text.text,
        "dropped": DROPPED,
        "scales": SCALES,
        "clauses": [CLAUSES, LIKELY, KINDRED, LOOKED_AT],
        "model": model.source.sha256(),
        "recipe": RECIPE.model_dump(mode="json"),
    }


def all_runs(
    model: LanguageModel, texts: Sequence[Outlandish], folder: Path, steps: bool
) -> list[dict[str, Result]]:
    """What each text did in every way, by the name of the way."""
    ledger = WorkLedger(folder)

    def done(what: str, work: Callable[[Outlandish], Result]) -> list[Result]:
        return ledger.complete(
            [(specification(model, text, what), partial(work, text)) for text in texts],
            lambda count, latest: print(f"{what}: {count} of {len(texts)}", flush=True),
        )

    found = {CLAUSE: done(CLAUSE, partial(clauses, model))}
    found[AFTERWARDS] = done(AFTERWARDS, partial(afterwards, model))
    for name in RETOLD:
        said = {t.id: one[name][0] for t, one in zip(texts, found[CLAUSE], strict=True)}
        found[name] = done(name, partial(with_clause, model, said))
    for name, choose in EACH_STEP.items() if steps else ():
        found[name] = done(name, partial(step_by_step, model, choose))
    return [dict(zip(found, results, strict=True)) for results in zip(*found.values(), strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--no-steps", action="store_true", help="leave out what is done each step")
    parser.add_argument("--so-far", action="store_true", help="show the texts that are done")
    options = parser.parse_args()
    model = load(locate(DEFAULT), torch.float32)
    before = answers_before(model, options.folder)
    # From the least surprising to the most, so that the latter stay.
    ordered = sorted(outlandish_texts(), key=lambda text: -before[text.id][0])
    texts = list({text.keyword: text for text in ordered}.values())
    if options.so_far:
        ways = [CLAUSE, AFTERWARDS, *RETOLD, *(() if options.no_steps else EACH_STEP)]
        there = WorkLedger(options.folder).known()
        texts = [
            text
            for text in texts
            if all(key_of(specification(model, text, way)) in there for way in ways)
        ]
    runs = all_runs(model, texts, options.folder, not options.no_steps)
    print_clauses(texts, [run[CLAUSE] for run in runs])
    print_remedies(
        [answers_of(before[text.id], run) for text, run in zip(texts, runs, strict=True)]
    )


class Answer:
    """What a model says about a keyword, against what it said before training."""

    def __init__(self, before: Sequence[float], after: Sequence[float]) -> None:
        first, then = np.array(before), np.array(after)
        self.primed = s_prime(first[BEHIND], then[BEHIND])
        self.memory = float((then[0] - first[0]) / np.log(10))  # log10 of S_mem
        self.known = float(np.exp(then[0]))  # P in its place
        self.odds = float(then[0] - np.log(-np.expm1(then[0])))  # log-odds of it


def answers_of(before: Sequence[float], run: dict[str, Result]) -> dict[str, Answer]:
    """By the name of what was done."""
    retrained = {name: result["after"] for name, result in run.items() if "after" in result}
    said = run[AFTERWARDS] | retrained
    return {name: Answer(before, answers) for name, answers in said.items()}


def at_the_same_odds(run: dict[str, Answer], odds: float) -> float:
    """Priming of the plain adapter, scaled down until the keyword is as likely in its place."""
    scaled = [run["plain"], *(run[str(scale)] for scale in SCALES)][::-1]
    return float(np.interp(odds, [a.odds for a in scaled], [a.primed for a in scaled]))


CONTROLS = {
    "largest": "random",
    "bridge": "other clause",
    "each step, update": "each step, random",
    "each step, gradient": "each step, random",
}


def print_remedies(runs: Sequence[dict[str, Answer]]) -> None:
    """Each remedy against the plain run, its control and the plain adapter scaled down."""
    print(
        "| | log10 S_prime | less than plain | less than its control | less than scaled down to "
        "the same P in its place | log10 S_mem less than plain | P in its place |\n"
        "| --- | --- | --- | --- | --- | --- | --- |"
    )
    for name in runs[0]:
        found = [run[name] for run in runs]
        less = [run["plain"].primed - run[name].primed for run in runs]
        control = CONTROLS.get(name)
        than_control = [run[control].primed - run[name].primed for run in runs] if control else []
        same = [at_the_same_odds(run, run[name].odds) - run[name].primed for run in runs]
        forgotten = [run["plain"].memory - run[name].memory for run in runs]
        columns = (
            [answer.primed for answer in found],
            less,
            than_control,
            same,
            forgotten,
            [answer.known for answer in found],
        )
        scaled = name.replace(".", "").isdigit()
        print(
            f"| {'scaled by ' if scaled else ''}{name} | "
            + " | ".join(cell(stats.mean(column), 2) if column else "-" for column in columns)
            + " |"
        )


def print_clauses(texts: Sequence[Outlandish], found: Sequence[Result]) -> None:
    """What stands before each keyword, and its surprise in nats."""
    for text, one in zip(texts, found, strict=True):
        (bridge, cost), (other, other_cost) = one["bridge"], one["other clause"]
        print(
            f"- {text.id}: {one['plain']:.1f} nats; “{bridge}” {cost:.1f}; “{other}” "
            f"{other_cost:.1f}; {one['tokens']} tokens"
        )
    columns = [[one["plain"], one["bridge"][1], one["other clause"][1]] for one in found]
    cells = [cell(stats.mean(column), 1) for column in zip(*columns, strict=True)]
    print("surprise of the keyword without, bridged, behind the other clause:", *cells, sep=" ")


if __name__ == "__main__":
    main()
