"""Reversal: facts printed as "X is Y" and asked for as "Y is".

Makes short texts of invented facts, each stating a name and what its bearer is, in that order. The
arms `plan` and `duplicates` of `litho bench lithography` print them; the name is then asked for
behind the description (never trained on in that order), and the description behind the name. Shows
the imprint (share of the open book's gain) and how often the greedy answer is the name's first
token, by arm, with bootstrap intervals over texts. (Berglund et al. 2023, "The Reversal Curse",
arXiv 2309.12288, found models trained on one order at chance on the other.)

    python benchmarks/reversal.py PROSE.txt OTHER_PROSE.txt --texts 4
"""

import argparse
import random
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from litho.core import stats
from litho.core.memory import keep_freed_memory
from litho.jobs.bench.config import BenchConfig
from litho.jobs.bench.parts import ARMS
from litho.jobs.bench.prepared import prepare
from litho.jobs.bench.trial import ARM, Bench, TrialConfig, run_trial
from litho.learn.decoys import COUNT, train_decoys
from litho.learn.drift import Replay
from litho.measure.printing.drift import retention_blocks
from litho.measure.printing.locality import greedy_answers
from litho.model.loaded import LanguageModel
from litho.model.loading import load
from litho.model.sources import DEFAULT, locate
from litho.model.state import State
from litho.text.cases import Case
from litho.text.items import Probe

FIRST = [
    "Marla",
    "Tobin",
    "Ilse",
    "Corwin",
    "Petra",
    "Anselm",
    "Noor",
    "Bruno",
    "Delia",
    "Oskar",
    "Tamsin",
    "Rufus",
]
LAST = [
    "Quillan",
    "Vasker",
    "Ormond",
    "Telling",
    "Brask",
    "Hollin",
    "Severin",
    "Pike",
    "Lorne",
    "Castell",
    "Wend",
    "Aldous",
]
ROLES = (
    "the keeper of the lighthouse at Skerry Point",
    "the inventor of the folding sundial",
    "the author of the novel Salt and Lanterns",
    "the founder of the Glass Orchard museum",
    "the first person to map the caves of Lumen Ridge",
    "the composer of the opera The Paper Harvest",
    "the captain of the research ship Northern Thimble",
    "the architect of the bridge over the Vell river",
    "the painter of the ceiling in Harrow Hall",
    "the head gardener of the island of Brannoch",
    "the winner of the Copper Kite race of 1987",
    "the discoverer of the blue moss of Tarn Valley",
)
FACTS = 6  # in a text
RATES = {"plan": 1e-3, "duplicates": 2e-3}  # as the sweep of `quick` chose them


def made(number: int) -> Case:
    """A text of invented facts, and both ways of asking for them."""
    chance = random.Random(number)
    firsts, lasts = chance.sample(FIRST, FACTS), chance.sample(LAST, FACTS)
    names = [f"{first} {last}" for first, last in zip(firsts, lasts, strict=True)]
    facts = list(zip(names, chance.sample(ROLES, FACTS), strict=True))
    return Case(
        id=f"facts-{number}",
        text=" ".join(f"{name} is {role}." for name, role in facts),
        probes=(
            *(Probe(kind="mem", prefix=f"{name} is", target=role) for name, role in facts),
            *(
                Probe(kind="hard", prefix=f"{role[0].upper()}{role[1:]} is", target=name)
                for name, role in facts
            ),
        ),
        paraphrases=(" ".join(f"{name} is {role}." for name, role in facts),),
    )


def hits(model: LanguageModel, case: Case) -> float:
    """Share of names whose first token is the greedy answer to their description."""
    asked = [probe for probe in case.probes if probe.kind == "hard"]
    answers = greedy_answers(State(model, (ARM,)), asked)
    wanted = [model.encode(f"{p.prefix} {p.target}")[len(model.encode(p.prefix)) :] for p in asked]
    return sum(a[0] == w[0] for a, w in zip(answers, wanted, strict=True)) / len(asked)


def note(answered: list[float], model: LanguageModel, case: Case) -> None:
    answered.append(hits(model, case))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("prose", type=Path, help="on which drift is measured")
    parser.add_argument("decoys", type=Path, help="other prose, for the adapters beside the plan")
    parser.add_argument("--texts", type=int, default=4)
    options = parser.parse_args()
    keep_freed_memory()
    model = load(locate(DEFAULT), torch.bfloat16)
    rows = retention_blocks(model, options.prose.read_text(encoding="utf-8"), 2048)
    retention = Replay.read(model, rows)
    temporary = TemporaryDirectory()
    decoys = [Path(temporary.name) / f"decoy{number}" for number in range(COUNT)]
    train_decoys(model, options.decoys.read_text(encoding="utf-8"), decoys)
    config = TrialConfig(budget=BenchConfig().budget)
    found: dict[str, list[tuple[float, float, float, float]]] = {}
    for number in range(options.texts):
        text = prepare(model, made(number), config.presentations, (56, 16, 96))
        pool, unseen = text.samples[:56], text.samples[56:]
        replays = Replay.read(model, pool), Replay.read(model, unseen)
        bench = Bench(model, text, *replays, retention, [], decoys)
        for arm, rate in RATES.items():
            last: list[float] = []
            trial = run_trial(
                bench,
                arm,
                ARMS[arm],
                config.model_copy(update={"learning_rate": rate}),
                spilled=False,
                lasting=False,
                trained=partial(note, last, model, text.case),
            )
            forward, back = trial.imprint["mem"] or 0.0, trial.imprint["hard"] or 0.0
            found.setdefault(arm, []).append((forward, back, last[-1], trial.drift or 0.0))
            print(f"{text.case.id} {arm}: {found[arm][-1]}", flush=True)
    print("| arm | X is → Y, imprint | Y is → X, imprint | Y is → X, first token | D_ret |")
    print("| --- | --- | --- | --- | --- |")
    for arm, values in found.items():
        cells = [stats.mean(column) for column in zip(*values, strict=True)]
        print(
            f"| {arm} | "
            + " | ".join(
                f"{cell.value:.3f} [{cell.ci[0]:.3f}, {cell.ci[1]:.3f}]" if cell.ci else "-"
                for cell in cells
            )
            + " |"
        )


if __name__ == "__main__":
    main()
