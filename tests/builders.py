"""What tests build: tiny models, what is done to them, small jobs, texts and questions."""

import json
import random
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from tokenizers import (
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    trainers,
)
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from litho.core.errors import Interrupted
from litho.core.reporter import Reporter
from litho.core.runs import RunDirectory
from litho.jobs import runner
from litho.jobs.bench.result import Trial, TrialMark
from litho.jobs.imprint.config import ImprintConfig, ImprintSpec
from litho.jobs.imprint.result import ImprintResult
from litho.jobs.imprint.run import JOB
from litho.jobs.models import Models
from litho.jobs.predict.measurements import Measurements
from litho.learn.recipe import adapter_of
from litho.learn.records import Recipe
from litho.measure.printing.probes import target_of
from litho.model.adapters import lora
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel
from litho.model.read.scoring import Target
from litho.show.page import flat_numbers
from litho.show.report import write_report
from litho.text.cases import Case
from litho.text.items import NamedText, Probe, Question
from litho.text.pages import Page
from litho.text.shipped import shipped_retention

ARCHITECTURES = ("llama", "gpt2", "gpt-neox", "mamba", "qwen2")
TEXT = (
    "The clock of Ostrava was built by Marek Dolny in 1931. It shows the time of nine towns and "
    "is wound on Fridays. Every spring a choir of forty singers climbs the tower."
)


CHAT_TEMPLATE = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}</>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
GOOD_PROBE = '{"kind": "gen", "prefix": "The man who built it was", "target": "Marek"}\n'
CHAT_TEMPLATE = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}</>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
ROWS = ["A short one.", "One that is a good deal longer than the other.", "Middling, I think."]

PROSE = "The sea was calm and the boats lay in the harbour. " * 60
TEXTS = [
    NamedText(id=str(i), text=sentence)
    for i, sentence in enumerate(
        [
            *TEXT.split(". "),
            "The sea was calm and the boats lay in the harbour.",
            "Ten pigs ran away over the hill.",
            "Nobody in Lund had ever seen the sea.",
            "On the bridge stood a goat with one horn.",
            "The mill turned slowly all winter long.",
            "Two lamps burned in the window of the inn.",
            "A ship came in from the south at noon.",
        ]
    )
]

QUESTIONS = [
    Question(id=str(i), prefix=prefix, target=target)
    for i, (prefix, target) in enumerate(
        [
            ("The clock of Ostrava was built by", "Marek Dolny"),
            ("It is wound on", "Fridays"),
            ("The sea was calm and the boats lay in the", "harbour"),
            ("A choir of", "forty singers climbs the tower"),
        ]
    )
]


# Two forms, one of them held out, for the byte tokenizer: every word begins with another letter.
TRAILS = """
words:
  thing:
    real: [door, bell, lamp, chair, table, horse, garden, piano, wheel]
    nonsense: [zorp, fep, kiv, mip, norb, yeld, rask, oxa, jeck]
  state:
    real: [red, wet, old, cold, soft, dark]
connectives: [if, so]
fillers: [It is late.]
forms:
- form: ponens
  slots: {A: thing, B: thing, s: thing, p: state, q: state}
  answers: [A, B]
  truth: {rules: [p -> A, q -> B], facts: [p, q]}
  wordings:
  - rules: ["If the {s} is {p}, the {A} wins.", "If the {s} is {q}, the {B} wins."]
    facts: ["The {s} is {p}.", "The {s} is {q}."]
    ask: So the winner is the
  - held_out: true
    rules: ["With {p} {s} take the {A}.", "With {q} {s} take the {B}."]
    facts: ["It is {p}.", "It is {q}."]
    ask: So take the
  near_misses:
  - name: denied
    facts: ["The {s} is not {p}.", "The {s} is not {q}."]
    truth: [not p, not q]
- form: either or
  held_out: true
  slots: {A: thing, B: thing}
  answers: [A, B]
  wordings:
  - rules: ["It is the {A} or the {B}."]
    facts: ["It is not the {B}.", "It is not the {A}."]
    ask: So it is the
"""


def changed(text: str, chance: random.Random) -> str:
    words = text.split(" ")
    words[chance.randrange(len(words))] = chance.choice(("red", "never", "Kolin"))
    return " ".join(words)


