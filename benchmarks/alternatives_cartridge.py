"""A Cartridge: keys and values in place of a page, trained by self-study.

Eyuboglu et al. 2025, "Cartridges: Lightweight and general-purpose long context representations via
self-study", arXiv 2506.06266, by PEFT's own class. It begins as what the model keeps of the first
tokens of the page; the very first one stays as it is.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from alternatives_page import Bench, Page, Ready
from alternatives_study import Lesson, studied
from alternatives_training import Clock, put, train
from peft import CartridgeConfig, get_peft_model
from peft.tuners.cartridge.utils import initialize_kv_prefix_from_past_key_values

from litho.core.errors import LithoError
from litho.model.loaded import LanguageModel
from litho.model.read.caches import read_prefix
from litho.model.state import State

NAME = "page"
TOKENS = 128  # whose keys and values the cartridge holds


@dataclass
class WithCartridge(LanguageModel):
    """A model that reads with a cartridge in front, or, with none on, as it is."""

    plain: Any = None
    around: Any = None  # the same network with the cartridge

    @property
    def unwrapped(self) -> Any:  # noqa: ANN401  as `network`
        """Not what PEFT wraps: with a cartridge the network reads on from no other cache."""
        return self.network

    def switch(self, names: Sequence[str]) -> None:
        self.network, self.on = self.around if names else self.plain, list(names)


class TrainedCartridge:
    """What a trainer changes of a cartridge: all but its first token."""

    def __init__(self, model: WithCartridge) -> None:
        self.state = State(model, (NAME,))
        encoder = model.around.prompt_encoder[NAME]
        self.weights = {"trainable_embedding": encoder.trainable_embedding}
        self.learned = [encoder.trainable_embedding]

    def learning(self, step: int) -> AbstractContextManager[None]:
        return self.alone()

    @contextmanager
    def alone(self) -> Iterator[None]:
        with torch.enable_grad(), self.state.active():
            yield


def cartridge(bench: Bench, page: Page, rate: float) -> Iterator[Ready]:
    """A cartridge of fewer tokens than the page has."""
    study = studied(bench, page)
    clock = Clock(study["seconds"])
    lesson = Lesson(bench.trained, study)
    ids = bench.trained.encode(page.text)[:TOKENS]
    what = TrainedCartridge(with_cartridge(bench.trained, ids))
    followed = train(what, lesson.source(), rate, clock, bench, page, ["end"], lesson)
    mark, weights = followed.kept["end"]
    model = with_cartridge(bench.exact, ids)
    put(TrainedCartridge(model).weights, weights)
    yield Ready(
        State(model, (NAME,)),
        cached=len(ids),
        seconds=mark.seconds,
        stop="end",
        steps=mark.steps,
        settings={"rate": rate, "tokens": len(ids), "sequences": len(study["said"])},
        curve=tuple(followed.curve),
    )


def with_cartridge(model: LanguageModel, ids: Sequence[int]) -> WithCartridge:
    """A model without adapters, and a cartridge that begins as what it keeps of these tokens."""
    with torch.no_grad():
        cache = read_prefix(model, ids)
    if cache is None:
        raise LithoError(f"{model.source.name} keeps no keys and values that a cartridge could be")
    config = CartridgeConfig(
        task_type="CAUSAL_LM", num_virtual_tokens=len(ids), num_frozen_tokens=1
    )
    around = get_peft_model(model.network, config, adapter_name=NAME)
    initialize_kv_prefix_from_past_key_values(around, past_key_values=cache)
    return WithCartridge(
        model.source,
        model.network,
        model.tokenizer,
        adapters=[NAME],
        placement=model.placement,
        plain=model.network,
        around=around.eval(),
    )
