"""Does a GPU compute what the CPU does, and how fast? Run by gpu.sh, which says how.

Every check computes the same in float32 on the CPU and on the device and compares with a bound. The
bounds allow for sums in another order (about 1e-6 of a logit, more behind many layers), not for
TF32, which is off. Then imprint, diff and predict are timed on both, the CPU last and as far as the
time goes.
"""

import argparse
import json
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM

import litho
from litho.core.reporter import Silent
from litho.jobs.diff.config import DiffConfig
from litho.jobs.imprint.config import ImprintConfig
from litho.jobs.predict.first_order import first_order
from litho.learn.drift import Replay
from litho.learn.losses import backward_drift, backward_text
from litho.learn.records import Recipe
from litho.measure.precision import precision
from litho.measure.printing.probes import target_of
from litho.measure.volatility import read, volatilities
from litho.model import placement
from litho.model.adapters import lora
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel
from litho.model.loading import load
from litho.model.placement import Placement, device_name, seeded, training_dtype, wait_for
from litho.model.read.scoring import Target, kl, logits_of_rows
from litho.model.sources import locate
from litho.model.tiny import byte_tokenizer
from litho.text.items import NamedText, Question
from litho.text.shipped import shipped_retention

SECONDS = 430  # in all; what would begin later is left out
PARAGRAPH = 400  # characters
SHAPE = {  # of SmolLM2-135M
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "vocab_size": 49152,
    "max_position_embeddings": 8192,
    "tie_word_embeddings": True,
}


@dataclass(frozen=True)
class Check:
    """A number that says how far two devices are apart, and how far they may be."""

    name: str
    value: float
    bound: float

    @property
    def ok(self) -> bool:
        return self.value <= self.bound  # and is a number


@dataclass(frozen=True)
class Texts:
    """What is read, trained on and asked."""

    text: str
    others: list[NamedText]
    questions: list[Question]


def texts(count: int) -> Texts:
    prose = shipped_retention()
    starts = [i * (len(prose) - PARAGRAPH) // (count - 1) for i in range(count)]  # may overlap
    parts = [prose[start : start + PARAGRAPH] for start in starts]
    words = [part.split() for part in parts]
    return Texts(
        parts[0],
        [NamedText(id=str(i), text=part) for i, part in enumerate(parts)],
        [
            Question(id=str(i), prefix=" ".join(w[5:15]), target=" ".join(w[15:18]))
            for i, w in enumerate(words)
        ],
    )


def random_model(folder: Path) -> str:
    """A random model of the bundled one's shape, with tokens of a byte; where it lies."""
    tokenizer = byte_tokenizer()
    config = AutoConfig.for_model("llama", bos_token_id=0, eos_token_id=1, **SHAPE)
    with seeded(placement.HOST, 0):
        network: Any = AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder.resolve())


@dataclass
class Numbers:
    """What one device makes of the texts, on the CPU."""

    logits: list[Tensor]
    surprise: Tensor
    fresh: Tensor  # A of a fresh adapter
    kl: Tensor  # between the base and an adapter
    volatility: list[float]
    loss: float
    gradient: Tensor
    drift: float
    step: Tensor  # of AdamW, behind text and drift
    after: Tensor  # log P behind it
    first_order: np.ndarray


