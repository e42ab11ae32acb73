"""What is compared, and how."""

from typing import Annotated, Literal, Self

from pydantic import Field

from litho.core.config import Config
from litho.core.errors import LithoError
from litho.jobs import DEFAULT_MODEL
from litho.jobs.spec import Spec
from litho.text.cases import Case

Positive = Annotated[float, Field(gt=0)]


class BenchConfig(Config):
    """A comparison. The defaults are the protocol `quick`."""

    model: str = DEFAULT_MODEL
    dtype: Literal["bfloat16", "float32"] | None = None  # of the base; None: the faster one
    texts: int = Field(10, ge=1)
    sweep_texts: int = Field(1, ge=1)  # behind the others in the file; only for the sweep
    seeds: int = Field(2, ge=1)
    ablation_seeds: int = Field(1, ge=0)
    checks: tuple[int, ...] = (4, 8, 14)  # presentations after which is measured; and the end
    words: int | None = Field(120, ge=10)  # of a shortened text; None: whole texts
    presentations: int = Field(24, ge=1)
    learning_rates: tuple[Positive, ...] = Field((3e-4, 1e-3, 2e-3), min_length=1)
    # Swept where the weight of the drift term is fixed.
    kl_weights: tuple[Positive, ...] = Field((10.0, 40.0, 160.0), min_length=1)
    budget: float = Field(0.007, gt=0)  # nats a token, on self-samples kept out of training
    drift_limit: float = Field(0.0075, gt=0)  # D_ret up to which a learning rate is preferred
    samples: int = Field(56, ge=2)
    unseen: int = Field(16, ge=1)
    sample_tokens: int = Field(96, ge=8)
    retention_tokens: int = Field(2048, ge=1)
    durable: tuple[str, ...] = ("plan", "fixed KL")  # arms whose durability is measured


PROTOCOLS = {
    "quick": BenchConfig(),
    "full": BenchConfig(
        texts=20,
        sweep_texts=2,
        seeds=3,
        ablation_seeds=3,
        words=None,
        presentations=50,
        checks=(4, 8, 12, 20, 30, 40),
        sample_tokens=128,
        retention_tokens=4096,
    ),
}


class BenchSpec(Spec):
    """Texts to compare on, and prose on which drift and durability are measured."""

    cases: tuple[Case, ...]
    prose: str
    decoy_prose: str
    only: tuple[str, ...] = ()  # arms and ablations to do now; none: all
    so_far: bool = False  # do nothing, and compare what is done
    config: BenchConfig = BenchConfig()

    def models(self) -> dict[str, str]:
        return {"model": self.config.model}

    def pinned(self) -> Self:
        from litho.model.placement import training_dtype

        config = self.config.model_copy(
            update={"dtype": self.config.dtype or training_dtype(self.device.name)}
        )
        return self.model_copy(update={"config": config})


def protocol(name: str) -> BenchConfig:
    """Settings by the name of a protocol. Raises LithoError if there is none."""
    if name not in PROTOCOLS:
        raise LithoError(f"unknown protocol {name!r} (choose from {', '.join(PROTOCOLS)})")
    return PROTOCOLS[name]
