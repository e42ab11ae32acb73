"""What flows where, against models in which every edge is cut by hand."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from litho.core.errors import LithoError
from litho.model.loaded import LanguageModel
from litho.model.watch.attention import exchanged, watched
from litho.model.watch.capture import blocks
from litho.model.watch.flow import HeadFlow, flow
from litho.model.watch.knockout import only
from tests.builders import shake

WATCHED = ("llama", "gpt2", "gpt-neox", "qwen2")
TOKENS = (70, 80)
Make = Callable[[str], LanguageModel]


def with_biases(model: LanguageModel) -> LanguageModel:
    """Norms and biases of a fresh model are all alike: give them values of their own."""
    torch.manual_seed(3)
    with torch.no_grad():
        for weight in model.network.parameters():
            if weight.dim() == 1:
                weight.add_(0.2 * torch.randn_like(weight))
    return model


@pytest.fixture(params=WATCHED)
def model(request: pytest.FixtureRequest, make_model: Make) -> LanguageModel:
    return with_biases(make_model(request.param))


def read(model: LanguageModel, text: str = "A l") -> list[int]:
    return model.encode(text)


@torch.no_grad()
def preference(model: LanguageModel, ids: list[int]) -> float:
    logits_V = model.network(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1]
    return (logits_V[TOKENS[0]] - logits_V[TOKENS[1]]).item()


def edges_of(heads: HeadFlow) -> Tensor:
    """The whole of what flows through the edges of a layer, H x T x T."""
    tokens = heads.gradient_HTD.shape[1]
    blocks_ = [value.detach() for _, _, value in heads.blocks()]
    return torch.cat(
        [nn.functional.pad(block, (0, tokens - block.shape[-1])) for block in blocks_], dim=1
    )


class Linear:
    """A model made linear by dense matrices, one a token and a part: slow, and all by itself.

    What the last norm and the output head do to the last token is a row of numbers. Attention is
    `shares` times values; one of its edges may be cut.
    """

    def __init__(self, model: LanguageModel, ids: list[int]) -> None:
        self.model, self.ids = model, ids
        self.shares: dict[int, Tensor] = {}
        self.maps: dict[nn.Module, Tensor] = {}
        self.cut: tuple[int, int, int, int] | None = None
        self.without: int | None = None  # a token whose embedding is taken away
        self._learn()

    def _parts(self) -> Iterator[nn.Module]:
        for block in blocks(self.model):
            for part in block.children():
                attends = any(hasattr(module, "layer_idx") for module in part.modules())
                if list(part.parameters()) and not attends:
                    yield part

    def _learn(self) -> None:
        given: dict[nn.Module, Tensor] = {}
        handles = [
            part.register_forward_pre_hook(lambda m, args: given.update({m: args[0][0].detach()}))
            for part in self._parts()
        ]
        last = blocks(self.model)[-1]
        ended: list[Tensor] = []
        handles.append(last.register_forward_hook(lambda _, __, out: ended.append(hidden(out)[0])))
        heads: dict[int, Any] = {}
        with torch.no_grad(), watched(heads.__setitem__):
            self.m = preference(self.model, self.ids)
        for handle in handles:
            handle.remove()
        for layer, seen in heads.items():
            group = len(seen.query_HTD) // len(seen.key_KTD)
            key_HTD = seen.key_KTD.repeat_interleave(group, dim=0)
            scores = seen.query_HTD @ key_HTD.mT * seen.scaling
            later = torch.ones_like(scores[0], dtype=torch.bool).triu(1)
            self.shares[layer] = scores.masked_fill(later, float("-inf")).softmax(-1)
        for part, x_TD in given.items():
            self.maps[part] = torch.stack([nearest(part.forward, x_D) for x_D in x_TD])
        self.row_D = nearest(self._end, ended[0][-1])

    def _end(self, last_D: Tensor) -> Tensor:
        """What the model makes of the last hidden state, by exchanging that of its last block."""
        ids_BT = torch.tensor([self.ids])

        def put(_: nn.Module, __: object, out: Tensor | tuple[Any]) -> Any:  # noqa: ANN401
            swapped = torch.cat([hidden(out)[:, :-1], last_D[None, None]], dim=1)
            return swapped if isinstance(out, Tensor) else (swapped, *out[1:])

        handle = blocks(self.model)[-1].register_forward_hook(put)
        try:
            logits_V = self.model.network(input_ids=ids_BT, use_cache=False).logits[0, -1]
        finally:
            handle.remove()
        return (logits_V[TOKENS[0]] - logits_V[TOKENS[1]])[None]

    @torch.no_grad()
    def answer(self) -> float:
        """m of the linear model, with what is cut."""
        ended: list[Tensor] = []

        def apply(part: nn.Module, args: tuple[Tensor], out: Tensor) -> Tensor:
            return torch.einsum("tij,tj->ti", self.maps[part], args[0][0])[None]

        def begin(_: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
            x = args[0].clone()
            if self.without is not None:
                x[:, self.without] = 0
            return (x, *args[1:])

        stack = blocks(self.model)
        handles = [part.register_forward_hook(apply) for part in self.maps]
        handles.append(stack[0].register_forward_pre_hook(begin))
        handles.append(
            stack[-1].register_forward_hook(lambda _, __, out: ended.append(hidden(out)[0, -1]))
        )
        try:
            with self._attention():
                self.model.network(input_ids=torch.tensor([self.ids]), use_cache=False)
        finally:
            for handle in handles:
                handle.remove()
        return (self.row_D[0] @ ended[0]).item()

    @contextmanager
    def _attention(self) -> Iterator[None]:
        def attend(
            module: nn.Module, query: Tensor, key: Tensor, value: Tensor, *_: object, **__: object
        ) -> tuple[Tensor, None]:
            shares = self.shares[layer_of(module)].clone()
            if self.cut and self.cut[0] == layer_of(module):
                shares[self.cut[1:]] = 0
            value_HTD = value[0].repeat_interleave(query.shape[1] // value.shape[1], dim=0)
            return (shares @ value_HTD).transpose(0, 1)[None], None

        with exchanged(attend):
            yield


def layer_of(module: nn.Module) -> int:
    return int(cast("Any", module).layer_idx)


def hidden(output: Tensor | tuple[Any]) -> Tensor:
    found: Tensor = output if isinstance(output, Tensor) else output[0]
    return found.detach()


def nearest(function: Callable[[Tensor], Tensor], x_D: Tensor) -> Tensor:
    """The matrix nearest to the tangent at x that takes x to what the function makes of it."""
    tangent: Tensor = torch.autograd.functional.jacobian(function, x_D, vectorize=True)
    missing = function(x_D).detach() - tangent @ x_D
    return tangent + torch.outer(missing, x_D) / (x_D @ x_D)


def test_what_is_cut_takes_away_its_value(model: LanguageModel) -> None:
    """Edges and tokens; and all tokens, with the biases of attention, add up to the preference."""
    ids = read(model)
    slow, found = Linear(model, ids), flow(model, ids, TOKENS)
    assert slow.answer() == pytest.approx(slow.m, abs=1e-4)  # it is the model, where it stands
    assert found.m == pytest.approx(slow.m, abs=1e-5)
    values_LHTT = torch.stack([edges_of(heads) for heads in found.heads])
    edges = torch.ones(values_LHTT.shape).tril().nonzero()[::3]
    for edge in map(tuple, edges.tolist()):
        slow.cut = edge
        value = values_LHTT[edge].item()
        assert slow.m - slow.answer() == pytest.approx(value, rel=0.01, abs=1e-5)
    assert values_LHTT.abs().max() > 1e-3
    slow.cut = None
    for slow.without, value in enumerate(found.token_T.tolist()):
        assert slow.m - slow.answer() == pytest.approx(value, rel=0.01, abs=1e-5)
    assert found.token_T.sum().item() + found.biases == pytest.approx(found.m, abs=1e-5)
    assert (abs(found.biases) < 1e-5) == (model.source.name == "tiny:llama")


def test_a_norm_is_passed_as_if_its_scale_were_held(llama: LanguageModel) -> None:
    """For RMS norms the nearest linear map is the norm with its scale held."""
    norm, x_D = cast("Any", blocks(llama)[0]).input_layernorm, torch.randn(32)
    held = torch.diag(norm.weight / (x_D.square().mean() + norm.variance_epsilon).sqrt())
    assert torch.allclose(nearest(norm.forward, x_D), held, atol=1e-4)


def test_a_shift_is_what_passes_through_an_mlp(llama: LanguageModel) -> None:
    """Where the last MLP stands alone between the last token and the output, by hand."""
    ids = read(llama)
    slow, found = Linear(llama, ids), flow(llama, ids, TOKENS)
    written: list[Tensor] = []
    mlp = cast("Any", blocks(llama)[-1]).mlp
    handle = mlp.register_forward_hook(lambda _, __, out: written.append(out[0, -1].detach()))
    preference(llama, ids)
    handle.remove()
    assert found.shift_LT[-1, -1].item() == pytest.approx(
        (slow.row_D[0] @ written[0]).item(), abs=1e-5
    )
    assert found.shift_LT[-1, :-1].abs().max() == 0  # nobody looks at these any more


def test_turned_answers_turn_every_sign(llama: LanguageModel) -> None:
    ids = read(llama)
    found, turned = flow(llama, ids, TOKENS), flow(llama, ids, TOKENS[::-1])
    assert turned.m == -found.m
    for heads, others in zip(found.heads, turned.heads, strict=True):
        assert torch.allclose(edges_of(heads), -edges_of(others), atol=1e-6)


def test_an_adapter_that_does_nothing_changes_nothing(llama: LanguageModel) -> None:
    ids = read(llama)
    before = flow(llama, ids, TOKENS)
    shake(llama, scale=0.0)
    with llama.state("x"):
        after = flow(llama, ids, TOKENS)
    assert after.m == pytest.approx(before.m, abs=1e-6)
    assert torch.allclose(after.token_T, before.token_T, atol=1e-6)


def test_the_model_is_left_as_it_was(model: LanguageModel) -> None:
    ids = read(model)
    before = preference(model, ids)
    found = flow(model, ids, TOKENS)
    assert preference(model, ids) == before == pytest.approx(found.m, abs=1e-6)
    assert all(weight.grad is None for weight in model.network.parameters())


def test_a_model_without_heads_has_no_graph(make_model: Make) -> None:
    mamba = make_model("mamba")
    with pytest.raises(LithoError, match=r"cannot be watched \(in 3 of 3 layers.*plain attention"):
        flow(mamba, read(mamba), TOKENS)


def all_edges(model: LanguageModel, tokens: int) -> Tensor:
    shape = model.network.config
    counts = (shape.num_hidden_layers, shape.num_attention_heads, tokens, tokens)
    return torch.cartesian_prod(*map(torch.arange, counts))


def test_with_all_edges_the_model_is_whole(model: LanguageModel) -> None:
    ids = read(model)
    whole = preference(model, ids)
    with only(all_edges(model, len(ids)), 0):
        assert preference(model, ids) == pytest.approx(whole, abs=1e-5)


def test_with_some_edges_heads_read_nothing_else(llama: LanguageModel) -> None:
    """Against attention written out, with everything else set to zero."""
    ids, chosen = read(llama), torch.tensor([[0, 1, 3, 2], [1, 0, 3, 3], [2, 3, 3, 2]])

    def attend(module: Any, query: Tensor, key: Tensor, value: Tensor, *_: Any, **__: Any) -> Any:  # noqa: ANN401
        group = query.shape[1] // key.shape[1]
        key_HTD, value_HTD = (t[0].repeat_interleave(group, dim=0) for t in (key, value))
        scores = query[0] @ key_HTD.mT / query.shape[-1] ** 0.5
        later = torch.ones_like(scores[0], dtype=torch.bool).triu(1)
        shares = scores.masked_fill(later, float("-inf")).softmax(-1)
        kept = torch.zeros_like(shares)
        kept[:, :, 0] = 1
        for layer, *place in chosen.tolist():
            if layer == layer_of(module):
                kept[tuple(place)] = 1
        return ((shares * kept) @ value_HTD).transpose(0, 1)[None], None

    with exchanged(attend):
        slow_m = preference(llama, ids)
    with only(chosen, 1):
        assert preference(llama, ids) == pytest.approx(slow_m, abs=1e-5)
    assert slow_m != pytest.approx(preference(llama, ids), abs=1e-3)
