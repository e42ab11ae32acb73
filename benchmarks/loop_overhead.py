"""Time of a training step: Litho's loop, a bare PyTorch loop, transformers' Trainer, a forward.

All four run on the same bundled model, the same LoRA adapter and the same rows, in turns within
one process, so that they share the machine's moods. The bare loop does the same forwards and
backwards as Litho's and nothing else; the Trainer has no drift term and is compared with Litho's
control arm, which has none either.

    python benchmarks/loop_overhead.py examples/page.md
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from transformers import Trainer, TrainingArguments

from litho.learn.drift import DriftController, DriftGuard, Replay
from litho.learn.optimizer import OptimizerSpec
from litho.learn.records import LoopConfig
from litho.learn.self_samples import replay_openings
from litho.learn.sources import Planned
from litho.learn.trainable import TrainedAdapter
from litho.learn.trainer import Trainer as Litho
from litho.model.adapters import lora
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel
from litho.model.loading import load
from litho.model.read.sampling import self_samples
from litho.model.read.scoring import logits, pad_rows
from litho.model.sources import DEFAULT, locate


def bare_step(
    model: LanguageModel,
    optimizer: torch.optim.Optimizer,
    ids_BT: torch.Tensor,
    labels_BT: torch.Tensor,
    replay: Replay | None,
    chosen: list[int],
) -> None:
    """The arithmetic of a step without anything around it."""
    found = model.network(input_ids=ids_BT).logits[:, :-1].float()
    loss = F.cross_entropy(found.flatten(0, 1), labels_BT[:, 1:].flatten(), ignore_index=-100)
    torch.autograd.backward(loss)
    if replay:
        base = replay.logits_BTV[chosen].float().log_softmax(-1)
        tuned = model.network(input_ids=replay.ids_BT[chosen]).logits.float().log_softmax(-1)
        torch.autograd.backward(10 * (base.exp() * (base - tuned)).sum(-1).mean())
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def timed(step: Callable[[], object]) -> float:
    began = time.perf_counter()
    step()
    return time.perf_counter() - began


def trainer_steps(
    model: LanguageModel, ids_BT: torch.Tensor, labels_BT: torch.Tensor, count: int, folder: Path
) -> float:
    """Seconds a step of transformers' Trainer on the same batch."""
    data = [
        {"input_ids": ids, "labels": labels} for ids, labels in zip(ids_BT, labels_BT, strict=True)
    ] * count
    arguments = TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=len(ids_BT),
        num_train_epochs=1,
        learning_rate=1e-3,
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        use_cpu=True,
    )
    trainer = Trainer(model=model.network, args=arguments, train_dataset=data)
    return timed(trainer.train) / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", type=Path)
    parser.add_argument("--rounds", type=int, default=12)
    options = parser.parse_args()
    model = load(locate(DEFAULT), torch.bfloat16)
    text = options.text.read_text(encoding="utf-8").strip()
    rows = [model.encode(text)]
    samples = self_samples(model, replay_openings(text, 16, seed=0), 64, seed=0)
    replay = Replay.read(model, samples)
    config = LoopConfig()
    lora.attach(model, "bench", AdapterSpec(config.rank, config.alpha))
    guard = DriftGuard(replay, DriftController(budget=0.015), config.replay_rows, config.seed)

    def trainer(guard: DriftGuard | None) -> Litho:
        what, count = TrainedAdapter(model, "bench"), config.presentations
        spec = OptimizerSpec.of(config)
        return Litho(what, Planned([rows]), spec, count, config.micro_tokens, guard=guard)

    held, control = trainer(guard), trainer(None)
    optimizer = torch.optim.AdamW(lora.weights(model, "bench").values(), lr=1e-3)
    ids_BT, mask_BT = pad_rows(model, rows)
    labels_BT = ids_BT.masked_fill(~mask_BT, -100)
    chosen = list(range(config.replay_rows))

    @torch.no_grad()
    def forward() -> None:
        logits(model, ids_BT)

    steps: dict[str, Callable[[], object]] = {
        "plain forward of the text": forward,
        "bare loop, text and drift term": lambda: bare_step(
            model, optimizer, ids_BT, labels_BT, replay, chosen
        ),
        "Litho, text and drift term": held.step,
        "bare loop, text only": lambda: bare_step(
            model, optimizer, ids_BT, labels_BT, None, chosen
        ),
        "Litho, text only (control)": control.step,
    }
    times: dict[str, list[float]] = {name: [] for name in steps}
    for round_ in range(options.rounds + 2):
        for name, step in steps.items():
            seconds = timed(step)
            if round_ >= 2:  # the first rounds compile kernels
                times[name].append(seconds)
    times["transformers Trainer, text only"] = [
        trainer_steps(model, ids_BT, labels_BT, options.rounds, Path("runs/trainer"))
    ]
    print(f"{torch.get_num_threads()} threads, {len(rows[0])} tokens, {options.rounds} rounds")
    print("| step | median seconds |\n| --- | --- |")
    for name, values in times.items():
        print(f"| {name} | {statistics.median(values):.3f} |")
    for ours, bare in (
        ("Litho, text and drift term", "bare loop, text and drift term"),
        ("Litho, text only (control)", "bare loop, text only"),
    ):
        pairs = [a / b for a, b in zip(times[ours], times[bare], strict=True)]
        low, high = min(pairs), max(pairs)
        print(f"{ours} / {bare}: {statistics.median(pairs):.3f} ({low:.3f} to {high:.3f})")


if __name__ == "__main__":
    main()