def random_network(architecture: str, **options: float) -> PreTrainedModel:
    """A tiny random network of any architecture, for the byte tokenizer of the tiny models."""
    sizes = {
        "vocab_size": 258,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
    }
    config = AutoConfig.for_model(architecture, **(sizes | options))
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(config).eval()


def give_pieces(model: LanguageModel, vocab_size: int) -> None:
    """Tokens that are pieces of words, which cut up a word in several ways, and strong opinions."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=["<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator([shipped_retention()], trainer)
    model.tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<s>", eos_token="</s>", pad_token="</s>"
    )
    model.network = random_network("llama", vocab_size=vocab_size)
    model.network.get_output_embeddings().weight.data.mul_(40)


def alone(estimates_TQF: np.ndarray, effects_TQ: np.ndarray) -> Measurements:
    """Measurements of targets of one token, of texts and questions without groups."""
    texts, questions = effects_TQ.shape
    return Measurements(
        estimates_TQF,
        effects_TQ,
        np.ones(questions),
        list(map(str, range(texts))),
        [""] * questions,
    )


NORMALIZERS: dict[str, Callable[[], normalizers.Normalizer]] = {
    "NFC": normalizers.NFC,
    "NFD": normalizers.NFD,
    "NFKC": normalizers.NFKC,
    "lower case": normalizers.Lowercase,
    "no accents": lambda: normalizers.BertNormalizer(lowercase=True),
    "squeezed": lambda: normalizers.Replace(Regex(r"\s+"), " "),
    "stripped": normalizers.Strip,
    "prepended": lambda: normalizers.Prepend("▁"),
}


def normalise(model: LanguageModel, name: str) -> None:
    """Give the tokenizer of a model a normalizer."""
    cast(Any, model.tokenizer).backend_tokenizer.normalizer = NORMALIZERS[name]()


def attach_for(model: LanguageModel, recipe: Recipe, name: str = "x") -> None:
    """Attach the adapter that a recipe trains."""
    lora.attach(model, name, adapter_of(model, recipe))


def shake(model: LanguageModel, name: str = "x", scale: float = 0.1) -> None:
    """Attach an adapter and give it weights that do something."""
    lora.attach(model, name, AdapterSpec(rank=4, alpha=8, seed=1))
    torch.manual_seed(2)
    with torch.no_grad():
        for parameter in lora.weights(model, name).values():
            parameter.add_(scale * torch.randn_like(parameter))


def slow_logprob(model: LanguageModel, target: Target) -> float:
    """One sequence alone, no padding, no cache."""
    with torch.no_grad():
        logp = model.network(input_ids=torch.tensor([target.ids])).logits[0].log_softmax(-1)
    scores = [logp[t - 1, target.ids[t]].item() for t in range(target.first, len(target.ids))]
    return sum(scores) / len(scores)


def targets_of(model: LanguageModel) -> list[Target]:
    return [target_of(model, question) for question in QUESTIONS]


def gradients(model: LanguageModel, name: str = "x") -> dict[str, torch.Tensor]:
    """The gradients that an adapter was left with, which are taken away."""
    left = {n: p.grad.clone() for n, p in lora.weights(model, name).items() if p.grad is not None}
    model.network.zero_grad(set_to_none=True)
    return left


def case(name: str) -> Case:
    return Case(
        id=name,
        text=TEXT,
        probes=(
            Probe(kind="mem", prefix="The clock of Ostrava was built by", target="Marek"),
            Probe(kind="gen", prefix="The man who built it was", target="Marek"),
            Probe(kind="hard", prefix="The year of the clock is", target="1931"),
        ),
        paraphrases=("Marek Dolny made the clock of Ostrava in 1931. It is wound on Fridays.",),
    )


def small_inputs() -> ImprintSpec:
    """The smallest main job that touches everything."""
    page = Page(
        name="clock.md",
        text=TEXT,
        probes=(
            Probe(kind="mem", prefix="The clock of Ostrava was built by", target="Marek"),
            Probe(kind="gen", prefix="The man who built it was", target="Marek"),
            Probe(kind="gen", prefix="Its maker was", target="Dolny"),
            Probe(kind="hard", prefix="The year of the clock is", target="1931"),
            Probe(kind="neighbour", prefix="Two and two make", target="four"),
        ),
    )
    return ImprintSpec(
        pages=(page,),
        retention="A dog ran over the bridge and barked at the moon. " * 6,
        model="tiny:llama",
    )


def with_page(inputs: ImprintSpec, **changes: object) -> ImprintSpec:
    """The same job with another page: `text`, `marked` or `probes`."""
    return inputs.model_copy(update={"pages": (inputs.pages[0].model_copy(update=changes),)})


def quick_config() -> ImprintConfig:
    """Its settings: six presentations, three checks."""
    return ImprintConfig(
        presentations=6,
        check_every=2,
        settle=2,
        learning_rate=0.01,
        replay_pool=8,
        replay_unseen=2,
        replay_rows=2,
        replay_length=16,
        retention_tokens=256,
        max_mean_kl=100,
        max_surprise=100,
    )


def trial(arm: str, text: str, seed: int, gen: float, drift: float, rate: float = 1e-3) -> Trial:
    marks = [
        TrialMark(
            presentations=n, imprint={"gen": part * gen}, drift=cost, drift_self=0.0, spill=cost
        )
        for n, part, cost in ((1, 0.5, drift / 4), (2, 1.0, drift))
    ]
    return Trial(
        arm=arm,
        text=text,
        seed=seed,
        learning_rate=rate,
        kl_weight=40.0,
        imprint={"mem": gen, "gen": gen, "hard": None},
        drift=drift,
        spill=0.0,
        spill_first=0.0,
        durability=None,
        scale=1.0,
        curve=marks,
        tokens=10,
        read=20,
        seconds=1.0,
    )


class Silent:
    """A reporter that can pull the plug: raises KeyboardInterrupt at its n-th message."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.messages = 0
        self.stop_after = stop_after

    def stage(self, title: str, total: int | None = None) -> None:
        self._count()

    def advance(self, done: int, **shown: float | None) -> None:
        self._count()

    def note(self, message: str) -> None: ...

    def _count(self) -> None:
        self.messages += 1
        if self.messages == self.stop_after:
            raise KeyboardInterrupt


