"""What a job will cost: one forward pass is timed, and everything else is counted in tokens."""

import time

import torch
from pydantic import BaseModel

from litho.model.loaded import LanguageModel
from litho.model.placement import wait_for
from litho.model.read.scoring import logits

BFLOAT_RATIO = 2.0  # time of a forward in float32 over that of one in bfloat16
# Against a forward in float32, per token, in bfloat16:
STEP_RATIO = 1.7  # forward and backward
READ_RATIO = 0.8  # forward, and comparing the distributions
TRAIN_RATIO = 3.0  # forward and backward in float32
HOUR = 3600
LIBRARIES_GIB = 0.7  # Python, torch and transformers


class Cost(BaseModel):
    """Expected time and peak memory of a run."""

    seconds: float
    gib: float

    def described(self) -> str:
        """`all in all about 60 s and 1.5 GiB`."""
        long = self.seconds >= HOUR
        said = f"{self.seconds / HOUR:.1f} h" if long else f"{self.seconds:.0f} s"
        return f"all in all about {said} and {self.gib:.1f} GiB"


@torch.no_grad()
def seconds_per_token(model: LanguageModel) -> float:
    """Time of a float32 forward, with what the first one of a length costs left out."""
    length = min(128, model.context)
    ids_BT = torch.full((1, length), model.pad, device=model.device)
    logits(model, ids_BT, places=[0])
    wait_for(model.device)
    began = time.perf_counter()
    logits(model, ids_BT)
    wait_for(model.device)
    return (time.perf_counter() - began) / length
