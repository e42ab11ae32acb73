"""Settings."""

import hashlib
from dataclasses import dataclass

from pydantic import Field

from litho.core.config import Config


class DiffConfig(Config):
    """How the nulls of a comparison are drawn."""

    nulls: int = Field(16, ge=3)  # random updates of the size of the change
    null_tokens: int = Field(64, ge=8)  # how much of a text they read
    behaviour: bool = False  # let the model speak, too: repetition loop and spill
    controls: int = Field(12, ge=3)  # adapters trained on the unrelated text, if there is one
    control_steps: int = Field(8, ge=1)  # of each
    wash_steps: int = Field(100, ge=1)  # on the unrelated text, after the change
    learning_rate: float = Field(1e-3, gt=0)  # of both
    seed: int = 0


@dataclass(frozen=True)
class OtherText:
    """A text besides the one that is read."""

    text: str
    name: str

    def described(self) -> dict[str, str]:
        return {"name": self.name, "sha256": hashlib.sha256(self.text.encode()).hexdigest()}
