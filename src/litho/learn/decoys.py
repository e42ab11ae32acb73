"""Decoys: adapters that learned something unrelated, beside which a print is made so that it lasts.

Whatever a model learns later shifts the inputs of the printed layers, and these answer less. A
print that is learned with decoys on, by turns one or another, learns to answer shifted inputs, too.
Later training is imitated in the same way where weights are to be tamper-resistant (Tamirisa et
al. 2024, arXiv 2408.00761, section 4).
"""

from collections.abc import Sequence
from pathlib import Path

from litho.core.errors import LithoError
from litho.learn.micro import train_steps
from litho.model.adapters import lora, saved
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel

COUNT = 2  # each learns its own part of the prose
RANK, RATE, STEPS = 8, 2e-4, 100
ROW = 96  # tokens
FEWEST = 8  # rows of each: fewer would be learned by heart


def decoy_rows(model: LanguageModel, prose: str) -> list[list[list[int]]]:
    """Rows of tokens for each decoy. Raises LithoError if the prose is too short."""
    size = min(ROW, model.context) - len(model.start)
    ids = model.tokens(prose)
    rows = [model.start + ids[i : i + size] for i in range(0, len(ids) - size + 1, size)]
    each = len(rows) // COUNT
    if each < FEWEST:
        raise LithoError(
            f"the prose for the decoys has {len(ids)} tokens: give at least "
            f"{COUNT * FEWEST * size} of them"
        )
    return [rows[i * each : (i + 1) * each] for i in range(COUNT)]


def train_decoys(model: LanguageModel, prose: str, folders: Sequence[Path]) -> None:
    """Train the decoys, one after another, and save each as a PEFT directory."""
    for number, (folder, rows) in enumerate(zip(folders, decoy_rows(model, prose), strict=True)):
        with lora.fresh(model, folder.name, AdapterSpec(RANK, seed=number)):
            for _ in train_steps(model, folder.name, rows, STEPS, RATE):
                pass
            saved.save(model, folder.name, folder)
