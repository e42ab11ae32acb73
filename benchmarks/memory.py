"""The same page in the weights, in the context by retrieval, in both and in neither.

    python benchmarks/memory.py RUN...

asks the model of each finished imprint the probes of its page in all four ways (retrieval: the two
nearest paragraphs by BM25) and prints one table. Intervals are over pages and, within them, probes.
"""

import argparse
from pathlib import Path

from litho.core import stats
from litho.core.stats import Estimate
from litho.integrations.memory import MEMORIES, Memory, Remembered, compared

DIFFERENCES: tuple[tuple[Memory, Memory], ...] = (
    ("both", "printed"),
    ("both", "retrieved"),
    ("printed", "retrieved"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path)
    pages: list[tuple[Remembered, ...]] = []
    for run in parser.parse_args().runs:
        pages.append(compared(run).rows)
        print(run.name, len(pages[-1]), "probes", flush=True)
    print("\n| memory | log-probability, nats per token | right |\n| --- | --- | --- |")
    for memory in MEMORIES:
        logprob = stats.nested([[row.logprob[memory] for row in rows] for rows in pages])
        right = stats.nested([[float(row.right[memory]) for row in rows] for rows in pages])
        print(f"| {memory} | {_said(logprob)} | {_said(right)} |")
    for one, other in DIFFERENCES:
        logprob = stats.nested(
            [[row.logprob[one] - row.logprob[other] for row in rows] for rows in pages]
        )
        right = stats.nested(
            [[float(row.right[one]) - float(row.right[other]) for row in rows] for rows in pages]
        )
        print(f"| {one} minus {other} | {_said(logprob)} | {_said(right)} |")


def _said(estimate: Estimate) -> str:
    low, high = estimate.ci or (0.0, 0.0)
    return f"{estimate.value:.3f} [{low:.3f}, {high:.3f}]"


if __name__ == "__main__":
    main()
