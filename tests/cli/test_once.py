"""`litho once`: the same command again and again."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from litho.api.arguments import default_folder
from litho.api.runs import once, run_job
from litho.core.errors import AlreadyDone, Interrupted, LithoError
from litho.core.reporter import Event
from litho.jobs.map.config import MapSpec
from litho.jobs.vary.config import VaryConfig, VarySpec
from litho.model.loading import load
from litho.model.sources import locate
from tests.builders import TEXT, shake

Command = Callable[..., tuple[int, str, str]]
MAP = ("once", "map", "text.md", "--model", "tiny:llama", "--out", "runs/x")
SPEC = VarySpec(
    model="tiny:llama", source=TEXT, text_name="text.md", config=VaryConfig(count=3, ladder=False)
)


def test_what_is_finished_is_not_done_again(litho: Command, tmp_path: Path) -> None:
    code, out, _ = litho(*MAP)
    assert code == 0 and "tokens" in out
    written = (tmp_path / "runs/x/metrics.json").stat().st_mtime_ns
    code, out, err = litho(*MAP)
    assert code == 0 and not out and "runs/x is finished already" in err
    assert (tmp_path / "runs/x/metrics.json").stat().st_mtime_ns == written
    assert litho(*MAP[1:])[0] == 2  # without `once`


def test_other_inputs_are_another_run(litho: Command, tmp_path: Path) -> None:
    assert litho(*MAP)[0] == 0
    (tmp_path / "text.md").write_text("Another text altogether.")
    code, _, err = litho(*MAP)
    assert code == 2 and "exists already" in err


def test_other_weights_are_another_run(litho: Command, tmp_path: Path) -> None:
    model = load(locate("tiny:llama"), torch.float32)
    for part in (model.network, model.tokenizer):
        part.save_pretrained(tmp_path / "ft")
    words = ("once", "map", "text.md", "--model", "ft", "--out", "runs/x")
    assert litho(*words)[0] == 0 and "finished already" in litho(*words)[2]
    shake(model)
    model.network.merge_and_unload().save_pretrained(tmp_path / "ft")
    code, _, err = litho(*words)
    assert code == 2 and "exists already" in err


def test_what_was_interrupted_goes_on(tmp_path: Path) -> None:
    def stop(event: Event) -> None:
        if event.stage == "making variants" and event.done:
            raise KeyboardInterrupt

    with once():
        with pytest.raises(Interrupted):
            run_job("vary", SPEC, tmp_path / "x", None, stop, None)
        run_job("vary", SPEC, tmp_path / "x", None, None, None)
        with pytest.raises(AlreadyDone):
            run_job("vary", SPEC, tmp_path / "x", None, None, None)
    run_job("vary", SPEC, tmp_path / "y", None, None, None)
    plans = [(tmp_path / name / "plan.json").read_bytes() for name in "xy"]
    assert plans[0] == plans[1]


def test_two_commands_of_the_same_second_get_two_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.strftime", lambda _: "20260101-000000")
    spec = MapSpec(model="tiny:llama", text=TEXT, text_name="text.md")
    first = default_folder("text")  # of two processes, before either has begun
    run_job("map", spec, first, None, None, None)
    monkeypatch.setattr("litho.api.arguments._chosen", {first})
    run_job("map", spec, first, None, None, None)
    names = {path.name for path in (tmp_path / "runs").iterdir()}
    assert names == {"text-20260101-000000", "text-20260101-000000-2"}
    with pytest.raises(LithoError, match="exists already"):
        run_job("map", spec, first, None, None, None)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Missing argument"),
        (["map", "text.md"], "give a command that writes a run"),
        (["doctor"], "give a command that writes a run"),
        (["export", "run", "--out", "x"], "give a command that writes a run"),
        (["trails", "find", "text.md", "--out", "x"], "give a command that writes a run"),
        (["trails"], "give a command that writes a run"),
        (["dream"], "No such command 'dream'"),
        (["map", "text.md", "--out", "x", "--dream"], "No such option: --dream"),
        (["map", "missing.md", "--out", "x", "--model", "tiny:llama"], "missing.md"),
    ],
)
def test_what_cannot_be_run(litho: Command, words: list[str], said: str) -> None:
    code, out, err = litho("once", *words)
    assert code == 2 and said in err and not out and not Path("x").exists()
