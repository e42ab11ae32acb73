"""What is compared, and how the nulls of a comparison are drawn; no torch."""

import hashlib
from pathlib import Path
from typing import Self

from pydantic import Field

from litho.core.config import Config
from litho.core.errors import LithoError
from litho.core.records import Record
from litho.jobs.spec import Spec


class DiffConfig(Config):
    """How the nulls of a comparison are drawn."""

    nulls: int = Field(16, ge=3)
    """Number of random updates of the size of the change, from which the null is estimated."""
    null_tokens: int = Field(64, ge=8)
    """Tokens of the text on which significance is tested; the text is measured in full."""
    behaviour: bool = False
    """Whether to sample from the model as well, to measure repetition loops and spill
    (`--behaviour`)."""
    controls: int = Field(12, ge=3)
    """With `--unrelated`: number of adapters trained on that text."""
    control_steps: int = Field(8, ge=1)
    """With `--unrelated`: training steps of each of these adapters."""
    wash_steps: int = Field(100, ge=1)
    """With `--unrelated`: training steps on that text, on top of the change
    (`embedding_phantom`)."""
    learning_rate: float = Field(1e-3, gt=0)
    """With `--unrelated`: learning rate of both trainings."""
    seed: int = 0
    """Seed of everything that is drawn at random."""


class OtherText(Record):
    """A text besides the one that is read."""

    text: str
    name: str

    def described(self) -> dict[str, str]:
        return {"name": self.name, "sha256": hashlib.sha256(self.text.encode()).hexdigest()}


class DiffSpec(Spec):
    """A text and two states, each a model with or without an adapter (see `litho.jobs.diff.pair`).

    `unseen` is a text that training never saw: do the same heads change there? `unrelated` is one
    to train on, for comparison and to see what of the change it washes out.
    """

    text: str
    text_name: str
    before: str
    after: str
    unseen: OtherText | None = None
    unrelated: OtherText | None = None
    config: DiffConfig = DiffConfig()
    names: tuple[str, str] | None = None  # of both states as the user gave them, once pinned

    def models(self) -> dict[str, str]:
        (before, _), (after, _) = split_names(self.before, self.after)
        return {"before": before, "after": after}

    def adapters(self) -> dict[str, str]:
        folders = [folder for _, folder in split_names(self.before, self.after)]
        return {role: f for role, f in zip(("before", "after"), folders, strict=True) if f}

    def pinned(self) -> Self:
        from litho.model.sources import locate

        states = [
            locate(model).pinned + (f"+{Path(folder).absolute()}" if folder else "")
            for model, folder in split_names(self.before, self.after)
        ]
        names = (self.before, self.after)
        return self.model_copy(update={"before": states[0], "after": states[1], "names": names})


def split_names(before: str, after: str) -> tuple[tuple[str, str | None], tuple[str, str | None]]:
    """Model and adapter of both states; `after` may be an adapter's folder alone.

    Raises LithoError if that folder holds a whole model, too.
    """
    first = split_name(before)
    if not is_adapter(after):
        return first, split_name(after)
    folder = _from_home(after)
    both = all((folder / name).is_file() for name in ("config.json", "adapter_model.safetensors"))
    if both and any(folder.glob("model*.safetensors")):
        raise LithoError(
            f"{after} holds a whole model and an adapter beside it: write MODEL+{after} for the "
            "adapter, or move adapter_config.json away for the model"
        )
    return first, (first[0], str(folder))


def split_name(name: str) -> tuple[str, str | None]:
    """Model and adapter of MODEL+ADAPTER_DIR; an existing folder may have a + in its name."""
    if "+" not in name or Path(name).exists():
        return name, None
    places = [i for i, letter in enumerate(name) if letter == "+"]
    # Either part may have a + in its name: the first one behind which an adapter lies is meant.
    place = next((i for i in places if is_adapter(name[i + 1 :])), places[-1])
    return name[:place], str(_from_home(name[place + 1 :]))


def is_adapter(name: str) -> bool:
    return (_from_home(name) / "adapter_config.json").is_file()


def _from_home(name: str) -> Path:
    """The path with `~` as a user's folder, or as it stands if there is no such user."""
    try:
        return Path(name).expanduser()
    except RuntimeError:
        return Path(name)
