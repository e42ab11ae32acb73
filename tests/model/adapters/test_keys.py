"""Where an adapter listens: its keys against a slow reference, and that they stay."""

import pytest
import torch
from torch import Tensor

from litho.core.errors import LithoError
from litho.learn.objectives import objective
from litho.learn.optimizer import OptimizerSpec
from litho.learn.records import Loss
from litho.learn.sources import in_turn
from litho.learn.trainable import TrainedAdapter
from litho.learn.trainer import Trainer
from litho.model.adapters import lora, targets
from litho.model.adapters.keys import DAMPING, LOUD, text_keys
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel
from tests.builders import TEXT

RANK = 2


def inputs_of(model: LanguageModel, name: str, rows: list[list[int]], first: bool) -> Tensor:
    """What a linear layer is given for all tokens of `rows` or all but the first, N x D."""
    seen: list[Tensor] = []
    layer = model.network.get_submodule(name)
    handle = layer.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    with torch.no_grad():
        for row in rows:
            model.network(input_ids=torch.tensor([row]))
    handle.remove()
    return torch.cat([x[0, 0 if first else 1 :] for x in seen]).double()


def others() -> list[list[int]]:
    chance = torch.Generator().manual_seed(0)
    return torch.randint(256, (12, 30), generator=chance).tolist()


def test_keys_are_mixtures_of_what_the_text_has_and_others_have_not(
    any_model: LanguageModel,
) -> None:
    rows = [any_model.encode(TEXT[:70]), any_model.encode(TEXT[70:])]
    elsewhere = others()
    found = text_keys(any_model, rows, torch.tensor(elsewhere), RANK, [1], seed=0)
    assert sorted(found) == sorted(targets.target_modules(any_model, [1]))
    chance = torch.Generator().manual_seed(0)
    for name, key_RD in found.items():
        text = inputs_of(any_model, name, rows, first=False)
        other, later = (inputs_of(any_model, name, elsewhere, first) for first in (True, False))
        damped = other.T @ other / len(other)
        damped += DAMPING * later.square().mean() * torch.eye(len(damped))
        mixture = torch.randn(RANK, len(text), generator=chance).double()
        expected = mixture @ text @ torch.linalg.inv(damped)
        drawn = text.square().sum(-1).mean() / (3 * text.shape[-1])
        expected *= LOUD * (drawn / (text @ expected.T).square().mean()).sqrt()
        torch.testing.assert_close(key_RD.double(), expected, rtol=1e-3, atol=1e-4)
        random = torch.randn(200, text.shape[-1]).double()
        heard = [
            (other @ k.T).square().mean() / (text @ k.T).square().mean()
            for k in (key_RD.double(), random)
        ]
        assert heard[0] < heard[1]


@pytest.mark.parametrize("loss", ["all", "distilled"])  # the latter also reads the base model
def test_keys_stay_while_the_adapter_learns(llama: LanguageModel, loss: Loss) -> None:
    row = llama.encode(TEXT)
    elsewhere = torch.tensor(others())
    keys = text_keys(llama, [row], elsewhere, RANK, [2], seed=0)
    lora.attach(llama, "x", AdapterSpec(RANK, 4, layers=(2,), keys=keys))
    optimizer = OptimizerSpec(0.01, warmup=4, clip=1.0)
    asked = objective(loss, llama, [TEXT])
    trainer = Trainer(TrainedAdapter(llama, "x"), in_turn([row]), optimizer, 4, objective=asked)
    losses = [trainer.step().loss or 0.0 for _ in range(4)]
    assert losses[-1] < losses[0]
    for name, weight in trainer.what.weights.items():
        path = name.removeprefix("base_model.model.").partition(".lora_")[0]
        if ".lora_A." in name:
            assert torch.equal(weight, keys[path])
        else:
            assert weight.any()


def test_keys_of_other_layers_are_refused(llama: LanguageModel) -> None:
    keys = text_keys(llama, [llama.encode(TEXT)], torch.tensor(others()), RANK, [1], seed=0)
    with pytest.raises(LithoError, match="not the same"):
        lora.attach(llama, "x", AdapterSpec(RANK, 4, 0, (2,), keys=keys))
    assert not llama.adapters
