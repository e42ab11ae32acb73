"""How the two states of a comparison are named."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import normalizers
from transformers import AutoTokenizer

from litho.jobs.diff.config import split_name, split_names
from litho.jobs.diff.pair import Change, Unlike, open_pair
from litho.jobs.models import Models
from litho.model.sources import locate

NAMES = st.lists(
    st.sampled_from(["+", "a", "b", "/", ".", "..", "~", ":", "org", "\0"]), max_size=10
)


@given(name=NAMES.map("".join))
def test_a_name_is_cut_at_a_plus_and_nothing_is_lost(name: str) -> None:
    model, adapter = split_name(name)
    if adapter is None:
        assert model == name and ("+" not in name or Path(name).exists())
    else:
        assert name.startswith(f"{model}+")
        rest = name[len(model) + 1 :]
        assert adapter == str(Path(rest)) or rest.startswith("~")


def test_a_plus_may_stand_in_either_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a+b").mkdir()
    assert split_name("a+b") == ("a+b", None)  # a folder that is there
    assert split_name("a+b+c") == ("a+b", "c")
    Path("c+d").mkdir()
    Path("c+d/adapter_config.json").write_text("{}")
    assert split_name("a+b+c+d") == ("a+b", "c+d")
    assert split_name("model+~nobody-of-this-name/x") == ("model", "~nobody-of-this-name/x")


def test_an_adapter_in_the_home_folder_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter/adapter_config.json").write_text("{}")
    found = "model", str(tmp_path / "adapter")
    for after in ("~/adapter", "model+~/adapter"):
        assert split_names("model", after) == (("model", None), found)


def test_models_that_open_or_cut_a_text_in_other_ways_are_unlike(tmp_path: Path) -> None:
    shutil.copytree(locate("tiny:llama").folder, tmp_path, dirs_exist_ok=True)
    pair = open_pair("tiny:llama", str(tmp_path), Models(), "Ünique.")
    assert isinstance(pair, Change) and not pair
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    tokenizer.backend_tokenizer.normalizer = normalizers.StripAccents()
    tokenizer.save_pretrained(tmp_path)
    decomposed = "U\u0308nique."
    assert isinstance(open_pair("tiny:llama", str(tmp_path), Models(), decomposed), Unlike)
    assert isinstance(open_pair("tiny:llama", str(tmp_path), Models(), "Unique."), Change)
    tokenizer.bos_token = tokenizer.eos_token = tokenizer.pad_token = None
    tokenizer.save_pretrained(tmp_path)
    for names in (("tiny:llama", str(tmp_path)), (str(tmp_path), "tiny:llama")):
        assert isinstance(open_pair(*names, Models(), "Unique."), Unlike)
