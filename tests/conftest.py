"""Tiny models, built once a session in a cache of their own."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from litho.cli.main import app, guarded
from litho.jobs.imprint.config import ImprintConfig
from litho.jobs.imprint.inputs import Inputs
from litho.model.loaded import LanguageModel, load
from litho.model.sources import locate
from litho.text.items import Probe
from litho.text.shipped import shipped_retention

# Tiny models gain nothing from threads, and a machine that is busy makes them wait for each other.
torch.set_num_threads(1)
os.environ["OMP_NUM_THREADS"] = "1"

ARCHITECTURES = ("llama", "gpt2", "gpt-neox", "mamba", "qwen2")
TEXT = (
    "The clock of Ostrava was built by Marek Dolny in 1931. It shows the time of nine towns and "
    "is wound on Fridays. Every spring a choir of forty singers climbs the tower."
)


GOOD_PROBE = '{"kind": "gen", "prefix": "The man who built it was", "target": "Marek"}\n'


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Converted and tiny models and the effects registry go into a folder of the session."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LITHO_CACHE", str(folder))
        patch.setenv("LITHO_REGISTRY", str(folder / "effects.sqlite"))
        yield folder


@pytest.fixture(scope="session")
def make_model(cache: Path) -> Callable[[str], LanguageModel]:
    """A fresh float32 copy of a tiny model."""
    return lambda name: load(locate(f"tiny:{name}"), torch.float32)


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


@pytest.fixture
def llama(make_model: Callable[[str], LanguageModel]) -> LanguageModel:
    return make_model("llama")


@pytest.fixture(params=ARCHITECTURES)
def any_model(
    request: pytest.FixtureRequest, make_model: Callable[[str], LanguageModel]
) -> LanguageModel:
    return make_model(request.param)


@pytest.fixture
def inputs() -> Inputs:
    """The smallest main job that touches everything."""
    return Inputs(
        text=TEXT,
        text_name="clock.md",
        probes=[
            Probe(kind="mem", prefix="The clock of Ostrava was built by", target="Marek"),
            Probe(kind="gen", prefix="The man who built it was", target="Marek"),
            Probe(kind="gen", prefix="Its maker was", target="Dolny"),
            Probe(kind="hard", prefix="The year of the clock is", target="1931"),
            Probe(kind="neighbour", prefix="Two and two make", target="four"),
        ],
        retention="A dog ran over the bridge and barked at the moon. " * 6,
        model="tiny:llama",
    )


@pytest.fixture
def quick() -> ImprintConfig:
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


class Silent:
    """A reporter that can pull the plug: raises KeyboardInterrupt at its n-th message."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.messages = 0
        self.stop_after = stop_after

    def stage(self, title: str, total: int | None = None) -> None:
        self._count()

    def advance(self, done: int, **shown: float | None) -> None:
        self._count()

    def _count(self) -> None:
        self.messages += 1
        if self.messages == self.stop_after:
            raise KeyboardInterrupt


@pytest.fixture
def litho(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run a command line in an empty folder; exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.md").write_text(TEXT)
    (tmp_path / "probes.jsonl").write_text(GOOD_PROBE)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = guarded(lambda: app(list(arguments), standalone_mode=False))
        out, err = capsys.readouterr()
        return code, out, err

    return run


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
