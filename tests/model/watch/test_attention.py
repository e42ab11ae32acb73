"""Attention watched beside the model, against transformers' own eager attention."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from litho.measure.inside.edges import strongest_edges
from litho.model.loaded import LanguageModel
from litho.model.placement import HOST, sizes
from litho.model.watch import attention
from litho.model.watch.attention import (
    STRETCH,
    LayerAttention,
    attention_map,
    compared_attention,
    watched,
)
from tests.builders import ARCHITECTURES, TEXT, random_network, shake


@pytest.fixture(autouse=True, params=[1, 1 << 20])
def at_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the smallest blocks that there are, and in those of every day."""
    cut_up = replace(sizes(HOST), scores=request.param)
    monkeypatch.setattr(attention, "sizes", lambda _: cut_up)


@pytest.fixture(params=[name for name in ARCHITECTURES if name != "mamba"])
def attentive(
    request: pytest.FixtureRequest, make_model: Callable[[str], LanguageModel]
) -> LanguageModel:
    """A tiny model of each architecture that has attention."""
    return make_model(request.param)


def watch(model: LanguageModel, ids_BT: Tensor) -> tuple[dict[int, LayerAttention], Tensor]:
    layers: dict[int, LayerAttention] = {}
    with torch.no_grad(), watched(layers.__setitem__):
        logits = model.network(input_ids=ids_BT).logits
    return layers, logits


def eager(model: LanguageModel, ids_BT: Tensor) -> list[Tensor]:
    """Attention probabilities H x T x T of every layer."""
    model.network.set_attn_implementation("eager")
    with torch.no_grad():
        found = model.network(input_ids=ids_BT, output_attentions=True).attentions
    model.network.set_attn_implementation("sdpa")
    return [layer[0] for layer in found]


def text_ids(model: LanguageModel) -> Tensor:
    ids = model.encode(TEXT)
    assert len(ids) > 2 * STRETCH  # several blocks, the last of them not full
    return torch.tensor([ids])


@pytest.fixture
def sliding(llama: LanguageModel) -> LanguageModel:
    """A model whose attention looks at no more than nine tokens."""
    llama.network = random_network("mistral", sliding_window=9)
    return llama


def check_against_eager(model: LanguageModel) -> None:
    ids_BT = text_ids(model)
    with torch.no_grad():
        plain = model.network(input_ids=ids_BT).logits
    layers, logits = watch(model, ids_BT)
    assert torch.equal(logits, plain)
    assert model.network.config._attn_implementation == "sdpa"
    expected = eager(model, ids_BT)
    assert sorted(layers) == list(range(len(expected)))
    places = torch.arange(ids_BT.shape[1], dtype=torch.float32)
    for number, p_HTT in enumerate(expected):
        found = attention_map(layers[number])
        entropy = torch.special.entr(p_HTT).sum(-1)
        distance = places - p_HTT @ places
        torch.testing.assert_close(found.entropy_HT, entropy, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(found.distance_HT, distance, atol=1e-4, rtol=1e-5)
        torch.testing.assert_close(found.first_HT, p_HTT[..., 0], atol=1e-5, rtol=1e-5)


def test_statistics_equal_those_of_eager_attention(attentive: LanguageModel) -> None:
    check_against_eager(attentive)


def test_a_model_without_attention_shows_none(
    make_model: Callable[[str], LanguageModel],
) -> None:
    mamba = make_model("mamba")
    layers, logits = watch(mamba, text_ids(mamba))
    assert layers == {} and logits.isfinite().all()


def test_statistics_of_a_sliding_window(sliding: LanguageModel) -> None:
    check_against_eager(sliding)


def test_output_is_attention_times_values(llama: LanguageModel) -> None:
    ids_BT = text_ids(llama)
    given: list[Tensor] = []
    attention = llama.network.model.layers[1].self_attn
    handles = [
        attention.v_proj.register_forward_hook(lambda m, a, out: given.append(out)),
        attention.o_proj.register_forward_pre_hook(lambda m, a: given.append(a[0])),
    ]
    layers, _ = watch(llama, ids_BT)
    for handle in handles:
        handle.remove()
    values, mixed = (x[0] for x in given)
    value_HTD = values.view(len(values), 2, 8).transpose(0, 1).repeat_interleave(2, 0)
    rows = [
        scores.softmax(-1)[..., : len(values)] @ value_HTD[:, : scores.shape[-1]]
        for _, scores in layers[1].scores()
    ]
    expected = torch.cat(rows, 1).transpose(0, 1).flatten(1)
    torch.testing.assert_close(mixed, expected, atol=1e-6, rtol=1e-4)


def test_a_model_forced_to_eager_attention_is_left_alone(llama: LanguageModel) -> None:
    llama.network.set_attn_implementation("eager")
    layers, logits = watch(llama, text_ids(llama))
    assert layers == {} and logits.isfinite().all()


def test_divergence_equals_its_definition(attentive: LanguageModel) -> None:
    ids_BT = text_ids(attentive)
    before, _ = watch(attentive, ids_BT)
    old = eager(attentive, ids_BT)
    shake(attentive)
    after, _ = watch(attentive, ids_BT)
    new = eager(attentive, ids_BT)
    for number, (p, q) in enumerate(zip(old, new, strict=True)):
        middle = torch.special.entr((p + q) / 2).sum(-1)
        expected = middle - (torch.special.entr(p) + torch.special.entr(q)).sum(-1) / 2
        found = compared_attention(before[number], after[number])
        torch.testing.assert_close(found.divergence_HT, expected, atol=1e-5, rtol=1e-4)
        assert found.divergence_HT.max() > 1e-4
        same = compared_attention(before[number], before[number])
        assert same.divergence_HT.abs().max() == 0
        for strongest, p_HTT in ((found.before, p), (found.after, q)):
            share_HT = p_HTT[:, 1:, 1:].amax(-1)
            torch.testing.assert_close(strongest.share_HT[:, 1:], share_HT, atol=1e-5, rtol=1e-5)
            assert not strongest.share_HT[:, 0].any()  # it sees nothing but itself
            looked_at = p_HTT.gather(-1, strongest.source_HT[..., None])[:, 1:, 0]
            torch.testing.assert_close(looked_at, share_HT, atol=1e-5, rtol=1e-5)


def test_strongest_edges_are_those_of_a_plain_search(llama: LanguageModel) -> None:
    layers, _ = watch(llama, text_ids(llama))
    p_LHTT = torch.stack(eager(llama, text_ids(llama)))
    found = list(strongest_edges({i: attention_map(a).strongest for i, a in layers.items()}, 1))
    last = p_LHTT.shape[-1] - 2
    for token in (5, last):
        mine = [edge for edge in found if edge.token == token]
        shares = p_LHTT[:, :, token + 1, 1:].amax(-1).flatten().sort(descending=True).values
        assert [edge.share for edge in mine] == pytest.approx(shares[:8].tolist(), abs=1e-5)
        for edge in mine:
            value = p_LHTT[edge.layer, edge.head, edge.token + 1, edge.source + 1].item()
            assert value == pytest.approx(edge.share, abs=1e-5)
