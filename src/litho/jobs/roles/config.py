"""What `litho roles` starts from; no torch."""

from pathlib import Path

from pydantic import Field

from litho.core.config import Config
from litho.jobs.spec import Spec


class RolesConfig(Config):
    """How roles are trained and tried."""

    tokens: int = Field(default=20_000, ge=1)
    """Tokens that each role learns from, of its own lines alone, pass after pass."""
    rows: int = Field(default=16, ge=1, le=4096)
    """Scenes of a step."""
    rate: float = Field(default=2e-3, gt=0, le=1)
    """Learning rate."""
    questions: int = Field(default=100, ge=1)
    """Most questions of a kind."""
    seed: int = Field(default=0, ge=0)
    """Seed of the adapters and of the order of the scenes."""


class RolesSpec(Spec):
    """A school that is over."""

    school: str  # the folder of its run
    config: RolesConfig = RolesConfig()

    def models(self) -> dict[str, str]:
        return {"model": str(Path(self.school) / "model")}