def numbers(model: LanguageModel, given: Texts) -> Numbers:
    rows = [model.encode(each.text) for each in given.others[:4]]
    with torch.no_grad():
        base = logits_of_rows(model, rows)
    reading = read(model, (given.text,))
    versions = [(given.text.replace(" the ", " a "),), (f"So. {given.text}",)]
    found = [each.mean_kl for each in volatilities(model, reading, versions)]
    questions = [target_of(model, question) for question in given.questions]
    targets = [Target(tuple(row), 1) for row in rows]
    effects = first_order(model, Recipe(steps=9), targets, questions, Silent())
    lora.attach(model, "arm", AdapterSpec(8, seed=1))
    weights = lora.weights(model, "arm")
    fresh = flat([p for name, p in weights.items() if ".lora_A." in name])
    replay = Replay.read(model, [row[:64] for row in rows])
    moved(weights.values())
    with torch.no_grad(), model.state("arm"):
        pairs = zip(base, logits_of_rows(model, rows), strict=True)
        divergence = torch.cat([kl(first, second) for first, second in pairs])
    before = flat(weights.values())
    optimizer = torch.optim.AdamW(weights.values(), lr=1e-3, weight_decay=0.0)
    with torch.enable_grad(), model.state("arm"):
        loss = backward_text(model, rows[:2], 256)
        gradient = flat([p.grad for p in weights.values() if p.grad is not None])
        drift = fmean(backward_drift(model, replay.ids_BT, replay.logits_BTV, 40.0))
    optimizer.step()
    with torch.no_grad(), model.state("arm"):
        after = read(model, (given.text,)).surprise_N.cpu()
    step = flat(weights.values()) - before
    lora.detach(model)
    return Numbers(
        [each.float().cpu() for each in base],
        reading.surprise_N.cpu(),
        fresh,
        divergence.cpu(),
        found,
        loss,
        gradient,
        drift,
        step,
        after,
        effects.stretches_KTQ,
    )


def flat(tensors: object) -> Tensor:
    return torch.cat([each.detach().flatten().cpu() for each in tensors])  # type: ignore[attr-defined]


@torch.no_grad()
def moved(weights: object) -> None:
    """Off the start, where half of all gradients are 0; the same way on all devices."""
    chance = torch.Generator(placement.HOST).manual_seed(2)
    for weight in weights:  # type: ignore[attr-defined]
        weight.add_(0.01 * torch.randn(weight.shape, generator=chance).to(weight.device))


def checks(cpu: Numbers, gpu: Numbers) -> Iterator[Check]:
    spread = max(each.std().item() for each in cpu.logits)
    apart = max((a - b).abs().max().item() for a, b in zip(cpu.logits, gpu.logits, strict=True))
    yield Check("logits, largest difference / standard deviation", apart / spread, 1e-3)
    yield Check("surprise, largest difference, nats", largest(cpu.surprise, gpu.surprise), 1e-3)
    yield Check("fresh LoRA A, largest difference", largest(cpu.fresh, gpu.fresh), 0.0)
    yield Check("KL of the base to an adapter, relative", relative(cpu.kl, gpu.kl), 1e-3)
    yield Check("volatility, relative", relative(cpu.volatility, gpu.volatility), 1e-3)
    yield Check("loss, difference, nats", abs(cpu.loss - gpu.loss), 1e-4)
    yield Check("LoRA gradients, relative", relative(cpu.gradient, gpu.gradient), 1e-3)
    yield Check("drift term, relative", relative([cpu.drift], [gpu.drift]), 1e-3)
    # AdamW's first step is a sign, which rounding turns where a gradient is almost 0.
    turned = (cpu.step.sign() != gpu.step.sign()).double().mean().item()
    yield Check("imprint step, share of weights that go elsewhere", turned, 0.01)
    yield Check("surprise behind it, largest difference, nats", largest(cpu.after, gpu.after), 0.01)
    yield Check("first-order effects, relative", relative(cpu.first_order, gpu.first_order), 0.01)


def largest(first: Tensor, second: Tensor) -> float:
    return (first - second).abs().max().item()


def relative(first: object, second: object) -> float:
    a, b = np.asarray(first, float), np.asarray(second, float)
    return float(np.linalg.norm(a - b) / np.linalg.norm(a))


@dataclass(frozen=True)
class Timing:
    """One job on one device."""

    job: str
    device: str
    seconds: float | None  # None: there was no time left
    gib: float | None  # at most, on a GPU


