"""What predictions cost beside the runs that they stand for: CPU seconds a text, in one process.

A run takes a number of steps and asks all questions at the end (*once*) or, as those of the bank
do, 20 steps and asks after 1, 8 and 20 of them (*three times*). Its price is put together from that
of a step and of a round of questions, of two kinds:

- plain PEFT: a script of a page, with torch's AdamW, the loss that transformers returns, and
  questions one by one, which costs less than padded batches in the order of the file;
- `litho ensemble`.

What predictions need once for all texts is shared by all texts of the bank.

    OMP_NUM_THREADS=1 python benchmarks/prediction_cost.py BANK [--texts 3]
"""

import argparse
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import mean

import torch
from batched_adapters import LINEAR
from peft import LoraConfig, get_peft_model

from litho.cli.console import reporting
from litho.core.config import load_config
from litho.core.memory import keep_freed_memory
from litho.jobs.ensemble.config import EnsemblePlan
from litho.jobs.predict.first_order import first_order
from litho.jobs.predict.short_run import short_run
from litho.learn.recipe import TRAINED, adapter_of, ask, follow
from litho.learn.records import Recipe
from litho.measure.printing.probes import target_of
from litho.model.adapters import lora
from litho.model.loaded import LanguageModel
from litho.model.loading import load
from litho.model.read.scoring import Target
from litho.model.sources import locate
from litho.text.items import Question, read_questions, read_texts

MEASURED = (1, 8, 20)  # steps after which a run of the bank asks
TIMED = 5  # steps


@dataclass(frozen=True)
class Price:
    """CPU seconds of a step and of a round of questions."""

    step: float
    asking: float

    def run(self, steps: int, rounds: int) -> float:
        return steps * self.step + rounds * self.asking


def cpu_seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def plain_price(
    model: LanguageModel, recipe: Recipe, texts: Iterable[Target], asked: Sequence[Target]
) -> Price:
    torch.manual_seed(recipe.seed)
    config = LoraConfig(
        task_type="CAUSAL_LM", r=recipe.rank, lora_alpha=recipe.alpha, target_modules=LINEAR
    )
    network = get_peft_model(model.network, config)
    trained = [weight for weight in network.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=recipe.learning_rate, weight_decay=0.0)

    def step(ids_BT: torch.Tensor) -> None:
        network(input_ids=ids_BT, labels=ids_BT).loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    @torch.no_grad()
    def answers() -> None:
        for target in asked:
            ids_BT = torch.tensor([target.ids])
            logp_TV = network(input_ids=ids_BT).logits[0, target.first - 1 : -1].log_softmax(-1)
            logp_TV.gather(-1, ids_BT[0, target.first :, None]).mean().item()

    steps = []
    for text in texts:
        again = partial(step, torch.tensor([text.ids]))
        again()  # the first is not counted
        steps += [cpu_seconds(again) for _ in range(TIMED)]
    asking = cpu_seconds(answers)
    network.unload()
    return Price(mean(steps), asking)


def own_price(
    model: LanguageModel, recipe: Recipe, texts: Iterable[Target], questions: Sequence[Question]
) -> Price:
    steps, rounds = [], []
    for text in texts:
        with lora.fresh(model, TRAINED, adapter_of(model, recipe)):
            path = follow(model, TRAINED, recipe, text.ids)
            next(path)
            steps += [cpu_seconds(partial(next, path)) for _ in range(TIMED)]
            rounds.append(cpu_seconds(partial(ask, model, questions)))
    return Price(mean(steps), mean(rounds))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bank", type=Path)
    parser.add_argument("--texts", type=int, default=3)
    options = parser.parse_args()
    keep_freed_memory()
    plan = load_config(EnsemblePlan, options.bank / "plan-0.0005.yaml")
    questions = read_questions(options.bank / plan.probes)
    every = read_texts(options.bank / plan.texts)
    texts = [text.text for text in every[: options.texts]]
    model = load(locate(plan.models[0]), torch.float32)
    recipe = plan.recipes[0].model_copy(update={"seed": plan.seeds[0]})
    asked = [target_of(model, question) for question in questions]
    learned = [Target(tuple(model.encode(text)), 1) for text in texts]
    plain = plain_price(model, recipe, learned, asked)
    own = own_price(model, recipe, learned, questions)

    with reporting() as bars:

        def cheap(shorter: Recipe) -> float:
            alone = partial(first_order, model, shorter, learned, asked[:1], bars)
            whole = partial(first_order, model, shorter, learned, asked, bars)
            gradients = cpu_seconds(alone)
            return gradients / len(texts) + (cpu_seconds(whole) - gradients) / len(every)

        def careful(shorter: Recipe) -> float:
            runs = [partial(short_run, model, shorter, text, questions) for text in texts]
            return mean(map(cpu_seconds, runs)) + own.asking / len(every)

        lengths = {steps: recipe.model_copy(update={"steps": steps}) for steps in MEASURED}
        took = {("cheap", steps): cheap(shorter) for steps, shorter in lengths.items()}
        took |= {("careful", steps): careful(lengths[steps]) for steps in MEASURED[1:]}
    print(f"plain PEFT: a step {plain.step:.2f} s, a round of questions {plain.asking:.1f} s")
    print(f"`litho ensemble`: {own.step:.2f} s and {own.asking:.1f} s\n")
    columns = ["price", "steps", "CPU s a text"]
    columns += [f"of {of}, asking {how}" for of in ("PEFT", "Litho") for how in ("once", "3 times")]
    print(f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}")
    for (price, steps), seconds in took.items():
        runs = [made for of in (plain, own) for made in (of.run(steps, 1), of.run(20, 3))]
        shares = " | ".join(f"{seconds / run:.1%}" for run in runs)
        print(f"| {price} | {steps} | {seconds:.1f} | {shares} |")


if __name__ == "__main__":
    main()
