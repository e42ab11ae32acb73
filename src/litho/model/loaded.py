"""A loaded model with its tokenizer and adapters."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import torch
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from litho.core.errors import LithoError, first_line
from litho.model.placement import ON_CPU, Placement, default_placement
from litho.model.sources import ModelSource

transformers_logging.set_verbosity_error()
transformers_logging.disable_progress_bar()


@dataclass
class LanguageModel:
    """A causal language model, its tokenizer and the adapters that hang on it."""

    source: ModelSource
    network: Any  # PreTrainedModel or a PeftModel around it; their annotations are incomplete
    tokenizer: PreTrainedTokenizerBase
    adapters: list[str] = field(default_factory=list)  # another list whenever they change
    on: list[str] = field(default_factory=list)  # adapters that are on; none: the base alone
    placement: Placement = ON_CPU

    @property
    def device(self) -> torch.device:
        """Where token ids go: the device of the embedding, on which the others may follow."""
        embedding = self.network.get_input_embeddings()
        if embedding is None:
            return next(self.network.parameters()).device
        if embedding.weight.device.type == "meta":  # kept elsewhere until it is called
            return torch.device(embedding._hf_hook.execution_device)
        return embedding.weight.device

    @property
    def start(self) -> list[int]:
        """The token that opens every sequence: beginning of text, else end of text."""
        for token in (self.tokenizer.bos_token_id, self.tokenizer.eos_token_id):
            if token is not None:
                return [token]
        return []

    @property
    def pad(self) -> int:
        """What fills rows up on the right; no real token ever sees it."""
        return self.tokenizer.pad_token_id or self.tokenizer.eos_token_id or 0

    @property
    def context(self) -> int:
        """Longest sequence in tokens; models without a limit of their own get a large one."""
        text_config = self.network.config.get_text_config()
        return getattr(text_config, "max_position_embeddings", None) or 1_000_000

    def encode(self, text: str) -> list[int]:
        """`start` and the tokens of `text`, with no special tokens added or read from it."""
        return self.start + self.tokens(text)

    def tokens(self, text: str) -> list[int]:
        return self.tokenizer(text, add_special_tokens=False, split_special_tokens=True).input_ids

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Character range of each token of `tokens(text)`.

        What a tokenizer leaves out belongs to the token before it, but for white space: of an
        accent that it composes with a letter, it names the letter alone.
        """
        spans: list[tuple[int, int]] = self.tokenizer(
            text,
            add_special_tokens=False,
            split_special_tokens=True,
            return_offsets_mapping=True,
        ).offset_mapping
        following = [*(start for start, _ in spans[1:]), len(text)]
        return [
            (start, end + len(text[end:next_].rstrip()))
            for (start, end), next_ in zip(spans, following, strict=True)
        ]

    def pieces(self, text: str) -> list[str]:
        """The text of each token; joined they are `text`, whatever the tokenizer leaves out."""
        ends = [end for _, end in self.spans(text)[:-1]] + [len(text)]
        return [text[a:b] for a, b in pairwise([0, *ends])]

    def decode(self, tokens: Sequence[int]) -> str:
        return str(self.tokenizer.decode(list(tokens), clean_up_tokenization_spaces=False))

    @contextmanager
    def state(self, active: str | Sequence[str] | None) -> Iterator[None]:
        """Run the block with one adapter or several at once, or as the plain base model.

        Afterwards the model is in the state in which it was before. Which weights are trainable
        does not change. Raises KeyError if an adapter is not on the model.
        """
        names = [active] if isinstance(active, str) else list(active or ())
        if missing := [name for name in names if name not in self.adapters]:
            raise KeyError(missing[0])
        before = self.on
        self._switch(names)
        try:
            yield
        finally:
            self._switch([name for name in before if name in self.adapters])

    def _switch(self, names: list[str]) -> None:
        # Going through all modules takes as long as reading some ten tokens.
        if names != self.on:
            self.switch(names)

    def switch(self, names: Sequence[str]) -> None:
        """Have these adapters on and no others, whatever was on before; for a while, use `state`.

        PEFT's own `set_adapter` would also make what it switches on trainable.
        """
        for module in self.network.modules():
            if isinstance(module, BaseTunerLayer):
                module._disable_adapters = not names
                module._active_adapter = list(names)
        self.on = list(names)


def load(source: ModelSource, placement: Placement | torch.dtype) -> LanguageModel:
    """Load a model in evaluation mode with frozen weights; a precision alone means the CPU.

    Raises LithoError if it cannot be loaded, or does not fit on the device.
    """
    if isinstance(placement, torch.dtype):
        placement = default_placement(placement)
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            source.folder,
            **placement.loading(),
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
        tokenizer = AutoTokenizer.from_pretrained(source.folder, trust_remote_code=False)
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError) as error:
        raise LithoError(
            f"{source.name} cannot be loaded as a causal LM: {first_line(error)}"
        ) from None
    network, loading_info = loaded
    if any(isinstance(module, BaseTunerLayer) for module in network.modules()):
        raise LithoError(
            f"{source.name} was loaded with an adapter on it, which its files name: give a model "
            "without one"
        )
    missing = loading_info["missing_keys"]
    if missing:
        raise LithoError(
            f"{source.name} is no whole causal LM: its files lack {len(missing)} "
            f"weights, for example {min(missing)}"
        )
    if not tokenizer.is_fast:
        raise LithoError(f"{source.name} has no fast tokenizer (tokenizer.json): convert it first")
    if not (placement.bits or placement.spread):
        network = _moved(network, placement, source.name)
    model = LanguageModel(source, network, tokenizer, placement=placement)
    model.network.requires_grad_(False).eval()
    return model


def _moved(network: Any, placement: Placement, name: str) -> Any:  # noqa: ANN401  as `network`
    try:
        return network.to(placement.device)
    except torch.OutOfMemoryError:
        raise LithoError(
            f"{name} does not fit into the free memory of {placement.device}: choose device cpu, "
            "dtype bfloat16, or a model in 4 or 8 bits"
        ) from None
