"""Folders of adapters that are damaged, incomplete or of another version."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft import LoraConfig
from safetensors.torch import load_file, save_file

from litho.core.errors import LithoError
from litho.model.adapters import files, saved
from litho.model.loaded import LanguageModel
from tests.adapter_kinds import check_diff, make_lora
from tests.builders import shake


@pytest.fixture
def folder(llama: LanguageModel, tmp_path: Path) -> Path:
    shake(llama)
    saved.save(llama, "x", tmp_path / "adapter")
    return tmp_path / "adapter"


def say(folder: Path, **settings: object) -> None:
    path = folder / files.CONFIG
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))


def put(folder: Path, change: Callable[[torch.Tensor], torch.Tensor]) -> None:
    """Change the first tensor of the file."""
    tensors = load_file(folder / files.WEIGHTS)
    first = min(tensors)
    save_file(tensors | {first: change(tensors[first])}, folder / files.WEIGHTS)


def pickled(folder: Path) -> None:
    (folder / files.WEIGHTS).rename(folder / "adapter_model.bin")


def only_attention(folder: Path) -> None:
    tensors = load_file(folder / files.WEIGHTS)
    save_file({n: t for n, t in tensors.items() if ".mlp." not in n}, folder / files.WEIGHTS)


def with_one(value: float) -> Callable[[Path], None]:
    def change(weight: torch.Tensor) -> torch.Tensor:
        weight[0, 0] = value
        return weight

    return lambda folder: put(folder, change)


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "no file": (lambda f: (f / files.CONFIG).unlink(), "adapter_config.json is missing"),
    "no weights": (lambda f: (f / files.WEIGHTS).unlink(), "adapter_model.safetensors is missing"),
    "a pickle": (pickled, r"weights in adapter_model.bin, a pickle file"),
    "a pointer": (
        lambda f: (f / files.WEIGHTS).write_text("version https://git-lfs.github.com/spec/v1\n"),
        "adapter_model.safetensors is a pointer of git-lfs",
    ),
    "an empty file": (lambda f: (f / files.WEIGHTS).write_text(""), "is damaged"),
    "half a file": (
        lambda f: (f / files.WEIGHTS).write_bytes((f / files.WEIGHTS).read_bytes()[:-9]),
        "is damaged",
    ),
    "no tensors": (lambda f: save_file({}, f / files.WEIGHTS), "holds no weights"),
    "NaN": (with_one(float("nan")), "adapter/adapter_model.safetensors holds NaN or infinity in 1"),
    "infinity": (with_one(float("-inf")), "adapter_model.safetensors holds NaN or infinity in 1"),
    "no JSON": (lambda f: (f / files.CONFIG).write_text("{'r': 8}"), "config.json cannot be read"),
    "no UTF-8": (lambda f: (f / files.CONFIG).write_bytes(b"\xff{}"), "config.json cannot be read"),
    "a list": (lambda f: (f / files.CONFIG).write_text("[]"), "no JSON object"),
    "a set": (lambda f: say(f, target_parameters="set()"), "config.json cannot be used: .target_"),
    "no kind": (lambda f: say(f, peft_type=None), "is no LoRA, but None"),
    "no rank": (lambda f: say(f, r=None), "has no rank r"),
    "an unknown beginning": (lambda f: say(f, init_lora_weights="new"), "init_lora_weights=new"),
    "no such layer": (lambda f: say(f, target_modules=["query"]), "does not fit tiny:llama"),
    "a layer of no use": (
        lambda f: say(f, target_modules=["q_proj", "input_layernorm"]),
        "does not fit tiny:llama",
    ),
    "more layers": (only_attention, "18 that adapter_config.json asks for are not in that file"),
    "fewer layers": (
        lambda f: say(f, target_modules=["q_proj"]),
        "have no place in it, for example base_model",
    ),
    "another rank": (lambda f: say(f, r=2), "lora_A.weight is 4 x 32 in .* but 2 x 32 here"),
    "another width": (
        lambda f: put(f, lambda weight: torch.ones(len(weight), 48)),
        r"is 4 x 48 in adapter_model.safetensors, but 4 x .* here: .* of another size",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_wrong_with_a_folder_is_said_and_the_model_stays(
    make_model: Callable[[str], LanguageModel], folder: Path, case: str
) -> None:
    breaks, message = BROKEN[case]
    breaks(folder)
    model = make_model("llama")
    parts = dict(model.network.named_modules())
    with pytest.raises(LithoError, match=message) as refused:
        files.rank(folder)
        saved.load(model, "x", folder)
    assert str(folder) in str(refused.value) and "\n" not in str(refused.value)
    assert dict(model.network.named_modules()) == parts and not model.adapters
    assert not hasattr(model.network, "peft_config")


@pytest.mark.parametrize("value", [None, True, {"nested": ["set"]}])
@pytest.mark.filterwarnings("ignore")
def test_settings_of_a_newer_peft_are_named_and_left_out(tmp_path: Path, value: object) -> None:
    name, folder = make_lora(tmp_path / "adapter", {})
    assert files.notices(folder) == []
    say(folder, switch_of_next_year=value, another=1)
    (notice,) = files.notices(folder)
    assert "does not know (another, switch_of_next_year)" in notice
    assert files.peft_config(folder).to_dict() == LoraConfig.from_pretrained(str(folder)).to_dict()
    check_diff(name, folder)
