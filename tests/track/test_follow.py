"""Trackers hear of every job, and no tracker stops one."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from litho.api.runs import run_job
from litho.core.errors import Interrupted, LithoError
from litho.core.reporter import Event, Listener
from litho.core.runs import PARTIAL, RunDirectory
from litho.jobs.vary.config import VaryConfig, VarySpec
from litho.track import follow
from litho.track.tracker import VARIABLE, Followed
from tests.builders import TEXT, quick_config, small_inputs

SPEC = VarySpec(
    model="tiny:llama", source=TEXT, text_name="text.md", config=VaryConfig(count=3, ladder=False)
)


class Notebook:
    """A tracker that writes down what it hears; `fails`: at a method of that name."""

    def __init__(self, followed: Followed, fails: str = "", remote: bool = False) -> None:
        self.followed, self.fails, self.remote = followed, fails, remote
        self.heard: list[tuple[Any, ...]] = []

    def _hear(self, *what: object) -> None:
        if what[0] == self.fails:
            raise ConnectionError("no such host\nat line 3")
        self.heard.append(what)

    def curve(self, stage: str, step: int, values: Mapping[str, float]) -> None:
        self._hear("curve", stage, step, dict(values))

    def numbers(self, values: Mapping[str, float]) -> None:
        self._hear("numbers", dict(values))

    def attach(self, file: Path) -> None:
        self._hear("attach", file)

    def close(self, finished: bool) -> None:
        self._hear("close", finished)


@pytest.fixture
def tracked(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Notebook]]:
    """Put notebooks in the place of trackers."""

    def put(**options: Any) -> list[Notebook]:  # noqa: ANN401
        opened: list[Notebook] = []

        def begin(name: str, followed: Followed) -> Notebook:
            if options.get("fails") == "begin" and name == "wandb":
                raise RuntimeError("no account")
            mine = options if name == "wandb" else {}
            opened.append(Notebook(followed, **mine))
            return opened[-1]

        monkeypatch.setenv(VARIABLE, "wandb, mlflow")
        monkeypatch.setattr("litho.track.tracker.find_spec", lambda name: True)
        monkeypatch.setattr("litho.track.follow.begin", begin)
        return opened

    return put


def done(out: Path, told: list[Event] | None = None) -> RunDirectory:
    run_job("vary", SPEC, out, None, (told if told is not None else []).append, None)
    return RunDirectory.opened(out)


def test_a_job_is_told_from_its_settings_to_its_report(
    tmp_path: Path, tracked: Callable[..., list[Notebook]]
) -> None:
    opened = tracked()
    told: list[Event] = []
    spec = small_inputs().model_copy(update={"config": quick_config()})
    run_job("imprint", spec, tmp_path / "x", None, told.append, None)
    run = RunDirectory.opened(tmp_path / "x")
    first, second = opened
    assert first.heard == second.heard and first.followed == second.followed
    assert first.followed.name == "x" and first.followed.settings["config.presentations"] == 6
    assert first.followed.settings["command"] == "imprint"
    assert "model.base" not in first.followed.settings
    curves = [heard for heard in first.heard if heard[0] == "curve"]
    assert len(curves) > 3 and curves == [
        ("curve", follow.named(event.stage), event.done, dict(event.shown))
        for event in told
        if event.shown
    ]
    *_, numbers, attached, closed = first.heard
    metrics = run.read_json("metrics.json")
    assert numbers[1]["drift.retention.ci.0"] == metrics["drift"]["retention"]["ci"][0]
    assert attached == ("attach", tmp_path / f"x{PARTIAL}" / "report.html")
    assert closed == ("close", True)
    assert all(TEXT[:20] not in str(heard) for heard in first.heard)


def test_the_result_is_the_same_without_trackers(
    tmp_path: Path, tracked: Callable[..., list[Notebook]], monkeypatch: pytest.MonkeyPatch
) -> None:
    tracked()
    followed = done(tmp_path / "x")
    monkeypatch.delenv(VARIABLE)
    alone = done(tmp_path / "y")
    assert followed.read_json("plan.json") == alone.read_json("plan.json")


@pytest.mark.parametrize("fails", ["begin", "numbers", "attach", "close"])
def test_a_tracker_that_fails_is_said_once(
    fails: str, tmp_path: Path, tracked: Callable[..., list[Notebook]]
) -> None:
    opened = tracked(fails=fails)
    told: list[Event] = []
    done(tmp_path / "x", told)
    said = [event.note for event in told if event.note and "failed" in event.note]
    assert len(said) == 1 and said[0].startswith("note: wandb failed (")
    assert said[0].endswith("the run goes on without it") and "\n" not in said[0]
    assert opened[-1].heard[-1] == ("close", True)  # the other one heard everything


def test_a_curve_that_a_tracker_does_not_take() -> None:
    told: list[Event] = []
    about = Followed("1", "x", Path(), {})
    bad, good = Notebook(about, fails="curve"), Notebook(about)
    reporter = follow.Following(Listener(told.append), {"bad": bad, "good": good})
    reporter.stage("printing (imprint)", 3)
    for step in range(3):
        reporter.advance(step, drift=0.5, spill=None, loss=math.nan)
    assert good.heard == [("curve", "printing imprint", n, {"drift": 0.5}) for n in range(3)]
    assert [event.done for event in told if not event.note] == [0, 0, 1, 2]
    assert [event.note for event in told if event.note] == [
        "note: bad failed (ConnectionError: no such host): the run goes on without it"
    ]


def test_a_resumed_run_is_the_same_run(
    tmp_path: Path, tracked: Callable[..., list[Notebook]]
) -> None:
    from litho.api import resume

    opened = tracked()

    def stop(event: Event) -> None:
        if event.stage == "making variants" and event.done:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        run_job("vary", SPEC, tmp_path / "x", None, stop, None)
    assert opened[0].heard[-1] == ("close", False)
    resume(tmp_path / "x")
    assert opened[0].followed.id == opened[-1].followed.id
    assert opened[-1].heard[-1] == ("close", True)
    done(tmp_path / "y")
    assert opened[-1].followed.id != opened[0].followed.id


def test_a_report_is_not_sent_to_another_machine(
    tmp_path: Path, tracked: Callable[..., list[Notebook]]
) -> None:
    opened = tracked(remote=True)
    told: list[Event] = []
    done(tmp_path / "x", told)
    attached = [any(heard[0] == "attach" for heard in each.heard) for each in opened]
    assert attached == [False, True]
    assert any("was not sent to wandb" in (event.note or "") for event in told)


def test_unknown_or_missing_trackers_are_refused_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "notebook")
    with pytest.raises(LithoError, match="unknown tracker 'notebook': choose from wandb, mlflow"):
        done(tmp_path / "x")
    monkeypatch.setattr("litho.track.tracker.find_spec", lambda name: None)
    monkeypatch.setenv(VARIABLE, "tensorboard")
    with pytest.raises(LithoError, match=r"pip install 'litho\[tensorboard\]'"):
        done(tmp_path / "x")
    assert not list(tmp_path.iterdir())


def test_the_option_of_the_command_line(
    litho: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "")
    code, _, err = litho("--track", "nothing", "map", "text.md", "--model", "tiny:llama")
    assert code == 2 and "unknown tracker 'nothing'" in err
    assert not list(Path().glob(f"runs/*{PARTIAL}"))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("printing (imprint)", "printing imprint"),
        ("drift.ci[0]", "drift.ci.0"),
        ("страница/x", "страница/x"),
        ("(!)", "job"),
    ],
)
def test_names_that_every_tracker_takes(text: str, name: str) -> None:
    assert follow.named(text) == name
