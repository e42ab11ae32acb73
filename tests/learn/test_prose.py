"""The prose on which a model is held to its base."""

from collections.abc import Callable

import pytest

from litho.core.errors import LithoError
from litho.learn.prose import UNSEEN_KIND, prose_rows
from litho.model.loaded import LanguageModel
from litho.text.shipped import shipped_prose, shipped_retention


def test_rows_are_whole_and_of_kinds_that_training_does_not_see(llama: LanguageModel) -> None:
    trained, unseen = prose_rows(llama, 64)
    assert {len(row) for row in trained + unseen} == {64}
    kinds = shipped_prose()
    counts = [len(passages) for passages in kinds.values()]
    assert len(unseen) == sum(counts[UNSEEN_KIND - 1 :: UNSEEN_KIND]) >= 20
    assert len(trained) + len(unseen) == sum(counts)
    begun = {llama.decode(row[len(llama.start) :][:30]) for row in trained}
    assert not begun & {llama.decode(row[len(llama.start) :][:30]) for row in unseen}


def test_a_passage_that_is_too_short_goes_on_with_the_next(llama: LanguageModel) -> None:
    first, second, _ = next(iter(shipped_prose().values()))
    row = prose_rows(llama, len(llama.encode(first)) + 20)[0][0]
    assert row == llama.encode(f"{first}\n\n{second}")[: len(row)]


def test_more_tokens_than_passages_have_are_refused(
    make_model: Callable[[str], LanguageModel],
) -> None:
    with pytest.raises(LithoError, match="replay_length"):
        prose_rows(make_model("mamba"), 100_000)


def test_kinds_to_measure_on_that_are_too_short_are_refused(
    llama: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    long, short = "The boats lay in the harbour. " * 9, "The sea was calm."
    kinds = {str(number): [long if number < UNSEEN_KIND else short] for number in range(1, 6)}
    monkeypatch.setattr("litho.learn.prose.shipped_prose", lambda: kinds)
    with pytest.raises(LithoError, match="or those to measure on, have fewer than 64 tokens"):
        prose_rows(llama, 64)


def test_the_prose_is_varied_and_not_what_drift_is_measured_on() -> None:
    passages = [passage for kind in shipped_prose().values() for passage in kind]
    assert len(passages) == len(set(passages)) >= 150
    assert all(60 <= len(passage.split()) <= 160 for passage in passages)
    measured = shipped_retention()
    assert not any(passage[:40] in measured for passage in passages)
