"""Rows of the shipped prose, on which a model is held to its base."""

from litho.core.errors import LithoError
from litho.model.loaded import LanguageModel
from litho.text.shipped import shipped_prose

UNSEEN_KIND = 5  # every fifth kind of writing is kept out of training


def unseen_kinds() -> dict[str, list[str]]:
    """Passages by kind of writing, of the kinds that are kept out of training."""
    kinds = enumerate(shipped_prose().items(), 1)
    return {kind: passages for number, (kind, passages) in kinds if not number % UNSEEN_KIND}


def prose_rows(model: LanguageModel, length: int) -> tuple[list[list[int]], list[list[int]]]:
    """Rows of `length` tokens, one a passage: to train on, and of other kinds to measure on.

    A passage that is too short goes on with the next of its kind. Fewer tokens where the model's
    context ends before. Raises LithoError if no passage to train or to measure on has so many.
    """
    length = min(length, model.context)
    trained: list[list[int]] = []
    unseen: list[list[int]] = []
    out = unseen_kinds()
    for kind, passages in shipped_prose().items():
        kept = unseen if kind in out else trained
        for i in range(len(passages)):
            row = model.encode(passages[i])
            if len(row) < length:
                row = model.encode("\n\n".join(passages[i:] + passages[:i]))
            if len(row) >= length:  # not of lengths beyond all passages of a kind
                kept.append(row[:length])
    if not (trained and unseen):
        raise LithoError(
            f"the shipped passages to train on, or those to measure on, have fewer than {length} "
            "tokens: choose a smaller replay_length"
        )
    return trained, unseen
