"""Parts of an adapter's rank: keys of several pages, columns that stay, parts taken out."""

from pathlib import Path

import pytest
import torch

from litho.learn.losses import backward_text
from litho.model.adapters import keys, lora, saved
from litho.model.adapters.keys import page_keys, text_keys
from litho.model.adapters.slices import factors_in, without
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel
from litho.model.read.scoring import logits
from tests.builders import ROWS, TEXT

RANKS = [3, 2]


def made(model: LanguageModel) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    pages = [[model.encode(TEXT)], [model.encode(row) for row in ROWS]]
    others_BT = torch.randint(256, (6, 20), generator=torch.Generator().manual_seed(0))
    return page_keys(model, pages, others_BT, RANKS, None, 0), text_keys(
        model, pages[0], others_BT, RANKS[0], None, 0
    )


def test_the_keys_of_several_pages_lie_below_one_another(
    llama: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, first = made(llama)
    name = next(iter(whole))  # the first that is read: there both draw the same mixtures
    assert whole[name].shape[0] == sum(RANKS)
    torch.testing.assert_close(whole[name][: RANKS[0]], first[name])
    # However many pages are held in memory at once.
    monkeypatch.setattr(keys, "KEPT", 1)
    apart, _ = made(llama)
    torch.testing.assert_close(apart[name][: RANKS[0]], whole[name][: RANKS[0]])
    assert {key.shape for key in apart.values()} == {key.shape for key in whole.values()}


def test_columns_that_were_there_before_learn_nothing(llama: LanguageModel) -> None:
    whole, _ = made(llama)
    begun = {
        name: torch.ones(llama.network.get_submodule(name).weight.shape[0], RANKS[0])
        for name in whole
    }
    spec = AdapterSpec(sum(RANKS), 2 * sum(RANKS), keys=whole, begun=begun)
    with lora.fresh(llama, "x", spec) as state:
        weights = lora.learned_weights(llama, "x")
        with state.active(), lora.learning(llama, "x"), torch.enable_grad():
            backward_text(llama, [llama.encode(TEXT)], 512)
        torch.optim.AdamW(weights.values(), lr=0.1, weight_decay=0.0).step()
        for name, weight in weights.items():
            assert weight.grad is not None and ".lora_B." in name
            assert (weight[:, : RANKS[0]] == 1).all()
            assert weight[:, RANKS[0] :].any()


def test_a_part_that_is_taken_out_leaves_the_others_as_they_were(
    llama: LanguageModel, tmp_path: Path
) -> None:
    whole, _ = made(llama)
    lora.attach(llama, "two", AdapterSpec(sum(RANKS), 3 * sum(RANKS), keys=whole))
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in lora.learned_weights(llama, "two").values():
            weight.normal_(std=0.02)
    saved.save(llama, "two", tmp_path / "two")
    without(tmp_path / "two", RANKS[0], sum(RANKS), tmp_path / "one")
    left, all_ = factors_in(tmp_path / "one"), factors_in(tmp_path / "two")
    assert left.scale == all_.scale == 3
    for name, a_RI in left.a_RI.items():
        assert torch.equal(a_RI, all_.a_RI[name][: RANKS[0]])
        assert torch.equal(left.b_OR[name], all_.b_OR[name][:, : RANKS[0]])
    # With B of the second part at 0 the whole is what is left.
    with torch.no_grad():
        for weight in lora.learned_weights(llama, "two").values():
            weight[:, RANKS[0] :] = 0
    saved.load(llama, "one", tmp_path / "one")
    ids_BT = torch.tensor([llama.encode(TEXT)])
    read = []
    for name in ("one", "two"):
        with torch.no_grad(), llama.state(name):
            read.append(logits(llama, ids_BT))
    torch.testing.assert_close(*read)
