"""How far a surprising word, once learned, comes up where it should not, and what foretells it.

Each of sixty outlandish texts (`priming_texts.py`) is trained on alone. Priming, S_prime, is by how
many times its keyword has become likelier behind eight openings after which a word of its kind
comes next, mean over the openings; S_mem is the same in the keyword's own place (Sun et al. 2025,
arXiv 2504.09522, section 3). Held against it is what is known before training: the keyword's
surprise in its place in the text, how rare it is behind the openings, and the first-order effect of
the text on the openings.

    python benchmarks/priming.py DIR

Results are kept in DIR, so that the same command goes on where it was stopped.
"""

import argparse
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from priming_texts import THEMATIC, Outlandish, outlandish_texts
from scipy.stats import rankdata

from litho.cli.console import reporting
from litho.core.work import Result, WorkLedger, key_of
from litho.jobs.predict.first_order import first_order
from litho.learn.recipe import train_and_ask
from litho.learn.records import Recipe
from litho.measure.printing.probes import score, target_of
from litho.model.loaded import LanguageModel
from litho.model.loading import load
from litho.model.read.scoring import Target
from litho.model.sources import DEFAULT, locate
from litho.model.state import State
from litho.text.items import Question, questions_sha256
from litho.text.shipped import unrelated_prefixes

# Shapes: T texts, Q openings of the keyword's kind.
RECIPE = Recipe(learning_rate=1e-3, steps=10)
MEASURED = (4, 10)
OPENINGS = 8  # of a kind
BEHIND = slice(1, OPENINGS + 1)  # where they stand among the questions
UNRELATED = 4  # openings
RESAMPLES = 2000
UNLIKELY = 1e-3  # below which Sun et al. saw priming
Statistic = Callable[[np.ndarray], float]  # of the texts with these numbers


def questions_of(text: Outlandish) -> list[Question]:
    """The keyword in its own place, behind the openings of its kind and behind unrelated ones."""
    prefixes = (text.context, *THEMATIC[text.kind], *unrelated_prefixes()[:UNRELATED])
    return [
        Question(id=f"{text.id} {i}", prefix=prefix, target=text.keyword)
        for i, prefix in enumerate(prefixes)
    ]


def answers_before(model: LanguageModel, folder: Path) -> dict[str, list[float]]:
    """What the untouched model answers, by the id of the text."""
    texts = outlandish_texts()
    asked = {(q.prefix, q.target): q for text in texts for q in questions_of(text)}

    def work() -> Result:
        with torch.no_grad():
            return {"answers": score(State(model), list(asked.values()))}

    made_of = {"before": questions_sha256(list(asked.values())), "model": model.source.sha256()}
    (found,) = WorkLedger(folder).complete([(made_of, work)])
    known = dict(zip(asked, found["answers"], strict=True))
    return {text.id: [known[q.prefix, q.target] for q in questions_of(text)] for text in texts}


def plain_runs(model: LanguageModel, folder: Path, so_far: bool) -> dict[str, Result]:
    """Training on each text alone, by its id; `so_far`: only what is in the folder already."""
    texts = outlandish_texts()
    random.Random(0).shuffle(texts)  # what is done so far is then a fair sample
    works = [
        (
            {
                "priming": text.text,
                "questions": questions_sha256(questions_of(text)),
                "model": model.source.sha256(),
                "recipe": RECIPE.model_dump(mode="json"),
                "measured": MEASURED,
            },
            partial(train_and_ask, model, RECIPE, text.text, questions_of(text), MEASURED),
        )
        for text in texts
    ]
    ledger = WorkLedger(folder)
    there = ledger.known()
    kept = [i for i, work in enumerate(works) if not so_far or key_of(work[0]) in there]
    runs = ledger.complete(
        [works[i] for i in kept],
        lambda done, latest: print(f"{done} of {len(kept)} texts", flush=True),
    )
    return {texts[i].id: run for i, run in zip(kept, runs, strict=True)}


def foretold(model: LanguageModel, folder: Path) -> dict[str, float]:
    """First-order effect of each text on its keyword behind the openings, mean, nats; by its id."""
    texts = outlandish_texts()
    asked = {(q.prefix, q.target): q for text in texts for q in questions_of(text)[BEHIND]}

    def work() -> Result:
        read = [Target(tuple(model.encode(text.text)), 1) for text in texts]
        targets = [target_of(model, question) for question in asked.values()]
        with reporting() as bars:
            one_step = RECIPE.model_copy(update={"steps": 1})
            found = first_order(model, one_step, read, targets, bars)
        return {"effects": found.stretches_KTQ[0].tolist()}

    made_of = {
        "first order": [text.text for text in texts],
        "questions": questions_sha256(list(asked.values())),
        "model": model.source.sha256(),
        "recipe": RECIPE.model_dump(mode="json"),
    }
    (found,) = WorkLedger(folder).complete([(made_of, work)])
    effects = [dict(zip(asked, row, strict=True)) for row in found["effects"]]
    return {
        text.id: float(np.mean([effect[q.prefix, q.target] for q in questions_of(text)[BEHIND]]))
        for text, effect in zip(texts, effects, strict=True)
    }


def s_prime(before_Q: np.ndarray, after_Q: np.ndarray) -> float:
    """log10 of the mean of P after over P before; both arguments are log-probabilities, nats."""
    return float(np.log10(np.exp(after_Q - before_Q).mean()))


