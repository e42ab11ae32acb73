"""Texts cut into scenes that fit into a model's context."""

from litho.core.errors import LithoError
from litho.model.loaded import LanguageModel
from litho.text.scenes import scenes

PROBE_ROOM = 128  # tokens of the context kept free for a probe behind the open book, at most half


def check_text(model: LanguageModel, text: str) -> None:
    """Raises LithoError if `text` gives the model nothing to predict."""
    if len(model.tokens(text)) < 2:
        raise LithoError("the text has only one token: give at least one sentence")


def split_scenes(model: LanguageModel, text: str, *others: LanguageModel) -> list[str]:
    """The text as all models can read it: whole, or in scenes that fit into their contexts."""
    return _split(text, [(each, each.context - len(each.start)) for each in (model, *others)])


def open_book_scenes(model: LanguageModel, text: str) -> list[str]:
    """The text in scenes behind each of which a probe still fits into the context."""
    free = min(PROBE_ROOM, model.context // 2)
    return _split(text, [(model, model.context - len(model.start) - free)])


def _split(text: str, rooms: list[tuple[LanguageModel, int]]) -> list[str]:
    """`rooms`: each model with the tokens of a scene that it can read."""
    limit = rooms[0][1]

    def length(piece: str) -> int:
        """Tokens of the first model; more where another model's context is fuller."""
        return max(-(-len(each.tokens(piece)) * limit // room) for each, room in rooms)

    return scenes(text, length, limit)
