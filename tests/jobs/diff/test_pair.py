"""How the two states of a comparison are named."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litho.jobs.diff.config import split_name

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
