"""What judging variants costs: 50 variants of a page against 50 separate forwards.

Takes the first sentences of TEXT, about 500 tokens, lets the operators make variants, and times in
turns: scoring all of them with shared beginnings; a plain forward of the page for each (nothing
compared); the reference, which reads each variant by itself and compares it with its parent. The
values of the first and the last are compared, too.

    python benchmarks/vary_cost.py TEXT
"""

import argparse
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import torch
from turns import show_ratios, time_in_turns

from litho.core.memory import keep_freed_memory
from litho.measure.scorer import ModelScorer
from litho.measure.volatility import read, volatilities, volatility
from litho.model.loaded import LanguageModel
from litho.model.loading import load
from litho.model.read.scoring import logits
from litho.model.sources import DEFAULT, locate
from litho.present.variants import plan_presentations
from litho.text.sentences import sentences

WIDE = 1000.0  # nats: a budget that refuses nothing


def page_of(model: LanguageModel, text: str, tokens: int) -> str:
    page = ""
    for sentence in sentences(text):
        longer = f"{page} {sentence}".strip()
        if len(model.tokens(longer)) > tokens:
            break
        page = longer
    return page


def compare(model: LanguageModel, page: str, count: int, rounds: int) -> None:
    plan = plan_presentations(model, [page], ModelScorer(model), count, WIDE, WIDE, seed=0)
    variants = [variant.rows for variant in plan.variants]
    print(f"  {dict(Counter(variant.operator for variant in plan.variants))}")
    parent = read(model, (page,))
    ids = torch.tensor([model.encode(page)])

    @torch.no_grad()
    def forwards() -> None:
        for _ in variants:
            logits(model, ids)

    ways: dict[str, Callable[[], object]] = {
        "shared": lambda: volatilities(model, parent, variants),
        "forwards": forwards,
        "reference": lambda: [volatility(parent, read(model, rows)) for rows in variants],
    }
    show_ratios(time_in_turns(ways, rounds, warm_up=0), "forwards")
    pairs = zip(
        volatilities(model, parent, variants),
        [volatility(parent, read(model, rows)) for rows in variants],
        strict=True,
    )
    apart = [(abs(a.mean_kl - b.mean_kl), abs(a.max_surprise - b.max_surprise)) for a, b in pairs]
    worst = [max(column) for column in zip(*apart, strict=True)]
    print(f"  largest difference: mean KL {worst[0]:.1e}, surprise {worst[1]:.1e} nats")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("text", type=Path)
    parser.add_argument("--tokens", type=int, default=500)
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    keep_freed_memory()
    for dtype in (torch.float32, torch.bfloat16):
        model = load(locate(DEFAULT), dtype)
        page = page_of(model, options.text.read_text(encoding="utf-8"), options.tokens)
        print(f"{dtype}, {len(model.tokens(page))} tokens, {torch.get_num_threads()} threads")
        compare(model, page, options.count, options.rounds)


if __name__ == "__main__":
    main()
