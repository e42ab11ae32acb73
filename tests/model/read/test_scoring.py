"""Scores, batches, greedy answers and divergences, against single plain forwards."""

import random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from litho.model.adapters import lora
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel
from litho.model.placement import HOST, sizes
from litho.model.read.scoring import (
    Target,
    batches,
    greedy,
    kl,
    logits_at,
    normalizers,
    pad_rows,
    read_in_states,
    target_logprobs,
)
from tests.builders import ROWS, TEXT, slow_logprob


def test_scores_equal_single_unpadded_forwards(any_model: LanguageModel) -> None:
    targets = [Target(tuple(any_model.encode(row)), 3 + i) for i, row in enumerate(ROWS)]
    expected = [slow_logprob(any_model, target) for target in targets]
    assert target_logprobs(any_model, targets) == pytest.approx(expected, abs=1e-5)


def test_padding_side_and_amount_do_not_matter(llama: LanguageModel) -> None:
    ids = llama.encode(ROWS[0])
    target = Target(tuple(ids), 2)
    with torch.no_grad():
        left = torch.tensor([[llama.pad] * 7 + ids])
        mask = torch.tensor([[0] * 7 + [1] * len(ids)])
        logp = llama.network(input_ids=left, attention_mask=mask).logits[0, 7:].log_softmax(-1)
    scores = [logp[t - 1, ids[t]].item() for t in range(2, len(ids))]
    assert slow_logprob(llama, target) == pytest.approx(sum(scores) / len(scores), abs=1e-5)
    for bucket in (1, 8, 64):
        ids_BT, mask_BT = pad_rows(llama, [ids], bucket)
        assert ids_BT.shape[1] % bucket == 0
        assert ids_BT[mask_BT].tolist() == ids


def test_batches_hold_every_row_once_within_the_limit() -> None:
    lengths = [5, 100, 31, 33, 64, 1]
    groups = list(batches(lengths, HOST, tokens=128, bucket=32))
    assert sorted(i for group in groups for i in group) == list(range(6))
    for group in groups:
        padded = -(-max(lengths[i] for i in group) // 32) * 32
        assert len(group) == 1 or padded * len(group) <= 128


def test_batches_pad_only_where_another_pass_would_cost_more() -> None:
    assert [len(group) for group in batches([100] * 8 + [110], HOST, bucket=1)] == [8, 1]
    assert [len(group) for group in batches([5, 10, 20], HOST, bucket=1)] == [3]


def test_greedy_equals_argmax_of_full_forwards(any_model: LanguageModel) -> None:
    rows = [any_model.encode(row) for row in ("To be", "Or not", "That is the question")]
    found = greedy(any_model, rows, [4, 1, 2])
    assert [len(tokens) for tokens in found] == [4, 1, 2]
    for row, tokens in zip(rows, found, strict=True):
        for i, token in enumerate(tokens):
            ids_BT = torch.tensor([row + tokens[:i]])
            assert any_model.network(input_ids=ids_BT).logits[0, -1].argmax().item() == token


def test_kl_by_hand() -> None:
    p, q = torch.tensor([0.5, 0.25, 0.25]), torch.tensor([0.25, 0.25, 0.5])
    expected = 0.5 * torch.log(torch.tensor(2.0)) + 0.25 * torch.log(torch.tensor(0.5))
    assert kl(p.log(), q.log()).item() == pytest.approx(expected.item(), abs=1e-6)


def test_fresh_adapter_drifts_by_exactly_nothing(any_model: LanguageModel) -> None:
    rows = [any_model.encode(row) for row in ROWS]
    lora.attach(any_model, "new", AdapterSpec(rank=4, alpha=8, seed=0))
    read = list(read_in_states(any_model, rows, None, ["new"]))
    assert len(read) == len(rows)
    assert all(kl(before, after).abs().max() == 0 for _, _, before, after in read)


def test_normalizers_are_log_sum_exp() -> None:
    logits_NV = torch.randn(40, 300, generator=torch.Generator().manual_seed(0)) * 9
    torch.testing.assert_close(normalizers(logits_NV), logits_NV.logsumexp(-1))


def test_the_head_reads_only_what_is_asked_for(any_model: LanguageModel) -> None:
    rows = [any_model.encode(TEXT)[:20], any_model.encode(TEXT)[:12]]
    ids_BT, _ = pad_rows(any_model, rows)
    wanted = [(0, 3), (1, 11), (0, 0)]
    with torch.no_grad():
        whole = any_model.network(input_ids=ids_BT).logits
        found = logits_at(any_model, ids_BT, wanted)
    assert torch.allclose(found, torch.stack([whole[b, t] for b, t in wanted]), atol=1e-5)


@given(
    lengths=st.lists(st.integers(1, 200), max_size=60),
    tokens=st.integers(1, 2000),
    bucket=st.integers(1, 16),
)
def test_batches_hold_every_row_once_and_keep_the_limits(
    lengths: list[int], tokens: int, bucket: int
) -> None:
    groups = list(batches(lengths, HOST, tokens, bucket))
    assert sorted(index for group in groups for index in group) == list(range(len(lengths)))
    for group in groups:
        widths = [-(-lengths[index] // bucket) * bucket for index in group]
        assert len(group) == 1 or len(group) * max(widths) <= tokens
        assert (
            len(group) * max(widths) - sum(widths) <= sizes(HOST).padding
        )  # tokens that are only padding


def test_pages_in_front_of_some_targets_are_read_once_each(llama: LanguageModel) -> None:
    """Beginnings of several kinds among targets that share none."""
    chance = random.Random(0)
    pages = [[chance.randrange(3, 200) for _ in range(80)] for _ in range(2)]
    targets = [Target((*page, 7 + i, 9, 11 + i), len(page) + 1) for page in pages for i in range(3)]
    targets = [Target((5, 6, 7), 1), *targets, Target((5, 9), 1)]
    read: list[int] = []
    handle = llama.network.get_input_embeddings().register_forward_pre_hook(
        lambda _, args: read.append(args[0].numel())
    )
    together = target_logprobs(llama, targets)
    handle.remove()
    alone = [target_logprobs(llama, [target])[0] for target in targets]
    assert together == pytest.approx(alone, abs=1e-5)
    assert sum(read) < 3 * len(pages[0])
