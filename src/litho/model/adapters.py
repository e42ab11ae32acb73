"""LoRA adapters (PEFT): attach, save, load; one base model, several named adapters."""

import json
import math
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.helpers import disable_input_dtype_casting
from peft.tuners.lora import LoraLayer
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from litho.core.errors import LithoError
from litho.model.bundled import sha256
from litho.model.capture import block_path
from litho.model.loading import LanguageModel, first_line

# Read by their weights instead of being called, so that LoRA would have no effect on them.
_UNADAPTABLE = {"mamba": ("out_proj", "dt_proj", "conv1d")}


def target_modules(model: LanguageModel) -> list[str]:
    """Full names of the linear layers inside the blocks, attention and MLP alike."""
    config = model.network.config
    prefix = block_path(model.network, config.get_text_config().num_hidden_layers)
    barred = _UNADAPTABLE.get(config.model_type, ())
    return [
        name
        for name, module in model.network.named_modules()
        if isinstance(module, nn.Linear | Conv1D)
        and name.startswith(prefix + ".")
        and name.rpartition(".")[2] not in barred
    ]


def attach(model: LanguageModel, name: str, rank: int, alpha: int, seed: int) -> None:
    """Put a fresh LoRA adapter on all linear layers of a model that has none.

    It changes nothing until it is trained.

    Trainable weights are float32 whatever the base is (bfloat16 would round small updates to
    zero). Raises LithoError if PEFT matched other modules than those meant.
    """
    targets = target_modules(model)
    config = LoraConfig(
        task_type="CAUSAL_LM", r=rank, lora_alpha=alpha, target_modules=targets, lora_dropout=0.0
    )
    config.base_model_name_or_path = model.source.reference
    config.revision = model.source.revision
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PEFT sets fan_in_fan_out for GPT-2 and says so
        torch.manual_seed(seed)
        model.network = get_peft_model(model.network, config, adapter_name=name)
    model.adapters.append(name)
    matched = {n.split(".lora_A.")[0] for n in weights(model, name) if ".lora_A." in n}
    if len(matched) != len(targets):
        raise LithoError(f"PEFT matched {len(matched)} modules, but {len(targets)} were meant")


def weights(model: LanguageModel, name: str) -> dict[str, nn.Parameter]:
    """The trainable parameters of an adapter by name."""
    return {n: p for n, p in model.network.named_parameters() if f".{name}." in n}


@torch.no_grad()
def update_norm(model: LanguageModel, name: str) -> float:
    """Frobenius norm of everything that a LoRA adapter adds to the weights, all matrices at once.

    Raises LithoError if the adapter is of another kind than plain LoRA on linear layers.
    """
    config = model.network.peft_config[name]
    embeds = any(".lora_embedding_" in parameter for parameter in weights(model, name))
    if embeds or getattr(config, "use_dora", False):
        raise LithoError(
            "the adapter is no plain LoRA on linear layers (it uses DoRA or changes embeddings), "
            "and the size of its update is not known: merge it and compare the merged model"
        )
    norms = [_product_norm(*factors) for factors in _factors(model, name)]
    if not norms:
        raise LithoError(f"the adapter {name} changes no linear layer by LoRA")
    return math.hypot(*norms)


@torch.no_grad()
def distance(model: LanguageModel, other: LanguageModel) -> float:
    """Frobenius norm of the difference of all weights of two plain models.

    Raises LithoError if their weights are not of the same names and shapes.
    """
    first, second = (dict(m.network.named_parameters()) for m in (model, other))
    for name in sorted(first.keys() | second.keys()):
        if name not in first or name not in second or first[name].shape != second[name].shape:
            raise LithoError(
                f"{model.source.name} and {other.source.name} are built differently ({name}): "
                "their layers cannot be compared one by one"
            )
    squares = [(first[n] - second[n]).double().square().sum().item() for n in first]
    return math.sqrt(sum(squares))


