"""Losses that weigh tokens or learn from a teacher, against autograd."""

import math

import pytest
import torch
from torch import Tensor

from litho.core.errors import LithoError
from litho.learn.losses import backward_distilled
from litho.learn.objectives import (
    DOSED_UNTIL,
    ENTROPY_OF,
    MASKED_FROM,
    Batch,
    Distilled,
    LowPerplexity,
    Objective,
    all_tokens,
    dosed,
    entropy_gated,
    longest_row,
    objective,
    predicted_behind,
)
from litho.measure.volatility import LIKELY
from litho.model.loaded import LanguageModel
from litho.text.variants import STEP_SURPRISE
from tests.builders import TEXT, gradients, shake

ROWS = ("The clock of Ostrava shows the time.", "A choir climbs the tower every spring, singing.")


@pytest.fixture
def trained(llama: LanguageModel) -> LanguageModel:
    """A model whose adapter does something."""
    shake(llama)
    return llama


def weighted(model: LanguageModel, rows: list[list[int]], weigh: object) -> tuple[float, object]:
    """Slow reference: cross-entropy by autograd, each token by its weight, over all tokens."""
    total = torch.tensor(0.0)
    count = sum(len(row) - 1 for row in rows)
    for row in rows:
        found_TV = model.network(input_ids=torch.tensor([row])).logits[0, :-1]
        losses_T = torch.nn.functional.cross_entropy(
            found_TV, torch.tensor(row[1:]), reduction="none"
        )
        assert callable(weigh)
        total = total + (weigh(row, found_TV.detach(), losses_T.detach()) * losses_T).sum() / count
    total.backward()
    return total.item(), gradients(model)


def agrees(model: LanguageModel, ask: Objective, weigh: object, done: float = 0.0) -> None:
    rows = [model.encode(row) for row in ROWS]
    loss = ask(Batch(model, rows, 64, done))
    found = gradients(model)
    reference, expected = weighted(model, rows, weigh)
    assert loss == pytest.approx(reference, abs=1e-5)
    assert isinstance(expected, dict) and found.keys() == expected.keys()
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, expected[name], atol=1e-6, rtol=1e-4)


def base_surprise(model: LanguageModel, row: list[int]) -> Tensor:
    with model.state(None), torch.no_grad():
        logp = model.network(input_ids=torch.tensor([row])).logits[0, :-1].log_softmax(-1)
    return -logp.gather(-1, torch.tensor(row[1:]).unsqueeze(-1)).squeeze(-1)


def test_all_tokens_count_alike(trained: LanguageModel) -> None:
    agrees(trained, all_tokens, lambda row, found, losses: torch.ones_like(losses))


