"""What a model keeps of a beginning, where several rows may go on from it."""

import copy
from collections.abc import Sequence
from weakref import WeakKeyDictionary

import torch
from torch import nn
from transformers import DynamicCache

from litho.model import trial
from litho.model.loaded import LanguageModel

_kept: WeakKeyDictionary[nn.Module, bool] = WeakKeyDictionary()  # by network, what was tried


def new_cache() -> DynamicCache:
    """An empty one; it keeps keys and values of all tokens, so that it can be cut back."""
    return DynamicCache()


def copied(cache: DynamicCache, rows: int) -> DynamicCache:
    """A copy for so many rows."""
    found = copy.deepcopy(cache)
    found.batch_repeat_interleave(rows)
    return found


def reads_on(model: LanguageModel) -> bool:
    """Whether rows that go on from a cache, cut back or copied, are read as they are without it.

    Models with states that sum up all that was read (state space, linear attention, convolutions)
    have none that can be cut back. Tried once for each network.
    """
    network = model.unwrapped
    if network not in _kept:
        _kept[network] = _tried(model)
    return _kept[network]


@torch.no_grad()
def _tried(model: LanguageModel) -> bool:
    ids_BT = trial.rows(model).to(model.device)
    shared = trial.shared(ids_BT)
    plain_BTV = model.network(input_ids=ids_BT, use_cache=False).logits
    cache = new_cache()
    try:
        _read(model, ids_BT[:1], cache)
        if cache.get_seq_length() != ids_BT.shape[1]:
            return False
        cache.crop(shared - ids_BT.shape[1])
        found_BTV = _read(model, ids_BT[:, shared:], copied(cache, len(ids_BT)))
    except Exception:  # a model that wants a cache of its own says so in many ways
        return False
    return trial.agree(model, plain_BTV[:, shared:], found_BTV)


def _read(model: LanguageModel, ids_BT: torch.Tensor, cache: DynamicCache) -> torch.Tensor:
    found: torch.Tensor = model.network(
        input_ids=ids_BT, past_key_values=cache, use_cache=True
    ).logits
    return found


def read_prefix(model: LanguageModel, ids: Sequence[int]) -> DynamicCache | None:
    """Keys and values of a beginning; None where rows cannot go on from it."""
    if not reads_on(model):
        return None
    cache = new_cache()
    ids_BT = torch.tensor([list(ids)], device=model.device)
    model.network(input_ids=ids_BT, past_key_values=cache, use_cache=True)
    return cache