def jobs(name: str, given: Texts, out: Path, full: bool) -> dict[str, Callable[[str], object]]:
    """What is timed; the argument is the device."""

    def start(device: str) -> Path:
        place = out / device.replace(":", "-")
        place.mkdir(parents=True, exist_ok=True)
        return place

    def run_imprint(device: str) -> object:
        config = ImprintConfig(
            presentations=12 if full else 3,
            settle=2,
            check_every=6 if full else 3,
            replay_pool=12 if full else 3,
            replay_unseen=4 if full else 1,
            replay_length=128 if full else 16,
            retention_tokens=1024 if full else 128,
            micro_tokens=2048,
            controls="none",
            dtype=training_dtype(device),
        )
        return litho.imprint(
            given.text, name, out=start(device) / "imprint", device=device, config=config
        )

    def run_diff(device: str) -> object:
        place = start(device)
        adapter = next(place.glob("imprint*/adapter"))
        config = DiffConfig(nulls=16 if full else 3)
        return litho.diff(
            given.text, str(adapter), name, out=place / "diff", device=device, config=config
        )

    def run_predict(device: str) -> object:
        folder = start(device) / "predict"
        return litho.predict(
            given.others, given.questions, folder, name, device=device, config=Recipe(steps=20)
        )

    return {"imprint": run_imprint, "diff": run_diff, "predict": run_predict}


def timings(
    devices: list[str], work: dict[str, Callable[[str], object]], began: float
) -> Iterator[Timing]:
    for device in devices:
        placement.DEFAULT_DEVICE = device
        for job, run in work.items():
            if time.monotonic() - began > SECONDS * (1 if device == devices[0] else 0.6):
                yield Timing(job, device, None, None)
                continue
            where = Placement.parse(device).device
            reset_peak(device)
            wait_for(where)
            start = time.monotonic()
            run(device)
            wait_for(where)
            yield Timing(job, device, time.monotonic() - start, peak_gib(device))


def reset_peak(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(device)


def peak_gib(device: str) -> float | None:
    return torch.cuda.max_memory_allocated(device) / 2**30 if device.startswith("cuda") else None


def table(found: list[Check], timed: list[Timing], said: str) -> str:
    lines = [said, "", "| check | value | bound | |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {c.name} | {c.value:.1e} | {c.bound:.0e} | {'ok' if c.ok else 'NOT OK'} |"
        for c in found
    ]
    lines += ["", "| job | device | s | GiB on the GPU |", "| --- | --- | --- | --- |"]
    for each in timed:
        seconds = "not run" if each.seconds is None else f"{each.seconds:.1f}"
        memory = "" if each.gib is None else f"{each.gib:.1f}"
        lines.append(f"| {each.job} | {each.device} | {seconds} | {memory} |")
    return "\n".join(lines)


def chosen_model(asked: str | None, full: bool, out: Path) -> tuple[str, str]:
    """A model's name, and what it is called."""
    if asked:
        return asked, asked
    if not full:
        return "tiny:llama", "tiny:llama"
    return random_model(
        out / "random"
    ), "a random model of the shape of SmolLM2-135M, tokens of a byte"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--model")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    began = time.monotonic()
    placed = Placement.parse(options.device)
    device, full = str(placed.device), placed.on_gpu
    work_folder = options.out / "work"
    shutil.rmtree(work_folder, ignore_errors=True)
    name, called = chosen_model(options.model, full, work_folder)
    given = texts(24 if full else 4)
    source = locate(name)
    models = [load(source, Placement.parse(each)) for each in ("cpu", device)]
    found = list(checks(*(numbers(model, given) for model in models)))
    noise = [precision(models[1]).described()]
    del models
    half = Placement(placed.device, placed.half)
    noise.append(precision(load(source, half)).described())
    devices = [device, "cpu"] if full else ["cpu"]
    timed = list(timings(devices, jobs(name, given, work_folder, full), began))
    said = (
        f"{device_name(device)} against the CPU ({platform.machine()}, {torch.get_num_threads()} "
        f"threads), torch {torch.__version__}; {called}; {len(given.others)} texts of "
        f"{PARAGRAPH} characters; {'; '.join(noise)}."
    )
    result = {
        "device": device,
        "name": device_name(device),
        "model": called,
        "torch": torch.__version__,
        "seconds": time.monotonic() - began,
        "precision": noise,
        "ok": all(check.ok for check in found),
        "checks": [asdict(check) | {"ok": check.ok} for check in found],
        "timings": [asdict(each) for each in timed],
    }
    shutil.rmtree(work_folder, ignore_errors=True)
    written = table(found, timed, said)
    (options.out / "gpu.json").write_text(json.dumps(result))
    (options.out / "gpu.md").write_text(written + "\n")
    print(json.dumps(result))
    print(written)
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