def test_tokens_that_surprise_the_base_are_masked(
    trained: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = base_surprise(trained, trained.encode(ROWS[0])).median().item()
    monkeypatch.setattr("litho.learn.objectives.MASKED_FROM", limit)
    agrees(
        trained,
        LowPerplexity(),
        lambda row, found, losses: (base_surprise(trained, row) <= limit).float(),
    )
    assert pytest.approx(math.log(2.5)) == MASKED_FROM


def test_a_text_without_likely_tokens_is_an_error(
    trained: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("litho.learn.objectives.MASKED_FROM", 0.0)
    with pytest.raises(LithoError, match="no token of a presentation is likely enough"):
        LowPerplexity()(Batch(trained, [trained.encode(ROWS[0])], 64, 0.0))


def test_tokens_are_gated_by_the_entropy_of_the_likeliest(trained: LanguageModel) -> None:
    def gate(row: list[int], found_TV: Tensor, losses_T: Tensor) -> Tensor:
        p = found_TV.topk(ENTROPY_OF).values.softmax(-1)
        return -(p * p.log()).sum(-1) / math.log(ENTROPY_OF)

    agrees(trained, entropy_gated, gate)


@pytest.mark.parametrize("done", [0.0, 0.5, DOSED_UNTIL])
def test_tokens_enter_the_loss_when_they_are_within_reach(
    trained: LanguageModel, monkeypatch: pytest.MonkeyPatch, done: float
) -> None:
    surprises = base_surprise(trained, trained.encode(ROWS[0]))
    monkeypatch.setattr("litho.learn.objectives.LIKELY", surprises.min().item())
    monkeypatch.setattr("litho.learn.objectives.STEP_SURPRISE", surprises.max().item())
    low, high = surprises.min().item(), surprises.max().item()
    reach = math.inf if done >= DOSED_UNTIL else low + (high - low) * done / DOSED_UNTIL
    agrees(trained, dosed, lambda row, found, losses: (losses <= reach).float(), done)
    assert LIKELY < STEP_SURPRISE


def test_the_text_before_its_eyes_is_the_teacher(trained: LanguageModel) -> None:
    rows = [trained.encode(row) for row in ROWS]
    loss = Distilled(trained, [TEXT])(Batch(trained, rows, 64, 0.0))
    found = gradients(trained)
    seen = trained.tokens(f"{TEXT}\n\n")
    total = torch.tensor(0.0)
    for row in rows:
        start = len(trained.start)
        whole = torch.tensor([[*row[:start], *seen, *row[start:]]])
        with trained.state(None), torch.no_grad():
            p = trained.network(input_ids=whole).logits[0, -len(row) : -1].log_softmax(-1)
        q = trained.network(input_ids=torch.tensor([row])).logits[0, :-1].log_softmax(-1)
        total = total + (p.exp() * (p - q)).sum() / sum(len(r) - 1 for r in rows)
    total.backward()
    assert loss == pytest.approx(total.item(), abs=1e-5)
    for name, gradient in gradients(trained).items():
        torch.testing.assert_close(found[name], gradient, atol=1e-6, rtol=1e-3)


def test_only_what_is_taught_is_supervised(trained: LanguageModel) -> None:
    row = trained.encode(ROWS[0])
    with torch.no_grad():
        own_TV = trained.network(input_ids=torch.tensor([row])).logits[0, :-1]
    other_TV = own_TV.flip(-1)
    half = len(own_TV) // 2
    part = backward_distilled(trained, [row], 64, [other_TV[half:]])
    found = gradients(trained)
    p = other_TV[half:].log_softmax(-1)
    q = trained.network(input_ids=torch.tensor([row])).logits[0, half:-1].log_softmax(-1)
    loss = (p.exp() * (p - q)).sum() / len(p)
    loss.backward()
    assert part == pytest.approx(loss.item(), abs=1e-4)
    for name, gradient in gradients(trained).items():
        torch.testing.assert_close(found[name], gradient, atol=1e-6, rtol=1e-3)


def test_the_longest_row_fits_behind_the_text(llama: LanguageModel) -> None:
    llama.network.config.max_position_embeddings = 2 * len(llama.encode(TEXT)) + 9
    longest = longest_row("distilled", llama, [TEXT])
    text, row = llama.tokens(f"{TEXT}\n\n"), llama.encode(TEXT * 2)
    assert predicted_behind(llama, text, [row[:longest]])
    with pytest.raises(LithoError, match="with a presentation behind it"):
        predicted_behind(llama, text, [row[: longest + 1]])
    assert longest_row("all", llama, [TEXT]) == llama.context


def test_a_text_too_long_to_be_read_twice_cannot_be_distilled(llama: LanguageModel) -> None:
    with pytest.raises(LithoError, match="reads the text twice"):
        objective("distilled", llama, [TEXT * (llama.context // len(TEXT))])


def test_a_text_in_scenes_cannot_be_distilled(llama: LanguageModel) -> None:
    with pytest.raises(LithoError, match="in one piece"):
        objective("distilled", llama, ["one", "two"])


def test_the_teacher_reads_the_text_first(llama: LanguageModel) -> None:
    text, rows = llama.tokens(TEXT), [llama.encode("It shows"), llama.encode("Every spring a")]
    for row, found in zip(rows, predicted_behind(llama, text, rows), strict=True):
        start = len(llama.start)
        whole = torch.tensor([[*row[:start], *text, *row[start:]]])
        reference = llama.network(input_ids=whole).logits[0, -len(row) : -1]
        torch.testing.assert_close(found, reference, atol=1e-4, rtol=1e-4)
