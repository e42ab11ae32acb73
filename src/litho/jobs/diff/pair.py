"""Two states to compare, as a user names them: models, with or without an adapter."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from litho.core.errors import LithoError
from litho.jobs.diff.config import split_name, split_names
from litho.jobs.models import Models
from litho.measure.inside import chance
from litho.model.adapters import files, saved, updates
from litho.model.loaded import LanguageModel
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


def open_pair(before: str, after: str, models: Models, text: str) -> Change | Unlike:
    """Load two states: MODEL, MODEL+ADAPTER_DIR, or for `after` an adapter's folder alone.

    States of one model share its weights; two models are unlike if they cut or open `text` in other
    ways. Raises LithoError if the two cannot be compared.
    """
    (base, old), (other, new) = split_names(before, after)
    source, other_source = locate(base), locate(other)
    same = source.folder == other_source.folder
    if not same and (old or new):
        raise LithoError(
            f"{before} and {after} are different models with adapters: merge the adapters, or name "
            "the same model twice"
        )
    model = models.load(base, count=1 if same else 2)
    if not same:
        return _models(model, models.load(other), text)
    ranks = [files.rank(Path(folder)) for folder in (old, new) if folder]
    first, second = _state(model, "before", old), _state(model, "after", new)
    norms: dict[str, float] = {}
    if old and new:
        norms = updates.update_norms(model, "after", "before")
    elif old or new:
        norms = updates.update_norms(model, "after" if new else "before")
    for name in (*first.adapters, *second.adapters):
        updates.check_unmerged(model, name)
    chance.prepare(model, max(ranks, default=NULL_RANK))
    return Change(first, second, norms, max(ranks, default=NULL_RANK))


def notices(before: str, after: str) -> list[str]:
    """What to tell of the adapters of two states."""
    folders = [folder for _, folder in split_names(before, after) if folder]
    return [notice for folder in folders for notice in files.notices(Path(folder))]


def described(pinned: str, name: str, state: State) -> dict[str, Any]:
    """A state for the manifest: what the user called it, and the hashes of its weights."""
    adapter = None
    folder = split_name(pinned)[1]
    if folder:
        adapter = {"folder": folder, "sha256": files.adapter_sha256(Path(folder))}
    return state.model.source.described() | {"name": name, "adapter": adapter}


def _state(model: LanguageModel, name: str, folder: str | None) -> State:
    if folder is None:
        return State(model)
    saved.load(model, name, Path(folder))
    return State(model, (name,))


def _models(first: LanguageModel, second: LanguageModel, text: str) -> Change | Unlike:
    same_tokens = second.tokenizer.get_vocab() == first.tokenizer.get_vocab() and second.encode(
        text
    ) == first.encode(text)
    if not (same_tokens and updates.alike(first, second)):
        return Unlike(State(first), State(second))
    norms = updates.distances(first, second)
    chance.prepare(first, NULL_RANK)
    return Change(State(first), State(second), norms, NULL_RANK)
