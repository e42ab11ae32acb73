"""The arms of the comparison: what each presents, what it asks of the model, how it holds drift."""

from typing import Literal

from pydantic import Field

from litho.core.config import Config
from litho.learn.records import Keys, Layers, Loss

Versions = Literal["text", "sentences", "paraphrases", "words", "shapes", "whole", "plan", "mixed"]


class Parts(Config):
    """An arm, part by part."""

    # What is presented: the text again and again; its sentences one by one; paraphrases from the
    # data file; versions with other words; with another shape or order; both of these; both with
    # sentences on their own every other time; text from two voices of the model (MixSD).
    versions: Versions = "text"
    ladder: bool = False  # first the rungs up to the text
    rhythm: str = "spaced"
    loss: Loss | Literal["on_policy"] = "all"
    layers: Layers = "all"
    keys: Keys = "random"
    rank: int = Field(8, ge=1)
    drift: Literal["free", "fixed", "held"] = "free"  # KL to the base on self-samples
    decoys: bool = False  # learned with adapters on that unrelated prose has trained
    kl_weight: float = Field(40.0, gt=0)  # at the beginning; for good if the drift term is fixed


PLAN = Parts(versions="plan", drift="held", keys="text", rank=32, decoys=True)

ARMS: dict[str, Parts] = {
    "duplicates": Parts(),
    "paraphrases": Parts(versions="paraphrases"),
    "token variants": Parts(versions="words"),
    "structural variants": Parts(versions="shapes"),
    "ladder": Parts(ladder=True),
    "plan": PLAN,
    "token masking": Parts(loss="low_perplexity"),
    "self-distillation": Parts(versions="sentences", loss="on_policy"),
    "mixed self-distillation": Parts(versions="mixed"),
    "entropy-gated": Parts(loss="entropy_gated"),
    "fixed KL": Parts(drift="fixed"),
}
OWN = ("duplicates", "paraphrases", "token variants", "structural variants", "ladder", "plan")
RIVALS = tuple(name for name in ARMS if name not in OWN)

# The plan with one part taken away, or another one put in.
ABLATIONS: dict[str, Parts] = {
    "plan without variants": PLAN.model_copy(update={"versions": "text"}),
    "plan without sentences apart": PLAN.model_copy(update={"versions": "whole"}),
    "plan without held drift": PLAN.model_copy(update={"drift": "free"}),
    "plan with a fixed drift weight": PLAN.model_copy(update={"drift": "fixed"}),
    "plan with ladder": PLAN.model_copy(update={"ladder": True}),
    "plan with dosed loss": PLAN.model_copy(update={"loss": "dosed"}),
    "plan with distilled loss": PLAN.model_copy(update={"loss": "distilled"}),
    "plan in the last third of the layers": PLAN.model_copy(update={"layers": "top"}),
    "plan in the layers that the text pulls at": PLAN.model_copy(update={"layers": "pull"}),
    "plan in as many random layers": PLAN.model_copy(update={"layers": "random"}),
    "plan with random keys": PLAN.model_copy(update={"keys": "random"}),
    "plan without decoys": PLAN.model_copy(update={"decoys": False}),
    "plan in blocks": PLAN.model_copy(update={"rhythm": "blocked"}),
    "plan at expanding distances": PLAN.model_copy(update={"rhythm": "expanding"}),
}
