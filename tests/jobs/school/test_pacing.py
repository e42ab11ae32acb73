"""A school with pacing: the same bytes when it is replayed or was stopped; its live page."""

import json
from pathlib import Path
from typing import Any, cast

import pytest

from litho import api
from litho.core.errors import Interrupted, LithoError
from litho.core.reporter import Event
from litho.jobs.school.result import SchoolResult
from tests.builders import check_numbers
from tests.jobs.school.test_run import TINY, genome

PACING: dict[str, Any] = {
    "probe": 512,
    "advance": {"slope_bpb": 0.6, "patience": 2},
    "alarm": {"gap_rise": 0.001, "forget": 0.001},
    "on_alarm": ["reread", "switch_book", "inject_scene"],
}
TRAIN = TINY["train"] | {"peak_lr": 0.03, "batch_tokens": 256, "warmup": 0}


@pytest.fixture(scope="module")
def pages() -> list[str]:
    """The live page as it was at every step."""
    return []


@pytest.fixture(scope="module")
def paced(tmp_path_factory: pytest.TempPathFactory, pages: list[str]) -> SchoolResult:
    folder = tmp_path_factory.mktemp("paced")
    live = folder / "run <b>.live.html"

    def look(event: Event) -> None:
        if live.is_file() and event.stage == "training":
            pages.append(live.read_text(encoding="utf-8"))

    path = genome(folder, train=TRAIN, pacing=PACING)
    return api.school(path, out=folder / "run <b>", progress=look)


def test_what_happened_is_noted_with_its_cause(paced: SchoolResult) -> None:
    assert paced.events and paced.probes
    actions = {event.action for event in paced.events}
    assert {"advance", "reread", "alarm"} <= actions and all(e.cause for e in paced.events)
    early = {event.stage for event in paced.events if event.action == "advance"}
    planned = json.loads((Path(paced.build) / "build.json").read_text())["stages"]
    for stage, plan in zip(paced.stages, planned, strict=True):
        assert stage.tokens < plan["tokens"] if stage.id in early else stage.tokens > 0
        probed = [probe.step for probe in paced.probes if probe.stage == stage.id]
        assert probed[-1] == stage.steps and probed[:-1] == list(range(2, stage.steps, 2))
    assert paced.tokens == sum(stage.tokens for stage in paced.stages)
    tail = [event.action for event in paced.events if event.stage == "tail"]
    assert set(tail) <= {"alarm"}
    check_numbers(Path(paced.run))


def test_a_replayed_school_ends_in_the_same_bytes(paced: SchoolResult, tmp_path: Path) -> None:
    path = genome(tmp_path, train=TRAIN, pacing=PACING)
    again = api.school(path, out=tmp_path / "again", replay=Path(paced.run))
    assert again.model_sha256 == paced.model_sha256 and again.events == paced.events
    assert [stage.tokens for stage in again.stages] == [stage.tokens for stage in paced.stages]
    other = genome(tmp_path, "other", train=TRAIN, pacing=PACING, seed=4)
    yoked = api.school(other, out=tmp_path / "yoked", replay=Path(paced.run))
    assert paced.events and yoked.events and yoked.model_sha256 != paced.model_sha256
    ends = [[(e.stage, e.step) for e in r.events or () if e.action == "advance"]
            for r in (paced, yoked)]  # fmt: skip
    assert ends[0] == ends[1]


def test_a_stopped_school_ends_in_the_same_bytes(
    paced: SchoolResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("litho.learn.schooling.education.SAVE_SECONDS", 0.0)
    path, seen = genome(tmp_path, train=TRAIN, pacing=PACING), 0

    class Stop:
        def is_set(self) -> bool:
            nonlocal seen
            seen += 1
            return seen == 22

    for _ in range(2):
        seen = 0
        with pytest.raises(Interrupted, match="litho resume"):
            api.school(path, out=tmp_path / "run", cancel=cast(Any, Stop()))
    result = api.school(path, out=tmp_path / "run")
    assert result.model_sha256 == paced.model_sha256
    assert (result.events, result.probes) == (paced.events, paced.probes)


def test_pacing_that_changes_nothing_gives_the_same_bytes(tmp_path: Path) -> None:
    still = {
        "probe": 512,
        "advance": {"slope_bpb": 0, "patience": 1000},
        "alarm": {"gap_rise": 8, "forget": 8},
    }
    plain = api.school(genome(tmp_path, train=TRAIN), out=tmp_path / "plain")
    paced = api.school(genome(tmp_path, train=TRAIN, pacing=still), out=tmp_path / "paced")
    assert plain.model_sha256 == paced.model_sha256
    assert plain.events is None and paced.events == () and paced.probes
    metrics = json.loads((tmp_path / "plain" / "metrics.json").read_text())
    assert "events" not in metrics and not (tmp_path / "plain" / "events.json").exists()


def test_the_live_page(paced: SchoolResult, pages: list[str]) -> None:
    assert len(set(pages)) > len(paced.stages)
    for page in pages:
        assert 'http-equiv="refresh"' in page and "<script" not in page
        assert "http://" not in page.replace("http://www.w3.org", "") and "https://" not in page
    last = pages[-1]
    assert "<h2>Journal</h2>" in last and "reread" in last and "bits per byte" in last
    done = Path(paced.run).with_name("run <b>.live.html").read_text(encoding="utf-8")
    assert "refresh" not in done and "run%20%3Cb%3E/report.html" in done
    assert not (Path(paced.run) / "live.json").exists()


def test_what_cannot_be_replayed(paced: SchoolResult, tmp_path: Path) -> None:
    run = Path(paced.run)
    with pytest.raises(LithoError, match="has no key pacing"):
        api.school(genome(tmp_path), out=tmp_path / "run", replay=run)
    path = genome(tmp_path, train=TRAIN, pacing=PACING)
    with pytest.raises(LithoError, match=r"there is no .*events\.json"):
        api.school(path, out=tmp_path / "run", replay=tmp_path)
    (tmp_path / "events.json").write_text('[{"stage": 1}]')
    with pytest.raises(LithoError, match="holds no events of a school"):
        api.school(path, out=tmp_path / "run", replay=tmp_path)
    said = json.loads((run / "events.json").read_text())
    (tmp_path / "events.json").write_text(json.dumps([said[-1] | {"action": "advance"}]))
    with pytest.raises(LithoError, match="has a stage 'tail'"):
        api.school(path, out=tmp_path / "run", replay=tmp_path)
    assert not list(tmp_path.glob("run*"))
