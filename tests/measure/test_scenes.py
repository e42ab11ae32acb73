"""Scenes fit into the contexts; room for a probe is kept free only where probes are scored."""

from litho.measure.scenes import PROBE_ROOM, open_book_scenes, split_scenes
from litho.model.loaded import LanguageModel
from tests.builders import TEXT


def shortened(model: LanguageModel, context: int) -> LanguageModel:
    model.network.config.max_position_embeddings = context
    assert model.context == context
    return model


def test_a_text_that_fills_the_context_is_one_scene_to_read(llama: LanguageModel) -> None:
    filled = len(llama.encode(TEXT))
    assert split_scenes(shortened(llama, filled), TEXT) == [TEXT]
    cut = split_scenes(shortened(llama, filled - 1), TEXT)
    assert len(cut) == 2 and "".join(cut) == TEXT
    assert all(len(llama.encode(scene)) <= filled - 1 for scene in cut)


def test_behind_an_open_book_a_probe_still_fits(llama: LanguageModel) -> None:
    filled = len(llama.encode(TEXT)) + PROBE_ROOM
    assert open_book_scenes(shortened(llama, filled), TEXT) == [TEXT]
    cut = open_book_scenes(shortened(llama, filled - 1), TEXT)
    assert len(cut) == 2 and "".join(cut) == TEXT


def test_a_short_context_is_shared_by_book_and_probe(llama: LanguageModel) -> None:
    assert open_book_scenes(shortened(llama, 16), "It is.") == ["It is."]
    for context in (64, PROBE_ROOM, PROBE_ROOM + 1):
        cut = open_book_scenes(shortened(llama, context), TEXT)
        assert "".join(cut) == TEXT
        assert all(len(llama.encode(scene)) <= context - context // 2 for scene in cut)


def test_the_fuller_of_two_contexts_counts(llama: LanguageModel) -> None:
    long = LanguageModel(llama.source, type(llama.network)(llama.network.config), llama.tokenizer)
    long.network.config = type(llama.network.config)(max_position_embeddings=10 * len(TEXT))
    shortened(llama, len(llama.encode(TEXT)) - 1)
    assert split_scenes(long, TEXT) == [TEXT]
    assert len(split_scenes(long, TEXT, llama)) == len(split_scenes(llama, TEXT, long)) == 2
