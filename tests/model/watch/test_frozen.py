"""Steps that begin at the lowest trained layer, against whole ones."""

import pytest
import torch

from litho.learn.losses import backward_text
from litho.model.adapters import lora
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel
from litho.model.watch.capture import blocks
from litho.model.watch.frozen import FrozenBelow
from tests.builders import TEXT, gradients


def test_steps_on_upper_layers_equal_whole_steps(any_model: LanguageModel) -> None:
    lora.attach(any_model, "top", AdapterSpec(rank=2, alpha=4, seed=0, layers=(2,)))
    for weight in lora.weights(any_model, "top").values():
        weight.data.normal_(std=0.1, generator=torch.Generator().manual_seed(1))
    rows = [any_model.encode(TEXT), any_model.encode(TEXT[:50])]
    plain = backward_text(any_model, rows, 64), gradients(any_model, "top")
    frozen = FrozenBelow(any_model, "top")
    assert frozen.first == 2
    runs = [0]
    count = blocks(any_model)[0].register_forward_hook(lambda *_: runs.__setitem__(0, runs[0] + 1))
    stack = list(blocks(any_model))
    for _ in range(3):
        with frozen.active():
            loss = backward_text(any_model, rows, 64)
        assert abs(loss - plain[0]) < 1e-6
        found = gradients(any_model, "top")
        assert found.keys() == plain[1].keys()
        for name, gradient in found.items():
            torch.testing.assert_close(gradient, plain[1][name], atol=1e-6, rtol=1e-5)
    count.remove()
    assert runs[0] == 2  # each of the two texts once, not three times
    assert list(blocks(any_model)) == stack


def test_only_so_much_is_kept(llama: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    lora.attach(llama, "top", AdapterSpec(rank=2, alpha=4, seed=0, layers=(2,)))
    rows = [llama.encode(TEXT[start : start + 20]) for start in range(9)]
    plain = [backward_text(llama, [row], 64) for row in rows]
    monkeypatch.setattr("litho.model.watch.frozen.ROOM", 3 * 21 * 32 * 4)  # three rows
    runs = [0]
    blocks(llama)[0].register_forward_hook(lambda *_: runs.__setitem__(0, runs[0] + 1))
    frozen = FrozenBelow(llama, "top")
    for number in (0, 1, 2, 0, 3, 0, 1):
        with frozen.active():
            assert abs(backward_text(llama, [rows[number]], 64) - plain[number]) < 1e-6
    assert runs[0] == 5  # the second was dropped and read again
    with frozen.active():  # more at once than there is room for
        backward_text(llama, rows, 1024)


def test_an_adapter_on_all_layers_skips_nothing(llama: LanguageModel) -> None:
    lora.attach(llama, "top", AdapterSpec(rank=2, alpha=4, seed=0))
    rows = [llama.encode(TEXT)]
    plain = backward_text(llama, rows, 64), gradients(llama, "top")
    frozen = FrozenBelow(llama, "top")
    stack = list(blocks(llama))
    with frozen.active():
        assert list(blocks(llama)) == stack
        assert backward_text(llama, rows, 64) == plain[0]
    for name, gradient in gradients(llama, "top").items():
        assert torch.equal(gradient, plain[1][name])
    assert frozen.first == 0


def test_the_blocks_come_back_after_an_error(llama: LanguageModel) -> None:
    lora.attach(llama, "top", AdapterSpec(rank=2, alpha=4, seed=0, layers=(1, 2)))
    stack = list(blocks(llama))
    with pytest.raises(RuntimeError), FrozenBelow(llama, "top").active():
        assert list(blocks(llama)) != stack
        raise RuntimeError
    assert list(blocks(llama)) == stack