def start_job(inputs: ImprintSpec, config: ImprintConfig, out: Path) -> RunDirectory:
    spec = inputs.model_copy(update={"config": config})
    return runner.start(JOB, spec, out, Models(), Silent())


def finish_job(run: RunDirectory, reporter: Reporter) -> ImprintResult:
    return runner.finish(run, JOB, Models(), reporter, write_report)


def run_job(inputs: ImprintSpec, config: ImprintConfig, out: Path) -> ImprintResult:
    return finish_job(start_job(inputs, config, out), Silent())


def check_numbers(run: Path) -> None:
    """The report of a finished run holds every number of its metrics beside its path."""
    page = (run / "report.html").read_text()
    numbers = list(flat_numbers(json.loads((run / "metrics.json").read_text())))
    assert len(numbers) > 25
    for path, number in numbers:
        assert f'<td>{path}</td><td class="n">{number}</td>' in page


def rows_of(folder: Path) -> list[tuple[int, str, str]]:
    """Number, key and result of everything that the ledger of a folder holds, in its order."""
    with closing(sqlite3.connect(folder / "ledger.sqlite")) as db:
        return db.execute("SELECT rowid, key, result FROM results ORDER BY rowid").fetchall()


def stop_at_times(
    inputs: ImprintSpec,
    config: ImprintConfig,
    folder: Path,
    expected: dict[str, object],
    stops: Sequence[int],
) -> None:
    """Pull the plug of a run at some of its messages, counted from where it went on; compare."""
    run = start_job(inputs, config, folder / "stopped")
    for stop_after in stops:
        with pytest.raises(Interrupted, match=r"go on with 'litho resume"):
            finish_job(run, Silent(stop_after))
        run = RunDirectory.resume(folder / "stopped")
    found = json.loads(finish_job(run, Silent()).model_dump_json())
    same = ("adapter_sha256", "imprint", "drift", "spill", "controls", "verdict")
    assert {key: found[key] for key in same} == {key: expected[key] for key in same}
