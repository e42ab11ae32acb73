"""Two states to compare, as a user names them: models, with or without an adapter."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from litho.core.errors import LithoError
from litho.measure.inside import chance
from litho.model.adapters import saved, updates
from litho.model.loaded import LanguageModel, load
from litho.model.sources import locate
from litho.model.state import State


@dataclass(frozen=True)
class Change:
    """Two states and the Frobenius norm of what lies between their weights, by kind of matrix."""

    before: State
    after: State
    norms: dict[str, float]
    rank: int  # of the updates that it is compared with

    def __bool__(self) -> bool:
        return any(self.norms.values())


NULL_RANK = 8  # of random updates where the change has no rank of its own


@dataclass(frozen=True)
class Unlike:
    """Two models of which neither the tokens nor the weights can be compared one by one."""

    before: State
    after: State


def open_pair(before: str, after: str) -> Change | Unlike:
    """Load two states: MODEL, MODEL+ADAPTER_DIR, or for `after` an adapter's folder alone.

    States of one model share its weights. Raises LithoError if the two cannot be compared.
    """
    base, old = split_name(before)
    other, new = (base, after) if is_adapter(after) else split_name(after)
    source, other_source = locate(base), locate(other)
    same = source.folder == other_source.folder
    if not same and (old or new):
        raise LithoError(
            f"{before} and {after} are different models with adapters: merge the adapters, or name "
            "the same model twice"
        )
    model = load(source, torch.float32)
    if not same:
        return _models(model, load(other_source, torch.float32))
    ranks = [saved.rank(Path(folder)) for folder in (old, new) if folder]
    chance.prepare(model, max(ranks, default=NULL_RANK))
    first, second = _state(model, "before", old), _state(model, "after", new)
    norms: dict[str, float] = {}
    if old and new:
        norms = updates.update_norms(model, "after", "before")
    elif old or new:
        norms = updates.update_norms(model, "after" if new else "before")
    return Change(first, second, norms, max(ranks, default=NULL_RANK))


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


def described(name: str, state: State) -> dict[str, Any]:
    """A state for the manifest: where it came from and the hashes of its weights."""
    adapter = None
    if state.adapters:
        folder = name if is_adapter(name) else split_name(name)[1]
        adapter = {"folder": folder, "sha256": saved.adapter_sha256(Path(folder or ""))}
    return state.model.source.described() | {"name": name, "adapter": adapter}


def _state(model: LanguageModel, name: str, folder: str | None) -> State:
    if folder is None:
        return State(model)
    saved.load(model, name, Path(folder))
    updates.check_unmerged(model, name)
    return State(model, (name,))


def _models(first: LanguageModel, second: LanguageModel) -> Change | Unlike:
    if second.tokenizer.get_vocab() != first.tokenizer.get_vocab() or not updates.alike(
        first, second
    ):
        return Unlike(State(first), State(second))
    norms = updates.distances(first, second)
    chance.prepare(first, NULL_RANK)
    return Change(State(first), State(second), norms, NULL_RANK)
