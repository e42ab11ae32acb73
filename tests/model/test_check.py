"""Models that are not measured rightly are refused when they are opened, with the reason."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from litho.core.errors import LithoError
from litho.model import check, trial
from litho.model.loaded import LanguageModel
from litho.model.loading import load
from litho.model.sources import ModelSource, locate
from litho.model.tiny import byte_tokenizer
from tests.builders import random_network

ENCODERS = ("bert", "roberta", "electra", "megatron-bert", "rembert", "camembert")


def saved(
    folder: Path, network: PreTrainedModel, tokenizer: PreTrainedTokenizerFast
) -> ModelSource:
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return locate(str(folder))


@pytest.mark.parametrize("architecture", ENCODERS)
def test_encoders_are_refused(architecture: str, tmp_path: Path) -> None:
    source = saved(tmp_path, random_network(architecture, pad_token_id=1), byte_tokenizer())
    with pytest.raises(LithoError, match="no causal language model"):
        load(source, torch.float32)


def test_an_encoder_that_is_set_to_read_from_left_to_right_is_read(tmp_path: Path) -> None:
    network = random_network("bert", is_decoder=True, pad_token_id=1)
    assert load(saved(tmp_path, network, byte_tokenizer()), torch.float32).context == 512


@pytest.mark.parametrize("architecture", ["gemma2", "mixtral", "lfm2", "falcon", "bloom", "opt"])
def test_language_models_pass(architecture: str, tmp_path: Path) -> None:
    load(saved(tmp_path, random_network(architecture), byte_tokenizer()), torch.float32)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("place", ["layers.1.mlp.up_proj", "embed_tokens", "norm"])
def test_weights_that_are_no_numbers_are_named(place: str, value: float, tmp_path: Path) -> None:
    network = random_network("llama", tie_word_embeddings=False)
    source = saved(tmp_path, network, byte_tokenizer())
    weights = load_file(tmp_path / "model.safetensors")
    name = next(name for name in weights if place in name)
    weights[name].view(-1)[-1] = value
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(LithoError, match=rf"NaN or infinity among its weights \({name}\)"):
        load(source, torch.float32)


def test_an_opening_token_without_embedding_is_named(tmp_path: Path) -> None:
    tokenizer = byte_tokenizer()
    tokenizer.add_special_tokens({"bos_token": "<new>"})
    with pytest.raises(LithoError, match=r"its own opening token <new> \(number 258"):
        load(saved(tmp_path, random_network("llama"), tokenizer), torch.float32)


def test_weights_of_another_size_are_named(tmp_path: Path) -> None:
    source = saved(tmp_path, random_network("llama", vocab_size=300), byte_tokenizer())
    config = tmp_path / "config.json"
    config.write_text(config.read_text().replace("300", "400"))
    with pytest.raises(LithoError, match=r"is \(300, 32\) and should be \(400, 32\)"):
        load(source, torch.float32)


def test_other_kinds_of_models_are_named(tmp_path: Path) -> None:
    source = saved(tmp_path, random_network("llama"), byte_tokenizer())
    config = tmp_path / "config.json"
    written = config.read_text()
    config.write_text(written.replace('"model_type": "llama"', '"model_type": "vit"'))
    with pytest.raises(LithoError, match="none for its model type, vit"):
        load(source, torch.float32)
    config.write_text(written.replace('"model_type": "llama"', '"model_type": "of next year"'))
    with pytest.raises(LithoError, match="of next year"):
        load(source, torch.float32)


@pytest.mark.parametrize("left", [(), ("tokenizer_config.json",)])
def test_a_missing_tokenizer_is_said(left: tuple[str, ...], tmp_path: Path) -> None:
    source = saved(tmp_path, random_network("llama"), byte_tokenizer())
    for path in tmp_path.glob("*token*"):
        if path.name not in left:
            path.unlink()
    with pytest.raises(LithoError, match=r"no tokenizer that can be loaded.* copy tokenizer\.json"):
        load(source, torch.float32)


def test_files_that_are_cut_short_are_named(tmp_path: Path) -> None:
    source = saved(tmp_path, random_network("llama"), byte_tokenizer())
    weights = tmp_path / "model.safetensors"
    for kept in (0, 100, weights.stat().st_size - 100):
        weights.write_bytes(weights.read_bytes()[:kept])
        with pytest.raises(LithoError, match=r"model\.safetensors is damaged or cut short"):
            source.parameters()


class Peeking(nn.Module):
    """Attention that looks at the mean of all tokens."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, hidden_BTD: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.inner(hidden_BTD) + hidden_BTD.mean(1, keepdim=True)
        return found


def peeking(model: LanguageModel) -> None:
    model.network.model.layers[1].mlp = Peeking(model.network.model.layers[1].mlp)


def overflowing(model: LanguageModel) -> None:
    model.network.lm_head.register_forward_hook(lambda _, __, out: out * 1e38 * 1e38)


def scaled_head(model: LanguageModel) -> None:
    """Logits that depend on how many places the head is given at once."""
    head = model.network.lm_head
    head.register_forward_hook(lambda _, args, out: out * (1 + args[0].dim()))


def several_states(model: LanguageModel) -> None:
    """Blocks that hand on two hidden states a token, of which the next looks at one."""
    first, second = model.network.model.layers[:2]
    first.register_forward_hook(lambda _, __, out: torch.stack([out, out]))
    second.register_forward_pre_hook(lambda _, args: (args[0][0], *args[1:]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (peeking, "depend on later tokens"),
        (overflowing, "computes NaN or infinity"),
        (scaled_head, "computes other numbers while Litho watches"),
        (several_states, "do not hand on one hidden state for each token"),
    ],
)
def test_what_measurements_build_on_is_tried(
    change: Callable[[LanguageModel], None], message: str, llama: LanguageModel
) -> None:
    check.check(llama)
    change(llama)
    with pytest.raises(LithoError, match=message):
        check.check(llama)


def test_trial_rows_fit_into_small_contexts(llama: LanguageModel) -> None:
    for context in (4, 8, 100):
        llama.network.config.max_position_embeddings = context
        ids_BT = trial.rows(llama)
        assert ids_BT.shape == (2, min(context, trial.LENGTH))
        assert 0 < trial.shared(ids_BT) < ids_BT.shape[1]
