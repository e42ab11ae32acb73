"""`litho trails graph`, end to end, on tiny models."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import litho as package
from litho.core.errors import LithoError
from litho.model.adapters import saved
from litho.model.loaded import LanguageModel
from tests.builders import check_numbers, shake

CONTEXT, NEAR = "The lamp is <b>red</b>. So the", "The lamp is not red. So the"
Litho = Callable[..., tuple[int, str, str]]


@pytest.fixture
def adapter(llama: LanguageModel, tmp_path: Path) -> Path:
    shake(llama)
    saved.save(llama, "x", tmp_path / "adapter")
    return tmp_path / "adapter"


def test_both_contexts_in_both_states(adapter: Path, tmp_path: Path) -> None:
    found = package.graph_trails(
        CONTEXT, ("door", "bell"), "tiny:llama", adapter=adapter, near_miss=NEAR, out=tmp_path / "x"
    )
    assert [(each.text, each.state) for each in found.graphs] == [
        ("context", "before"), ("context", "after"), ("near-miss", "before"), ("near-miss", "after")
    ]  # fmt: skip
    assert len({each.m for each in found.graphs}) == 4
    check_numbers(tmp_path / "x")
    page = (tmp_path / "x/report.html").read_text()
    assert page.count('<svg class="graph"') == 4 and "with the adapter" in page
    assert "<b>red" not in page  # what a text holds is shown, and never markup
    untouched = package.graph_trails(CONTEXT, ("door", "bell"), "tiny:llama", out=tmp_path / "y")
    assert untouched.graphs == found.graphs[:1]


def test_on_the_command_line(litho: Litho) -> None:
    line = ("trails", "graph", NEAR, "--answers", "door", "bell", "--model", "tiny:gpt2")
    code, out, _ = litho(*line, "--out", "x")
    assert code == 0 and "m = " in out and "faithfulness" in out
    code, out, _ = litho(*line, "--json", "--out", "y")
    said = json.loads(out)
    assert code == 0 and said["answers"] == ["door", "bell"]
    assert (
        said["graphs"][0]["m"] == json.loads(Path("x/metrics.json").read_text())["graphs"][0]["m"]
    )


def test_what_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    for model, near, answers, message in (
        ("llama", CONTEXT, ("door", "bell"), "the near-miss is the context itself"),
        ("llama", "", ("door", "bell"), "the context is empty"),
        ("llama", None, ("door", "dog"), "share their first token"),
        ("mamba", None, ("door", "bell"), "attention of tiny:mamba cannot be watched"),
    ):
        with pytest.raises(LithoError, match=message):
            package.graph_trails(
                CONTEXT, answers, f"tiny:{model}", near_miss=near, out=tmp_path / "refused"
            )
    with pytest.raises(LithoError, match="nowhere"):
        package.graph_trails(
            CONTEXT, ("a", "b"), "tiny:llama", adapter="nowhere", out=tmp_path / "refused"
        )
    assert not list(tmp_path.iterdir())
