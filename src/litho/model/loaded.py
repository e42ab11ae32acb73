"""A loaded model with its tokenizer and adapters."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import torch
from peft.tuners.tuners_utils import BaseTunerLayer
from transformers import PreTrainedTokenizerBase

from litho.core.errors import LithoError
from litho.model.placement import ON_CPU, Placement
from litho.model.sources import ModelSource

# Beyond the second, what a token sees depends on how many others follow.
_LIMITS = ("max_position_embeddings", "keep_window_size")


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
    def unwrapped(self) -> Any:  # noqa: ANN401  as `network`
        """The network itself, without what PEFT wraps around it."""
        return self.network.get_base_model() if self.adapters else self.network

    @property
    def vocabulary(self) -> int:
        """How many tokens the model knows, by number from 0; its tokenizer may have others."""
        network = self.unwrapped
        known = (network.get_input_embeddings(), network.get_output_embeddings())
        sizes = [len(layer.weight) for layer in known if hasattr(layer, "weight")]
        return min(sizes, default=network.config.get_text_config().vocab_size)

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
        wanted = (self._known(self.tokenizer.pad_token_id), self.end)
        return next((token for token in wanted if token is not None), 0)

    @property
    def end(self) -> int | None:
        """The token that ends a text; None where the model knows none."""
        return self._known(self.tokenizer.eos_token_id)

    @property
    def ends(self) -> list[int]:
        """The tokens that end an answer: `end`, and those that the model's own settings name.

        In the chat of some models a turn ends with another token than a text does.
        """
        named = getattr(getattr(self.unwrapped, "generation_config", None), "eos_token_id", None)
        tokens = [self.end, *map(self._known, named if isinstance(named, list) else [named])]
        return list(dict.fromkeys(token for token in tokens if token is not None))

    def _known(self, token: int | None) -> int | None:
        return token if token is not None and token < self.vocabulary else None

    @property
    def context(self) -> int:
        """Longest sequence in tokens; models without a limit of their own get a large one."""
        text_config = self.network.config.get_text_config()
        limits = (getattr(text_config, name, None) for name in _LIMITS)
        return min((limit for limit in limits if limit and limit > 0), default=1_000_000)

    def encode(self, text: str) -> list[int]:
        """`start` and the tokens of `text`, with no special tokens added or read from it."""
        return self.start + self.tokens(text)

    def tokens(self, text: str) -> list[int]:
        """The tokens of `text` alone. Raises LithoError if the model does not know one of them."""
        ids: list[int] = self.tokenizer(
            text, add_special_tokens=False, split_special_tokens=True
        ).input_ids
        known = self.vocabulary
        if max(ids, default=0) >= known:
            place = next(i for i, token in enumerate(ids) if token >= known)
            start, end = self.spans(text)[place]
            raise LithoError(
                f"{self.source.name} does not know {text[start:end]!r}: its tokenizer makes it "
                f"token {ids[place]}, but its embedding ends at {known - 1}; leave it out of the "
                "text, or resize the embedding to the tokenizer"
            )
        return ids

    def encode_all(self, texts: Sequence[str]) -> list[list[int]]:
        """`encode` of each of many texts, which is faster than one by one."""
        if not texts:
            return []
        rows: list[list[int]] = self.tokenizer(
            list(texts), add_special_tokens=False, split_special_tokens=True
        ).input_ids
        known = self.vocabulary
        for text, row in zip(texts, rows, strict=True):
            if max(row, default=0) >= known:
                self.tokens(text)  # says which
        return [self.start + row for row in rows]

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