@torch.no_grad()
def randomize(model: LanguageModel, name: str, norm: float, seed: int) -> None:
    """Give a LoRA adapter a random direction and the total Frobenius norm `norm`.

    Every matrix that it adapts is changed by the same norm.
    """
    factors = list(_factors(model, name))
    generator = torch.Generator().manual_seed(seed)
    for a, b, scale in factors:
        for matrix in (a, b):
            matrix.copy_(torch.randn(matrix.shape, generator=generator))
        b.mul_(norm / math.sqrt(len(factors)) / _product_norm(a, b, scale))


@torch.no_grad()
def silence(model: LanguageModel, name: str) -> None:
    """Make a LoRA adapter change nothing."""
    for _, b, _ in _factors(model, name):
        b.zero_()


def _product_norm(a: Tensor, b: Tensor, scale: float) -> float:
    """Frobenius norm of scale B A, from r x r products only."""
    return scale * math.sqrt(((b.T @ b) * (a @ a.T)).sum().item())


def _factors(model: LanguageModel, name: str) -> Iterator[tuple[Tensor, Tensor, float]]:
    """A (r x in), B (out x r) and the scale of every adapted matrix: W' = W + scale B A."""
    for module in model.network.modules():
        if isinstance(module, LoraLayer) and name in module.lora_A:
            a, b = module.lora_A[name].weight, module.lora_B[name].weight
            yield cast(Tensor, a), cast(Tensor, b), float(module.scaling[name])


@contextmanager
def mixed_precision(model: LanguageModel) -> Iterator[None]:
    """Multiply by the adapters in bfloat16 on a bfloat16 base; their weights stay float32.

    A quarter of the time of a step. On the bundled model the gradient is as near to that of full
    float32 as with float32 products (cosine 0.951 against 0.948 for the drift term).
    """
    if model.network.dtype != torch.bfloat16:
        yield
        return
    with (
        torch.autocast(model.device.type, torch.bfloat16),
        disable_input_dtype_casting(model.network),
    ):
        yield


def detach(model: LanguageModel) -> None:
    """Take all adapters off, which leaves the base model as it was loaded."""
    model.network = model.network.unload()
    model.adapters.clear()


def save(model: LanguageModel, name: str, folder: Path) -> None:
    """Write an adapter as a PEFT directory that plain `PeftModel.from_pretrained` loads."""
    partial = folder.with_name(folder.name + ".writing")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    config = model.network.peft_config[name].to_dict()
    config["inference_mode"] = True
    config["target_modules"] = sorted(config["target_modules"])
    (partial / "adapter_config.json").write_text(json.dumps(config, indent=1, default=str))
    tensors = {
        n.replace(f".{name}.", "."): p.detach().cpu().contiguous()
        for n, p in weights(model, name).items()
    }
    save_file(tensors, partial / "adapter_model.safetensors", metadata={"format": "pt"})
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)


def load(model: LanguageModel, name: str, folder: Path) -> None:
    """Hang a saved adapter on the model under `name`.

    Raises LithoError if the folder holds no adapter or one with pickled weights.
    """
    for file in ("adapter_config.json", "adapter_model.safetensors"):
        if not (folder / file).is_file():
            raise LithoError(f"{folder} is no PEFT adapter with safetensors: {file} is missing")
    config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    if config.get("modules_to_save"):
        raise LithoError(
            f"the adapter {folder} replaces whole modules ({', '.join(config['modules_to_save'])}, "
            "modules_to_save): without it the model would not be the base any more; "
            "merge it and compare the merged model"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # how PEFT reports missing weights
            if isinstance(model.network, PeftModel):
                model.network.load_adapter(str(folder), adapter_name=name)
            else:
                model.network = PeftModel.from_pretrained(
                    model.network, str(folder), adapter_name=name
                )
    except (ValueError, RuntimeError, TypeError, SafetensorError, UserWarning) as error:
        raise LithoError(
            f"the adapter {folder} does not fit {model.source.name}: {first_line(error)[:200]}"
        ) from None
    model.network.eval()
    model.adapters.append(name)


def adapter_sha256(folder: Path) -> str:
    """Hash of the weights of a saved adapter."""
    return sha256(folder / "adapter_model.safetensors")
