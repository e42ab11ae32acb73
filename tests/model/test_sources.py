"""Where models come from, and what is no model."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from huggingface_hub.errors import LocalEntryNotFoundError
from huggingface_hub.utils._paths import filter_repo_objects

from litho.core.errors import LithoError
from litho.model import sources
from litho.model.loaded import LanguageModel
from litho.model.loading import load
from litho.model.sources import ModelSource, locate
from tests.adapter_kinds import make_lora


def test_local_folder_and_hub_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_model: Callable[[str], LanguageModel]
) -> None:
    tiny = make_model("gpt2").source.folder
    commit = tmp_path / "0123abcd"
    shutil.copytree(tiny, commit)
    local = load(locate(str(commit)), torch.float32)
    assert local.source.reference == str(commit)
    asked = []

    def fake_download(
        repository: str,
        revision: str | None,
        allow_patterns: list[str],
        ignore_patterns: list[str],
    ) -> str:
        asked.append((repository, revision))
        there = ["config.json", "model.safetensors", "pytorch_model.bin", "original/w.safetensors"]
        wanted = filter_repo_objects(
            there, allow_patterns=allow_patterns, ignore_patterns=ignore_patterns
        )
        assert list(wanted) == there[:2]
        return str(commit)

    monkeypatch.setattr(sources, "snapshot_download", fake_download)
    source = locate("someone/model@main")
    assert asked == [("someone/model", "main")]
    assert (source.reference, source.revision) == ("someone/model", "0123abcd")
    assert load(source, torch.float32).network.config.model_type == "gpt2"


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "no config.json"),
        ({"config.json": "{}"}, "holds no weights"),
        ({"adapter_config.json": "{}", "adapter_model.safetensors": ""}, "an adapter and no model"),
        (
            {"config.json": "{}", "adapter_config.json": "{}", "adapter_model.safetensors": ""},
            "an adapter and no model",
        ),
        (
            {"config.json": "{}", "adapter_config.json": "{}", "model.safetensors": ""},
            "an adapter beside the model",
        ),
        ({"config.json": "{}", "pytorch_model.bin": ""}, "pickle file that can run code"),
        ({"config.json": "{}", "model.safetensors": ""}, "config.json has no model_type"),
        ({"config.json": "{", "model.safetensors": ""}, "config.json cannot be read"),
        ({"config.json": "{}", "model.safetensors": POINTER}, "safetensors is a git-lfs pointer"),
        ({"config.json": "{}", "tokenizer.json": POINTER}, "tokenizer.json is a git-lfs pointer"),
    ],
)
def test_folders_that_are_no_model(tmp_path: Path, files: dict[str, str], message: str) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(LithoError, match=message):
        load(locate(str(tmp_path)), torch.float32)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("bundled:other", "the bundled model is"),
        ("tiny:other", "choose one of"),
        ("./nowhere", "there is no folder"),
        ("not a model", "neither a folder nor a hub id"),
    ],
)
def test_models_that_are_not_there(name: str, message: str) -> None:
    with pytest.raises(LithoError, match=message):
        locate(name)


def test_a_model_never_comes_with_an_adapter_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, folder = make_lora(tmp_path / "adapter", {})
    whole = tmp_path / "whole"
    shutil.copytree(locate(name).folder, whole)
    for file in folder.iterdir():
        shutil.copy(file, whole)
    monkeypatch.setattr(sources, "snapshot_download", lambda *_, **__: str(whole))
    for given in (str(whole), "someone/model"):
        with pytest.raises(LithoError, match="holds an adapter beside the model"):
            locate(given)
    # Also where the folder has not been looked at: transformers puts the adapter on by itself.
    with pytest.raises(LithoError, match="was loaded with an adapter on it"):
        load(ModelSource("whole", whole, "whole"), torch.float32)


def test_a_hub_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> str:
        raise LocalEntryNotFoundError("no connection")

    monkeypatch.setattr(sources, "snapshot_download", fail)
    with pytest.raises(LithoError, match=r"cannot be fetched from the hub \(no connection\)"):
        locate("someone/nowhere")


def test_a_damaged_own_model_is_noticed(cache: Path) -> None:
    folder = locate("tiny:llama").folder
    weights = folder / "model.safetensors"
    good = weights.read_bytes()
    try:
        weights.write_bytes(good[:-1] + b"x")
        with pytest.raises(LithoError, match="damaged"):
            locate("tiny:llama")
    finally:
        weights.write_bytes(good)
