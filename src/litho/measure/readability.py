"""Whether a model can read a text at all."""

import math

import torch

from litho.measure.volatility import read
from litho.model.loaded import LanguageModel
from litho.model.read.sampling import self_samples

FOREIGN = 2.0  # times the bits of the model's own prose, from which on a text is called foreign
TOKENS = 256  # of the text that are read
OWN_SAMPLES, OWN_TOKENS = 2, 64


@torch.no_grad()
def bits_per_byte(model: LanguageModel, text: str) -> float:
    """What the model needs to predict a text: its surprise in bits over its bytes in UTF-8."""
    return read(model, (text,)).surprise_N.sum().item() / math.log(2) / len(text.encode())


def foreign_notice(model: LanguageModel, text: str, seed: int) -> list[str]:
    """A warning if the model reads `text` far worse than what it writes itself, or nothing."""
    room = min(TOKENS, model.context - len(model.start))
    beginning = "".join(model.pieces(text)[:room])
    rows = self_samples(model, [""] * OWN_SAMPLES, min(OWN_TOKENS, model.context), seed)
    own = [str(model.tokenizer.decode(row, skip_special_tokens=True)) for row in rows]
    said = [bits_per_byte(model, prose) for prose in own if len(prose) > 1]
    bits = bits_per_byte(model, beginning)
    if not said or bits <= FOREIGN * max(said):
        return []
    return [
        f"the model hardly reads this text: it needs {bits:.1f} bits a byte, and "
        f"{max(said):.1f} for its own prose; what is printed into it may stay a string of signs"
    ]
