"""Whether a model can read a text at all, and how it does."""

import math
from collections.abc import Sequence

import torch

from litho.core.errors import LithoError
from litho.measure.volatility import read
from litho.model.loaded import LanguageModel
from litho.model.read.normal import normalised, shown, unread
from litho.model.read.sampling import self_samples

FOREIGN = 2.0  # times the bits of the model's own prose, from which on a text is called foreign
TOKENS = 256  # of the text that are read
OWN_SAMPLES, OWN_TOKENS = 2, 64


def check_readable(model: LanguageModel, text: str) -> None:
    """Raises LithoError if a text holds characters for which the model has no token."""
    if lost := unread(model, text):
        raise LithoError(f"{_no_token(model, lost)}: put others in their place")


def reading_notices(model: LanguageModel, text: str, scenes: Sequence[str] = ()) -> list[str]:
    """How the model reads a text, where that is not whole, as it stands and at once."""
    notices = []
    if len(scenes) > 1:
        notices.append(
            f"the text is longer than the model's context: it is cut into {len(scenes)} scenes, "
            "each read by itself, and nothing is left out"
        )
    if lost := unread(model, text):
        notices.append(f"{_no_token(model, lost)}: nothing that is measured there is about them")
    elif changed := normalised(model, text):
        notices.append(
            f"the tokenizer of {model.source.name} normalises the text before it reads it "
            f"({', '.join(changed)}): all numbers are of the text as it is then"
        )
    return notices


def _no_token(model: LanguageModel, lost: Sequence[str]) -> str:
    more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
    said = ", ".join(map(shown, lost[:3]))
    return f"{model.source.name} has no token for {said}{more}, which the text holds"


@torch.no_grad()
def bits_per_byte(model: LanguageModel, text: str) -> float:
    """What the model needs to predict a text: its surprise in bits over its bytes in UTF-8."""
    return read(model, (text,)).surprise_N.sum().item() / math.log(2) / len(text.encode())


def foreign_notice(model: LanguageModel, text: str, seed: int) -> list[str]:
    """A warning if the model reads `text` far worse than what it writes itself, or nothing."""
    room = min(TOKENS, model.context - len(model.start))

    def beginning(prose: str) -> str:
        return "".join(model.pieces(prose)[:room])

    rows = self_samples(model, [""] * OWN_SAMPLES, min(OWN_TOKENS, model.context), seed)
    own = [str(model.tokenizer.decode(row, skip_special_tokens=True)) for row in rows]
    said = [bits_per_byte(model, beginning(prose)) for prose in own if len(prose) > 1]
    bits = bits_per_byte(model, beginning(text))
    if not said or bits <= FOREIGN * max(said):
        return []
    return [
        f"the model hardly reads this text: it needs {bits:.1f} bits a byte, and "
        f"{max(said):.1f} for its own prose; what is printed into it may stay a string of signs"
    ]
