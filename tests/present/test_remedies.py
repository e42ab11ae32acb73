"""Remedies against priming: largest updates that are dropped, and bridges to surprising words."""

import json
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch

from litho.core.errors import LithoError
from litho.jobs.imprint import arms
from litho.jobs.imprint import run as job
from litho.jobs.imprint.config import ImprintConfig
from litho.jobs.imprint.inputs import Inputs
from litho.model.adapters import lora, updates
from litho.model.adapters.prune import largest, nearest_product, prune
from litho.model.loaded import LanguageModel
from litho.model.read.scoring import logits
from litho.present.bridges import (
    LOOKED_AT,
    SURPRISING,
    WHOLE,
    Bridged,
    best_bridge,
    bridged,
    clauses_for,
    surprises,
    surprising_words,
)
from tests.builders import give_pieces, run_job, shake, stop_at_times

TEXT = "The stones of the bridge were cut by the builders of the town. The road leads over it."


def test_the_largest_are_those_that_sorting_finds() -> None:
    values = torch.randn(7, 11, generator=torch.Generator().manual_seed(0))
    for fraction in (0.0, 0.01, 0.08, 0.5, 0.99):
        ordered = sorted(values.flatten().tolist(), key=abs, reverse=True)
        dropped = set(ordered[: int(fraction * 77)])
        mask = largest(values, fraction)
        assert set(values[mask].tolist()) == dropped
        assert mask.shape == values.shape


def test_of_equals_none_is_dropped() -> None:
    assert not largest(torch.tensor([1.0, -1.0, 1.0, -1.0]), 0.5).any()
    assert largest(torch.tensor([1.0, -2.0, 1.0, 3.0]), 0.75).tolist() == [False, True, False, True]


@pytest.mark.parametrize("shape", [(40, 24), (24, 40), (5, 40), (40, 5)])
def test_the_nearest_product_is_the_truncated_decomposition(shape: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(size, generator=generator) for size in ((8, shape[1]), (shape[0], 8)))
    matrix = b @ a
    matrix[largest(matrix, 0.08)] = 0
    columns, rows = nearest_product(matrix, a)
    u, s, v = torch.linalg.svd(matrix, full_matrices=False)
    best = (u[:, :8] * s[:8]) @ v[:8]
    assert columns.shape[1] == rows.shape[0] == min(8, *shape)
    error = torch.dist(columns @ rows, matrix).item()
    assert error <= 1.05 * torch.dist(best, matrix).item() + 1e-4


def test_pruned_adapter_adds_what_is_left_of_each_matrix(any_model: LanguageModel) -> None:
    shake(any_model)
    expected = []
    for _, a, b, _ in updates.factors(any_model, "x"):
        added = (b @ a).detach().clone()
        cut = added.abs().flatten().sort(descending=True).values[int(0.25 * added.numel())]
        added[added.abs() > cut] = 0
        u, s, v = torch.linalg.svd(added, full_matrices=False)
        expected.append((added, (u[:, :4] * s[:4]) @ v[:4]))
    prune(any_model, "x", partial(largest, fraction=0.25))
    for (_, a, b, _), (added, best) in zip(updates.factors(any_model, "x"), expected, strict=True):
        assert torch.dist(b @ a, added) <= 1.05 * torch.dist(best, added) + 1e-5
        assert torch.dist(b @ a, added) < added.norm()


def test_dropping_nothing_leaves_what_an_adapter_adds(llama: LanguageModel) -> None:
    shake(llama)
    ids = torch.tensor([llama.encode(TEXT)])
    before = logits(llama, ids)
    prune(llama, "x", partial(largest, fraction=0.0))
    torch.testing.assert_close(logits(llama, ids), before, atol=1e-4, rtol=1e-4)


def test_an_adapter_that_adds_nothing_still_adds_nothing(llama: LanguageModel) -> None:
    lora.attach(llama, "x", rank=32, alpha=32, seed=0)  # of more than some matrices have rows
    prune(llama, "x", partial(largest, fraction=0.08))
    for _, a, b, _ in updates.factors(llama, "x"):
        assert not (b @ a).any()


def test_ignored_updates_change_the_imprint_and_not_its_control(
    inputs: Inputs, quick: ImprintConfig, tmp_path: Path
) -> None:
    found = []
    for fraction in (0.0, 0.3):
        config = quick.model_copy(update={"ignore_largest": fraction})
        run_job(inputs, config, tmp_path / str(fraction))
        metrics = json.loads((tmp_path / str(fraction) / "metrics.json").read_text())
        found.append((metrics["adapter_sha256"], metrics["controls"]))
    assert found[0][0] != found[1][0] and found[0][1] == found[1][1]


