"""Gradient norms against plain autograd."""

import torch
from accelerate.hooks import AlignDevicesHook, add_hook_to_module

from litho.model.loaded import LanguageModel
from litho.model.watch.capture import blocks
from litho.model.watch.gradients import gradient_norms
from tests.builders import ROWS, shake


def test_gradient_norms_equal_those_of_plain_autograd(any_model: LanguageModel) -> None:
    ids = any_model.encode(ROWS[0])
    shake(any_model)
    with any_model.state("x"):
        found = gradient_norms(any_model, ids)
        assert found is not None
        outputs: list[torch.Tensor] = []
        handles = [
            block.register_forward_hook(
                lambda _, __, out: outputs.append(out if isinstance(out, torch.Tensor) else out[0])
            )
            for block in blocks(any_model)
        ]
        embedded = any_model.network.get_input_embeddings()(torch.tensor([ids])).detach()
        logits = any_model.network(inputs_embeds=embedded.requires_grad_()).logits[0]
        for handle in handles:
            handle.remove()
        loss = torch.nn.functional.cross_entropy(
            logits[:-1], torch.tensor(ids[1:]), reduction="sum"
        )
        expected = [g[0].norm(dim=-1) for g in torch.autograd.grad(loss, outputs)]
    torch.testing.assert_close(found, torch.stack(expected), atol=1e-6, rtol=1e-4)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in any_model.network.modules())
    assert all(p.grad is None for p in any_model.network.get_base_model().lm_head.parameters())


def test_a_model_that_is_spread_stays_so(llama: LanguageModel) -> None:
    for block in blocks(llama):
        add_hook_to_module(block, AlignDevicesHook(execution_device="cpu"))
    before = [vars(block)["forward"] for block in blocks(llama)]
    assert gradient_norms(llama, llama.encode(ROWS[0])) is not None
    assert [vars(block).get("forward") for block in blocks(llama)] == before
