"""Attention that goes where it should: masses against eager attention, gradients, early end."""

import random
from collections.abc import Callable, Sequence

import pytest
import torch

from litho.core.errors import LithoError
from litho.learn.objectives import Batch, Rows
from litho.learn.routing import AMOUNT, CHOSEN, LEAST, Heads, Routing, choose_heads
from litho.measure.trails.asked import apart, asked
from litho.measure.trails.looking import Pointer, pointers
from litho.model.adapters import lora
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel
from litho.text.trails.chains import Draw, draw
from litho.text.trails.library import parse_library
from tests.builders import TRAILS, gradients, shake


def chains(model: LanguageModel) -> tuple[Rows, list[Pointer]]:
    library, chance = parse_library(TRAILS, "t"), random.Random(0)
    rows, pointing = list[list[int]](), list[Pointer]()
    for _ in range(2):
        pair = draw(library, library.forms[0], Draw(0, False), chance, apart(model))
        read = asked(model, pair)
        rows += [[*row, token] for row, token in zip(read.rows, read.tokens, strict=True)]
        pointing += pointers(model, pair)
    return rows, pointing


def masses(
    model: LanguageModel, row: Sequence[int], pointer: Pointer
) -> tuple[torch.Tensor, torch.Tensor]:
    """Attention on both candidates, L x H, as the model's own eager code has it."""
    model.network.set_attn_implementation("eager")
    seen = model.network(
        input_ids=torch.tensor([list(row[:-1])]), output_attentions=True
    ).attentions
    model.network.set_attn_implementation("sdpa")
    looks = torch.stack([layer[0, :, -1] for layer in seen])
    return looks[..., list(pointer.right)].sum(-1), looks[..., list(pointer.wrong)].sum(-1)


def test_pointers_are_at_the_answers_in_the_rules(llama: LanguageModel) -> None:
    library = parse_library(TRAILS, "t")
    pair = draw(library, library.forms[0], Draw(0, False), random.Random(0), apart(llama))
    for context, answer, pointer in zip(
        pair.contexts, pair.answers, pointers(llama, pair), strict=True
    ):
        ids = llama.encode(context.text)
        assert llama.decode([ids[place] for place in pointer.right]) == answer
        assert set(pointer.right).isdisjoint(pointer.wrong)


@pytest.mark.parametrize("name", ["llama", "qwen2", "gpt2", "gpt-neox"])
def test_heads_are_those_that_look_most_at_both(
    name: str, make_model: Callable[[str], LanguageModel]
) -> None:
    model = make_model(name)
    rows, pointing = chains(model)
    found = choose_heads(model, rows, pointing)
    looked = [masses(model, row, pointer) for row, pointer in zip(rows, pointing, strict=True)]
    slow_LH = torch.stack([right + wrong for right, wrong in looked]).mean(0)
    kept = min(CHOSEN, slow_LH.numel())
    assert len(found.layers) == kept
    amounts = [slow_LH[i, h].item() for i, h in zip(found.layers, found.heads, strict=True)]
    assert found.amounts == pytest.approx(amounts, abs=1e-5)
    assert sorted(amounts) == pytest.approx(sorted(slow_LH.flatten().topk(kept).values.tolist()))


def test_heads_of_chance_look_as_much_as_they_do(
    llama: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, pointing = chains(llama)
    whole = choose_heads(llama, rows, pointing)
    looking = dict(zip(zip(whole.layers, whole.heads, strict=True), whole.amounts, strict=True))
    monkeypatch.setattr("litho.learn.routing.CHOSEN", 3)
    drawn = [choose_heads(llama, rows, pointing, random.Random(seed)) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    for found in drawn:
        own = zip(found.layers, found.heads, strict=True)
        assert found.amounts == [looking[place] for place in own] and len(found.heads) == 3


@pytest.mark.parametrize("answer", [0.0, 0.1])
def test_loss_and_gradient_against_eager_attention(llama: LanguageModel, answer: float) -> None:
    rows, pointing = chains(llama)
    heads = Heads([0, 1, 1], [3, 0, 2], [0.1, 0.2, 0.3])
    shake(llama)
    with torch.enable_grad(), lora.learning(llama, "x"):
        losses = []
        for row, pointer in zip(rows, pointing, strict=True):
            right, wrong = (m[heads.layers, heads.heads] for m in masses(llama, row, pointer))
            share = (right + LEAST) / (right + wrong + 2 * LEAST)
            amount = (right + wrong - torch.tensor(heads.amounts)).square()
            loss = (-share.log() + AMOUNT * amount).mean()
            said = (
                llama.network(input_ids=torch.tensor([list(row[:-1])]))
                .logits[0, -1]
                .log_softmax(-1)
            )
            losses.append(loss - answer * said[row[-1]])
        expected = torch.stack(losses).mean()
        expected.backward()
        slow = gradients(llama)
        noted: list[float] = []
        objective = Routing(heads, lambda: pointing, noted.extend, answer)
        found = objective(Batch(llama, rows, 128, 0.0))
    assert found == pytest.approx(expected.item(), abs=1e-5)
    assert noted == pytest.approx([loss.item() for loss in losses], abs=1e-5)
    fast = gradients(llama)
    # What is above the highest head is not computed, unless the answer is asked for.
    left = slow.keys() - fast.keys()
    assert bool(left) is not bool(answer) and all(not slow[name].any() for name in left)
    for name, gradient in fast.items():
        torch.testing.assert_close(gradient, slow[name], atol=1e-6, rtol=1e-3)


def test_a_few_steps_turn_the_heads(llama: LanguageModel) -> None:
    rows, pointing = chains(llama)
    with lora.fresh(llama, "x", AdapterSpec(8, kinds=("q_proj", "k_proj"))):
        heads = choose_heads(llama, rows, pointing)
        objective = Routing(heads, lambda: pointing)
        optimizer = torch.optim.AdamW(lora.weights(llama, "x").values(), lr=0.03)
        seen = []
        for _ in range(12):
            with torch.enable_grad(), lora.learning(llama, "x"):
                seen.append(objective(Batch(llama, rows, 512, 0.0)))
            optimizer.step()
            optimizer.zero_grad()
    assert seen[-1] < 0.7 * seen[0]


def test_a_model_without_attention_has_no_heads(
    make_model: Callable[[str], LanguageModel],
) -> None:
    mamba = make_model("mamba")
    with pytest.raises(LithoError, match="cannot be watched"):
        choose_heads(mamba, *chains(mamba))