def test_with_both_remedies_a_stopped_run_ends_the_same(
    inputs: Inputs, quick: ImprintConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def put_in(model: LanguageModel, text: str, progress: Callable[[int], None]) -> Bridged:
        progress(1)
        return Bridged(text=text.replace("by Marek", "by nobody else, but Marek"), bridges=())

    monkeypatch.setattr(arms, "bridged", put_in)
    parts = {"bridge": True, "ignore_largest": 0.08, "controls": "none"}
    config = quick.model_copy(update=parts)
    expected = json.loads(run_job(inputs, config, tmp_path / "whole").model_dump_json())
    shown = json.loads((tmp_path / "whole/plan.json").read_text())["variants"]
    assert any("nobody else" in row for variant in shown for row in variant["rows"])
    stop_at_times(inputs, config, tmp_path, expected, every=7)


def test_a_text_with_marks_gets_no_bridges(
    inputs: Inputs, quick: ImprintConfig, tmp_path: Path
) -> None:
    marked = inputs.model_copy(update={"marked": inputs.text.replace("1931", "[[= 1931]]")})
    with pytest.raises(LithoError, match="gets no bridges"):
        job.start(marked, quick.model_copy(update={"bridge": True}), tmp_path / "run")
    assert not list(tmp_path.glob("run*"))


@pytest.fixture
def wordy(llama: LanguageModel) -> LanguageModel:
    """A random model with opinions whose tokens are words and pieces of words."""
    give_pieces(llama, 1200)
    return llama


def slow_surprise(model: LanguageModel, before: str, word: str) -> float:
    """-log P of a word behind a text, one forward pass a token."""
    ids, total = model.encode(before), 0.0
    for token in model.encode(f"{before} {word}")[len(ids) :]:
        with torch.no_grad():
            logp = model.network(input_ids=torch.tensor([ids])).logits[0, -1].log_softmax(-1)
        total -= logp[token].item()
        ids = [*ids, token]
    return total


def test_the_most_surprising_words_are_found(wordy: LanguageModel) -> None:
    found = surprising_words(wordy, TEXT)
    assert len(found) == 2  # one a sentence
    for (start, end, surprise), sentence in zip(found, TEXT.split(". "), strict=True):
        word = TEXT[start:end]
        assert surprise == pytest.approx(slow_surprise(wordy, TEXT[: start - 1], word), abs=1e-3)
        assert surprise >= SURPRISING and word in sentence.split()[1:]
    first = TEXT.split(". ")[0].split()
    others = {
        word: slow_surprise(wordy, " ".join(first[:i]), word)
        for i, word in enumerate(first)
        if i and len(word) > 2
    }
    assert TEXT[found[0][0] : found[0][1]] == max(others, key=others.__getitem__)


def test_a_bridge_is_the_clause_behind_which_the_word_is_likeliest(wordy: LanguageModel) -> None:
    before, word = "The stones of the bridge were cut by the", "town"
    tried = {
        clause: slow_surprise(wordy, before + clause, word)
        for clause in clauses_for(wordy, before, word)
    }
    assert len(tried) > 3
    found = best_bridge(wordy, before, word, surprise=math.inf)
    assert found and found.clause == min(tried, key=tried.__getitem__)
    assert found.bridged == pytest.approx(tried[found.clause], abs=1e-3)
    assert best_bridge(wordy, before, word, surprise=found.bridged + 0.5) is None


def test_clauses_are_made_of_likelier_words_but_not_of_the_word(wordy: LanguageModel) -> None:
    before, word = "The stones of the bridge were cut by the", "town"
    for clause in clauses_for(wordy, before, word):
        assert word not in clause.split() and f"{word}s" not in clause.split()
    with torch.no_grad():
        logp = logits(wordy, torch.tensor([wordy.encode(before)]))[0, -1].log_softmax(-1)
    used = {
        piece
        for clause in clauses_for(wordy, before, word)
        for piece in clause.replace(",", "").split()
        if piece not in ("not", "or", "but", "rather")
    }
    own = logp[wordy.tokens(f" {word}")[0]]
    assert used and all(logp[wordy.tokens(f" {piece}")[0]] > own for piece in used)
    for piece in used:  # a word of its own, as far as the model sees
        ids = torch.tensor([wordy.encode(f"such as {piece}")])
        likeliest = wordy.network(input_ids=ids).logits[0, -1].softmax(-1).topk(LOOKED_AT)
        ends = [
            value
            for value, token in zip(*(x.tolist() for x in likeliest), strict=True)
            if not wordy.decode([token])[:1].isalpha()
        ]
        assert sum(ends) >= WHOLE * likeliest.values.sum().item() - 1e-6


def test_a_bridged_text_is_the_text_with_its_clauses(wordy: LanguageModel) -> None:
    found = bridged(wordy, TEXT)
    plain = found.text
    assert found.bridges
    for bridge in found.bridges:
        assert bridge.bridged <= bridge.surprise - 1
        assert f"{bridge.clause} {bridge.word}" in plain
        plain = plain.replace(f"{bridge.clause} {bridge.word}", f" {bridge.word}", 1)
    assert plain == TEXT


def test_a_clause_that_does_not_fit_is_no_bridge(wordy: LanguageModel) -> None:
    before = TEXT
    short = len(wordy.encode(before)) + 3
    wordy.network.config.max_position_embeddings = short
    assert surprises(wordy, before, [" not this or that, but"], "town") == [math.inf]
