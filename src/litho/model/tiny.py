"""Random models of five architectures and a byte tokenizer, built in code, for tests."""

from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedConfig, PreTrainedTokenizerFast

from litho.model.placement import HOST, seeded

START, END = "<s>", "</s>"
ARCHITECTURES = ("llama", "gpt2", "gpt-neox", "mamba", "qwen2")
CONTEXT = 2048


def byte_tokenizer() -> PreTrainedTokenizerFast:
    """One token a byte, plus start and end of text."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {START: 0, END: 1} | {letter: i for i, letter in enumerate(alphabet, 2)}
    backend = Tokenizer(models.BPE(vocabulary, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token=START, eos_token=END, pad_token=END
    )


def build(architecture: str, folder: Path) -> None:
    """Write a random model of `architecture` with its tokenizer to `folder`, always the same."""
    tokenizer = byte_tokenizer()
    with seeded(HOST, 0):
        model = AutoModelForCausalLM.from_config(_config(architecture, len(tokenizer)))
    # Larger output weights give the random model opinions, so that there is something to drift.
    model.get_output_embeddings().weight.data.mul_(4)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _config(architecture: str, vocabulary: int) -> PreTrainedConfig:
    common = {
        "vocab_size": vocabulary,
        "bos_token_id": 0,
        "eos_token_id": 1,
        "pad_token_id": 1,
        "tie_word_embeddings": False,
    }
    if architecture == "gpt2":
        sizes = {"n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": CONTEXT}
        drops = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
        return AutoConfig.for_model("gpt2", **common, **sizes, **drops)
    if architecture == "mamba":
        return AutoConfig.for_model(
            "mamba", **common, hidden_size=32, num_hidden_layers=3, state_size=8
        )
    sizes = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "max_position_embeddings": CONTEXT,
    }
    if architecture != "gpt-neox":
        sizes["num_key_value_heads"] = 2
    return AutoConfig.for_model(architecture.replace("-", "_"), **common, **sizes)