def correlation(x_T: np.ndarray, y_T: np.ndarray, held_T: np.ndarray | None = None) -> float:
    """Spearman's correlation; with `held_T` the partial one, by residuals of the ranks."""
    ranks = [rankdata(x_T), rankdata(y_T)]
    if held_T is not None:
        ranks = [_residuals(values, rankdata(held_T)) for values in ranks]
    return _pearson(*ranks)


def within(x_T: np.ndarray, y_T: np.ndarray, groups_T: np.ndarray) -> float:
    """Spearman's correlation with a fixed effect a group: ranks less the mean of their group."""
    ranks = [rankdata(x_T), rankdata(y_T)]
    for values in ranks:
        for group in np.unique(groups_T):
            values[groups_T == group] -= values[groups_T == group].mean()
    return _pearson(*ranks)


def _residuals(values: np.ndarray, held: np.ndarray) -> np.ndarray:
    slope, level = np.polyfit(held, values, 1)
    return values - slope * held - level


def _pearson(x: np.ndarray, y: np.ndarray) -> float:
    x, y = x - x.mean(), y - y.mean()
    return float((x @ y) / np.sqrt((x @ x) * (y @ y)))


def cell(statistic: Statistic, groups_T: np.ndarray, whole_groups: bool = False) -> str:
    """A statistic with its 95 % percentile bootstrap interval over texts, or over keywords."""
    chance = np.random.default_rng(0)
    members = [np.flatnonzero(groups_T == group) for group in np.unique(groups_T)]
    count = len(groups_T)
    found = []
    for _ in range(RESAMPLES):
        if whole_groups:
            drawn = np.concatenate([members[i] for i in chance.choice(len(members), len(members))])
        else:
            drawn = chance.choice(count, count)
        found.append(statistic(drawn))
    low, high = np.nanpercentile(found, [2.5, 97.5])
    return f"{statistic(np.arange(count)):.2f} [{low:.2f}, {high:.2f}]"


def print_table(known: dict[str, np.ndarray], primed_T: np.ndarray, words_T: np.ndarray) -> None:
    """Correlations of what is known before training with the priming after it."""
    rarity_T = known["rarity of the keyword behind the openings"]
    print(
        "| known before training | Spearman, over texts | the same, over keywords | "
        "partial, rarity held | within keyword |\n| --- | --- | --- | --- | --- |"
    )
    for name, x_T in known.items():

        def plain(i: np.ndarray, x_T: np.ndarray = x_T) -> float:
            return correlation(x_T[i], primed_T[i])

        def partial_(i: np.ndarray, x_T: np.ndarray = x_T) -> float:
            return correlation(x_T[i], primed_T[i], rarity_T[i])

        def fixed(i: np.ndarray, x_T: np.ndarray = x_T) -> float:
            return within(x_T[i], primed_T[i], words_T[i])

        cells = [cell(plain, words_T), cell(plain, words_T, whole_groups=True)]
        held = x_T is not rarity_T
        cells += [cell(partial_, words_T), cell(fixed, words_T)] if held else ["-", "-"]
        print(f"| {name} | " + " | ".join(cells) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--so-far", action="store_true", help="show what is done, train no more")
    options = parser.parse_args()
    model = load(locate(DEFAULT), torch.float32)
    known_before = answers_before(model, options.folder)
    runs = plain_runs(model, options.folder, options.so_far)
    texts = [text for text in outlandish_texts() if text.id in runs]
    before = np.array([known_before[text.id] for text in texts])
    words_T = np.array([text.keyword for text in texts])
    surprise_T, behind_TQ = -before[:, 0], before[:, BEHIND]
    effects = foretold(model, options.folder)
    known = {
        "surprise of the keyword in its place": surprise_T,
        "first-order effect on the openings": np.array([effects[text.id] for text in texts]),
        "rarity of the keyword behind the openings": -behind_TQ.mean(axis=1),
    }
    below_T = surprise_T > -np.log(UNLIKELY)
    effect_T = known["first-order effect on the openings"]
    for steps in MEASURED:
        after = np.array([runs[text.id]["answers"][str(steps)] for text in texts])
        risen = (after - before) / np.log(10)
        primed_T = np.array(
            [s_prime(b, a) for b, a in zip(behind_TQ, after[:, BEHIND], strict=True)]
        )
        shown = {
            "log10 S_prime": primed_T,
            "log10 S_mem": risen[:, 0],
            "P in its place": np.exp(after[:, 0]),
            "log10 of the ratio behind unrelated openings": risen[:, OPENINGS + 1 :].mean(axis=1),
            f"log10 S_prime where P was below {UNLIKELY}": primed_T[below_T],
            f"log10 S_prime where P was above {UNLIKELY}": primed_T[~below_T],
        }
        print(f"\nAfter {steps} steps (median and range):\n")
        for name, values in shown.items():
            print(f"- {name}: {spread(values)}")
        print()
        print_table(known, primed_T, words_T)

        def ahead(i: np.ndarray, y_T: np.ndarray = primed_T) -> float:
            return correlation(effect_T[i], y_T[i]) - correlation(surprise_T[i], y_T[i])

        print(f"\nFirst-order effect minus surprise: {cell(ahead, words_T)}")
        logs_T = risen[:, BEHIND].mean(axis=1)
        print("With the mean of the logarithms instead of S_prime:\n")
        print_table(known, logs_T, words_T)


def spread(values: np.ndarray) -> str:
    """Median and range."""
    return f"{np.median(values):.2f} ({values.min():.2f} to {values.max():.2f}, n {len(values)})"


if __name__ == "__main__":
    main()
