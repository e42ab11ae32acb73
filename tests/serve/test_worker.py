"""The process of a job: the same runs as the command line's, stopped and gone on with."""

import os
from pathlib import Path

import pytest

from litho.api.runs import run_job
from litho.core.errors import Interrupted, LithoError
from litho.core.reporter import Event
from litho.core.runs import PARTIAL
from litho.jobs.vary.config import VaryConfig, VarySpec
from litho.serve.desk import Desk
from litho.serve.keeper import DEATHS, Keeper, started
from litho.serve.queue import Queue
from litho.serve.worker import _Work, discard, lock_of, work
from tests.builders import TEXT

SPEC = VarySpec(
    model="tiny:llama", source=TEXT, text_name="text.md", config=VaryConfig(count=3, ladder=False)
)
VALUES = SPEC.model_dump(mode="json")


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    return Queue(tmp_path)


def whole(folder: Path) -> bytes:
    """The versions of a run that the API made."""
    run_job("vary", SPEC, folder / "whole", None, None, None)
    return (folder / "whole" / "plan.json").read_bytes()


def test_a_job_makes_the_run_that_the_command_makes(tmp_path: Path, queue: Queue) -> None:
    job = queue.add("vary", "text", "runs/text", VALUES)
    work(tmp_path, job.id)
    done = queue.job(job.id)
    assert done and done.state == "done" and done.began and done.ended
    assert (tmp_path / "runs/text/plan.json").read_bytes() == whole(tmp_path)
    assert (tmp_path / "runs/text/report.html").is_file()
    told = [each.stage for each in queue.told(job.id)]
    assert told[0] == "loading" and "making variants" in told
    work(tmp_path, job.id)  # once more: nothing happens
    assert queue.job(job.id) == done


def test_unusable_input_is_told_and_leaves_nothing(tmp_path: Path, queue: Queue) -> None:
    job = queue.add("vary", "text", "runs/text", VALUES | {"model": "tiny:nothing"})
    work(tmp_path, job.id)
    failed = queue.job(job.id)
    assert failed and failed.state == "failed" and "there is no tiny:nothing" in failed.said
    assert not (tmp_path / "runs").exists()


def test_a_job_that_was_done_before_its_process_died_is_done(tmp_path: Path, queue: Queue) -> None:
    job = queue.add("vary", "text", "whole", VALUES)
    versions = whole(tmp_path)
    work(tmp_path, job.id)
    done = queue.job(job.id)
    assert done and done.state == "done" and not queue.told(job.id)
    assert (tmp_path / "whole/plan.json").read_bytes() == versions


def test_a_run_that_the_command_line_began_is_gone_on_with(tmp_path: Path, queue: Queue) -> None:
    def stop(event: Event) -> None:
        if event.stage == "making variants" and event.done:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        run_job("vary", SPEC, tmp_path / "begun", None, stop, None)
    job = queue.add("vary", "text", "begun", None)
    work(tmp_path, job.id)
    done = queue.job(job.id)
    assert done and done.state == "done"
    assert (tmp_path / "begun/plan.json").read_bytes() == whole(tmp_path)


def test_one_process_at_a_time(
    tmp_path: Path, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("litho.serve.worker.STARTING", 0.0)
    job = queue.add("vary", "text", "runs/text", VALUES)
    with lock_of(tmp_path):
        work(tmp_path, job.id)
        begun: list[int] = []
        monkeypatch.setattr("litho.serve.keeper.started", lambda folder, n: begun.append(n))
        keeper = Keeper(tmp_path, queue, lambda: None)
        keeper.look()
    waiting = queue.job(job.id)
    assert waiting and waiting.state == "queued" and not begun
    queue.begin(job.id)  # by a process that has died since
    keeper.look()
    found = queue.job(job.id)
    assert found and (found.state, found.deaths, begun) == ("queued", 1, [job.id])


def test_a_job_that_is_paused_and_then_thrown_away_is_gone(
    tmp_path: Path, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = queue.add("vary", "text", "runs/text", VALUES)
    half = tmp_path / f"runs/text{PARTIAL}"

    def stopped(_: _Work) -> None:
        half.mkdir(parents=True)
        (half / "manifest.yaml").write_text("command: vary\n")
        queue.pause(job.id)
        queue.cancel(job.id)
        raise Interrupted

    monkeypatch.setattr(_Work, "_go", stopped)
    work(tmp_path, job.id)
    found = queue.job(job.id)
    assert found and found.state == "cancelled" and not half.exists()


def test_what_cannot_be_thrown_away_keeps_no_other_job_waiting(
    tmp_path: Path, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[int] = []
    monkeypatch.setattr("litho.serve.keeper.started", lambda folder, n: begun.append(n))
    half = tmp_path / f"runs/text{PARTIAL}"
    half.mkdir(parents=True)
    (half / "manifest.yaml").write_text("command: vary\n")
    (half / "seconds.json").write_text("{")
    job, other = (queue.add("vary", "text", f"runs/{name}", VALUES) for name in ("text", "b"))
    queue.begin(job.id)
    queue.cancel(job.id)
    Keeper(tmp_path, queue, lambda: None).look()
    found = queue.job(job.id)
    assert found and found.state == "failed" and "seconds.json" in found.said
    assert begun == [other.id]


def test_a_process_that_finished_a_stage_was_no_vain_one(
    tmp_path: Path, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("litho.serve.keeper.started", lambda folder, n: None)
    job = queue.add("vary", "text", "runs/text", VALUES)
    clock = tmp_path / f"runs/text{PARTIAL}" / "seconds.json"
    clock.parent.mkdir(parents=True)
    deaths = []
    for kept in (False, False, True, False):
        queue.begin(job.id)
        clock.write_text("1.0")
        found = queue.job(job.id)
        assert found and found.began
        at = found.began + (1 if kept else -1)
        os.utime(clock, (at, at))
        Keeper(tmp_path, queue, lambda: None).look()
        found = queue.job(job.id)
        assert found
        deaths.append(found.deaths)
    assert deaths == [1, 2, 1, 2]


class Dying:
    """A process that dies before it has begun with its job."""

    returncode = 1

    def poll(self) -> int:
        return self.returncode


def test_a_job_whose_processes_die_before_they_begin_is_given_up(
    tmp_path: Path, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[int] = []

    def dying(_: Path, number: int) -> Dying:
        started.append(number)
        return Dying()

    monkeypatch.setattr("litho.serve.keeper.started", dying)
    first, second = (queue.add("vary", "text", f"runs/{name}", VALUES).id for name in "ab")
    keeper = Keeper(tmp_path, queue, lambda: None)
    for _ in range(DEATHS + 1):
        keeper.look()
    found = queue.job(first)
    assert found and (found.state, found.said) == ("failed", "killed")
    assert started == [first] * DEATHS + [second]


def test_nothing_is_imported_from_the_folder_that_is_served(tmp_path: Path) -> None:
    for name in ("queue", "random", "datasets"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(7)")
    assert started(tmp_path, 99).wait() == 0
    desk = Desk(tmp_path)
    with pytest.raises(LithoError, match="nobody knows how to dance"):
        desk.ask(do="dance")
    desk.end()


def test_what_is_thrown_away_is_gone(tmp_path: Path, queue: Queue) -> None:
    def stop(event: Event) -> None:
        if event.total:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        run_job("vary", SPEC, tmp_path / "begun", None, stop, None)
    assert (tmp_path / f"begun{PARTIAL}").is_dir()
    discard(tmp_path / "begun")
    discard(tmp_path / "begun")
    assert not (tmp_path / f"begun{PARTIAL}").exists()
