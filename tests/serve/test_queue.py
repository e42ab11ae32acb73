"""Jobs in the store: their states, whoever acts, and what they tell."""

from pathlib import Path

import pytest

from litho.core.errors import LithoError
from litho.core.reporter import Event
from litho.serve import queue as module
from litho.serve.keeper import DEATHS
from litho.serve.queue import Job, Queue


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    return Queue(tmp_path)


def added(queue: Queue, run: str = "runs/a") -> Job:
    return queue.add("map", "a", run, {"text": "часы"})


def state(queue: Queue, job: Job) -> str:
    found = queue.job(job.id)
    assert found
    return f"{found.state} {found.wanted}".strip()


def test_a_job_is_kept_as_it_was_given(queue: Queue, tmp_path: Path) -> None:
    job = added(queue)
    assert Queue(tmp_path).job(job.id) == job and job.spec == {"text": "часы"}
    assert queue.of_run("runs/a") == job and queue.of_run("runs/b") is None
    assert queue.job(99) is None


def test_pausing_and_cancelling_in_every_state(queue: Queue) -> None:
    waiting, working, paused = (added(queue, f"runs/{name}") for name in "abc")
    assert queue.begin(working.id) and not queue.begin(99)
    queue.pause(waiting.id)
    queue.pause(working.id)
    assert [state(queue, job) for job in (waiting, working)] == ["paused", "running pause"]
    assert not queue.begin(waiting.id)
    queue.go_on(waiting.id)
    queue.go_on(working.id)  # it still works: that it should pause is not forgotten
    assert [state(queue, job) for job in (waiting, working)] == ["queued", "running pause"]
    queue.end(working.id, "paused")
    queue.pause(paused.id)
    for job in (waiting, working, paused):
        queue.cancel(job.id)
        assert state(queue, job) == "cancelled"
        queue.go_on(job.id)
        queue.pause(job.id)
        queue.end(job.id, "done")
        assert state(queue, job) == "cancelled"


def test_a_job_is_given_up_when_it_killed_its_processes(queue: Queue) -> None:
    job = added(queue)
    for death in range(1, DEATHS + 1):
        assert queue.begin(job.id)
        found = queue.job(job.id)
        assert found
        queue.died(found, DEATHS)
        assert state(queue, job) == ("queued" if death < DEATHS else "failed")
    found = queue.job(job.id)
    assert found and found.said == "killed" and found.ended
    queue.go_on(job.id)
    found = queue.job(job.id)
    assert found and (found.state, found.deaths) == ("queued", 0)


def test_deaths_count_from_where_a_job_got_on(queue: Queue) -> None:
    job = added(queue)
    for _ in range(2 * DEATHS):
        assert queue.begin(job.id)
        found = queue.job(job.id)
        assert found
        queue.died(found, DEATHS, got_on=True)
    assert state(queue, job) == "queued"


def test_the_text_of_a_job_does_not_outlive_it(queue: Queue) -> None:
    done, gone, failed = (added(queue, f"runs/{name}") for name in "abc")
    for job, end in ((done, "done"), (failed, "failed")):
        queue.begin(job.id)
        queue.end(job.id, end)  # type: ignore[arg-type]
    queue.cancel(gone.id)
    assert [job.spec is None for job in queue.jobs()] == [True, True, False]


def test_a_process_that_dies_when_it_should_stop_has_stopped(queue: Queue) -> None:
    job = added(queue)
    queue.begin(job.id)
    queue.pause(job.id)
    found = queue.job(job.id)
    assert found
    queue.died(found, DEATHS)
    assert state(queue, job) == "paused"


def test_what_should_be_thrown_away_is_not_paused_instead(queue: Queue) -> None:
    job = added(queue)
    queue.begin(job.id)
    queue.pause(job.id)
    queue.cancel(job.id)
    queue.end(job.id, "paused")
    assert state(queue, job) == "running cancel"


def test_a_run_belongs_to_one_job(queue: Queue) -> None:
    job = added(queue)
    with pytest.raises(LithoError, match=f"one of job {job.id}"):
        added(queue)
    queue.begin(job.id)
    queue.end(job.id, "failed", "the disk is full")
    assert queue.add("map", "a", "runs/a", None).id == job.id  # taken up again
    assert state(queue, job) == "queued"
    with pytest.raises(LithoError):
        queue.add("map", "a", "runs/a", None)


def test_too_many_jobs_are_refused(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 2)
    added(queue, "runs/a")
    added(queue, "runs/b")
    with pytest.raises(LithoError, match="2 jobs are waiting"):
        added(queue, "runs/c")
    assert len(queue.jobs()) == 2


def test_what_a_job_tells_is_heard_in_order_and_from_any_place(queue: Queue) -> None:
    job, other = added(queue), added(queue, "runs/b")
    queue.tell(job.id, Event("reading", 0, 2))
    queue.tell(other.id, Event("elsewhere"))
    queue.tell(job.id, Event("reading", 1, 2, {"drift": 0.5}))
    queue.tell(job.id, Event("reading", note="часы"))
    told = queue.told(job.id)
    assert [each.done for each in told] == [0, 1, 0]
    assert told[1].shown == {"drift": 0.5} and told[2].note == "часы"
    assert queue.told(job.id, told[0].number) == told[1:]
    assert queue.told(job.id, told[-1].number) == []


def test_of_what_a_job_told_is_kept_what_can_be_seen(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_POINTS", 10)
    job, other = added(queue), added(queue, "runs/b")
    queue.tell(other.id, Event("training", 1, 9))
    for step in range(100):
        queue.tell(job.id, Event("training", step, 100, {"drift": step / 100}))
        queue.tell(job.id, Event("training", step, 100))
        queue.tell(job.id, Event("training", note="часы"))
    queue.tell(job.id, Event("proving", 0, 2))
    known = queue.known(job.id)
    drawn = [each.done for each in known if each.shown]
    assert drawn[-1] == 99 and 5 <= len(drawn) <= 10 and len(set(drawn)) == len(drawn)
    said = [(each.stage, each.note, each.done) for each in known if not each.shown]
    assert said == [("training", None, 99), ("training", "часы", 0), ("proving", None, 0)]
    assert known[-1].number == queue.told(job.id)[-1].number and len(queue.told(job.id)) == 301
    queue.begin(job.id)
    queue.end(job.id, "done")
    assert queue.told(job.id) == known and len(queue.told(other.id)) == 1
