"""The precision in which a model is measured, and the noise that no finding may be below."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from litho.core.records import Record
from litho.model.loaded import LanguageModel
from litho.model.placement import HOST, Placement, default_placement, exactly
from litho.model.read.scoring import logits, logits_of_rows
from litho.model.sources import ModelSource
from litho.text.shipped import shipped_retention

# Shapes: T tokens, V vocabulary.
TOKENS, EVERY = 64, 8  # of plain prose that are read; of which the beginnings differ in length


class Precision(Record):
    """What a model is computed in, and how far that lets its predictions waver, nats per token."""

    device: str
    dtype: str
    bits: int | None
    noise: float  # mean KL between two ways of computing the same predictions
    largest: float  # the largest of these

    def described(self) -> str:
        """`bfloat16 on cuda, good to 2e-04 nats per token`."""
        rounded = f", weights in {self.bits} bits" if self.bits else ""
        return f"{self.dtype} on {self.device}{rounded}, good to {self.noise:.0e} nats per token"


def to_measure(source: ModelSource, device: str | None = None, models: int = 1) -> Placement:
    """Where and how a model is measured: in float32 where that fits into the free memory.

    Else in half of it: bfloat16, or float16 where the device has no bfloat16. `models`: how many of
    its size are to be there at the same time.
    """
    exact = Placement.parse(device) if device else default_placement(torch.float32)
    if exact.fits(source.parameters(), models):
        return exact
    return Placement(exact.device, exact.half)


@torch.no_grad()
def precision(model: LanguageModel) -> Precision:
    """The precision of a model in the state that it is in, with its noise measured.

    The same places are predicted twice: in a passage read alone, and in its beginnings of several
    lengths, read together, with embeddings that are rounded otherwise. What differs is no more than
    the precision leaves open anyway (so-called stochastic arithmetic: Vignes 1993, "A stochastic
    arithmetic for reliable scientific computation"). The order of sums alone would say too little:
    in bfloat16 it often changes nothing that is not rounded away again, while logits are.
    """
    passage = model.encode(shipped_retention())[: min(TOKENS, model.context)]
    rows = [passage[:end] for end in range(EVERY, len(passage), EVERY)]
    alone_TV = logits(model, torch.tensor([passage], device=model.device))[0]
    with _rounded_otherwise(model):
        together = logits_of_rows(model, rows)
    kl_T = torch.cat(
        [_kl(alone_TV[: len(beginning_TV)], beginning_TV) for beginning_TV in together]
    )
    placement = model.placement
    return Precision(
        device=placement.device.type,
        dtype=str(model.network.dtype).removeprefix("torch."),
        bits=placement.bits,
        noise=kl_T.mean().item(),
        largest=kl_T.max().item(),
    )


@contextmanager
def _rounded_otherwise(model: LanguageModel) -> Iterator[None]:
    """Inside, every entry of the embeddings is off by up to one unit in its last place."""
    chance = torch.Generator(HOST).manual_seed(0)

    def shift(_: nn.Module, __: object, output: Tensor) -> Tensor:
        signs = torch.randint(0, 2, output.shape, generator=chance, device=HOST) * 2 - 1
        unit = torch.finfo(output.dtype).eps / 2 * signs.to(output.device)
        return (output.float() * (1 + unit)).to(output.dtype)

    handle = model.network.get_input_embeddings().register_forward_hook(shift)
    try:
        yield
    finally:
        handle.remove()


def _kl(first_TV: Tensor, second_TV: Tensor) -> Tensor:
    """KL(first || second), T, nats; in float64, since float32 rounds at 1e-8 what is to be seen."""
    logp_TV, logq_TV = (exactly(each).log_softmax(-1) for each in (first_TV, second_TV))
    return (logp_TV.exp() * (logp_TV - logq_TV)).sum(-1).clamp_min(0)
