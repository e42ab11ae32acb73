"""The jobs of a folder, in a file that outlives the page, the server and the jobs themselves.

A job is a command, what it starts from (a Spec) and the run that it makes. Who changes its state
says from which states on: two pages, or a page and a process, may act at once.
"""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from litho.core.errors import LithoError
from litho.core.reporter import Event
from litho.core.store import Schema, Store

FOLDER = ".litho"  # of the workbench, beneath the working folder
MOST_WAITING = 100
MOST_POINTS = 500  # of a stage that are kept, and shown on a page that is opened
LARGEST = 2**63 - 1  # number that the store can hold
State = Literal["queued", "running", "paused", "done", "failed", "cancelled"]
Wanted = Literal["", "pause", "cancel"]
OPEN: tuple[State, ...] = ("queued", "running", "paused", "failed")  # may still come to a result

_SCHEMA = Schema(
    title="the list of jobs",
    migrations=(
        "CREATE TABLE jobs (id INTEGER PRIMARY KEY AUTOINCREMENT, command TEXT NOT NULL,"
        " name TEXT NOT NULL, run TEXT NOT NULL UNIQUE, spec TEXT, state TEXT NOT NULL,"
        " wanted TEXT NOT NULL DEFAULT '', said TEXT NOT NULL DEFAULT '',"
        " deaths INTEGER NOT NULL DEFAULT 0, made REAL NOT NULL, began REAL, ended REAL)",
        "CREATE TABLE events (number INTEGER PRIMARY KEY AUTOINCREMENT, job INTEGER NOT NULL,"
        " stage TEXT NOT NULL, done INTEGER NOT NULL, total INTEGER, shown TEXT NOT NULL,"
        " note TEXT)",
        "CREATE INDEX events_of_job ON events (job, number)",
    ),
    if_damaged=f"move the folder {FOLDER} away; the runs themselves are not in it",
    if_unusable=f"make the folder {FOLDER} one that can be written",
)
_MOVE = """
    UPDATE jobs SET
      state = :to, wanted = '', said = :said,
      spec = CASE WHEN :to IN ('done', 'cancelled') THEN NULL ELSE spec END,
      began = CASE :to WHEN 'running' THEN :now ELSE began END,
      deaths = CASE WHEN :afresh THEN 0 ELSE deaths END,
      ended = CASE WHEN :to IN ('done', 'failed', 'cancelled') THEN :now END
    WHERE id = :id AND state IN (SELECT value FROM json_each(:of))
      AND NOT (:to = 'paused' AND wanted = 'cancel')
"""
# Of what a job told: numbers of a stage, thinned evenly from the last, and each last word of it.
_KNOWN = """
    SELECT number, stage, done, total, shown, note FROM (
      SELECT *, row_number() OVER told - 1 AS back, count(*) OVER (
          PARTITION BY stage, note, shown = '{}'
        ) AS among
      FROM events WHERE job = :job
      WINDOW told AS (PARTITION BY stage, note, shown = '{}' ORDER BY number DESC)
    )
    WHERE CASE WHEN shown = '{}' THEN back = 0 ELSE back % (among / :most + 1) = 0 END
    ORDER BY number
"""
_THIN = """
    DELETE FROM events
    WHERE job = :job AND number NOT IN (SELECT value FROM json_each(:kept))
"""


@dataclass(frozen=True)
class Job:
    """A job as the store has it; times in seconds since 1970."""

    id: int
    command: str
    name: str
    run: str  # beneath the working folder, without `.partial`
    spec: dict[str, Any] | None  # None: of a run that is there, begun or over
    state: State
    wanted: Wanted
    said: str  # why it failed
    deaths: int  # of processes that worked on it since it got on, or was begun by the user
    made: float
    began: float | None  # by the latest process
    ended: float | None


@dataclass(frozen=True)
class Told:
    """What a job told, with its number among all that was ever told."""

    number: int
    stage: str
    done: int
    total: int | None
    shown: dict[str, float] = field(default_factory=dict)
    note: str | None = None


class Queue:
    """The jobs of a working folder, done one after the other in the order of their numbers."""

    def __init__(self, folder: Path) -> None:
        """Raises LithoError if the store cannot be used, as every method does."""
        self._store = Store(folder / FOLDER / "jobs.sqlite", _SCHEMA)

    def add(self, command: str, name: str, run: str, spec: dict[str, Any] | None) -> Job:
        """Put a job at the end; one that has the run already is taken up again instead.

        Raises LithoError if too many wait, or the run is another job's that goes on or is done.
        """
        if len(self.jobs("queued")) >= MOST_WAITING:
            raise LithoError(f"{MOST_WAITING} jobs are waiting already: let some of them end")
        if there := self.of_run(run):
            if spec is not None or there.state in ("queued", "running"):
                raise LithoError(f"the run {run} is one of job {there.id}: choose another name")
            self._move(there.id, "queued", ("paused", "failed", "cancelled", "done"), afresh=True)
        else:
            row = (command, name, run, None if spec is None else json.dumps(spec), time.time())
            self._store.write(
                "INSERT INTO jobs (command, name, run, spec, made, state)"
                " VALUES (?, ?, ?, ?, ?, 'queued')",
                [row],
            )
        found = self.of_run(run)
        assert found
        return found

    def job(self, number: int) -> Job | None:
        if abs(number) > LARGEST:
            return None
        return next(_jobs(self._store.rows("SELECT * FROM jobs WHERE id = ?", (number,))), None)

    def of_run(self, run: str) -> Job | None:
        return next(_jobs(self._store.rows("SELECT * FROM jobs WHERE run = ?", (run,))), None)

    def jobs(self, *states: State) -> list[Job]:
        """Jobs in these states, or all, in order."""
        rows = self._store.rows("SELECT * FROM jobs ORDER BY id")
        return [job for job in _jobs(rows) if not states or job.state in states]

    # What a user wants.

    def pause(self, number: int) -> None:
        self._move(number, "paused", ("queued",))
        self._want(number, "pause")

    def cancel(self, number: int) -> None:
        self._move(number, "cancelled", ("queued", "paused", "failed"))
        self._thin(number)
        self._want(number, "cancel")

    def go_on(self, number: int) -> None:
        """Put a job that was paused, or failed, back among those that wait."""
        self._move(number, "queued", ("paused", "failed"), afresh=True)

    def _want(self, number: int, wanted: Wanted) -> None:
        self._store.write(
            "UPDATE jobs SET wanted = ? WHERE id = ? AND state = 'running'", [(wanted, number)]
        )

    # What a process does.

    def begin(self, number: int) -> bool:
        """Take a job that waits; False if it does not wait any more."""
        self._move(number, "running", ("queued",))
        job = self.job(number)
        return job is not None and job.state == "running"

    def end(self, number: int, state: State, said: str = "") -> None:
        """A job that is to be thrown away goes on running where it should be paused."""
        self._move(number, state, ("running",), said)
        if state == "done":
            self._thin(number)

    def died(self, job: Job, limit: int, got_on: bool = False) -> None:
        """The process of a running job is gone: it waits again, or is given up at `limit`.

        `got_on`: with something that the next one does not have to do again.
        """
        if job.wanted == "pause":
            self.end(job.id, "paused")
            return
        deaths = 1 if got_on else job.deaths + 1
        self._store.write("UPDATE jobs SET deaths = ? WHERE id = ?", [(deaths, job.id)])
        if deaths < limit:
            self.end(job.id, "queued")
        else:
            self.end(job.id, "failed", "killed")

    def _move(
        self,
        number: int,
        to: State,
        of: Sequence[State],
        said: str = "",
        *,
        afresh: bool = False,
    ) -> None:
        """Bring a job into another state if it is in one of those."""
        values = {"now": time.time(), "to": to, "said": said, "afresh": afresh}
        self._store.write(_MOVE, [{**values, "id": number, "of": json.dumps(of)}])

    # What a job tells.

    def tell(self, number: int, event: Event) -> None:
        row = (
            number,
            event.stage,
            event.done,
            event.total,
            json.dumps(dict(event.shown)),
            event.note,
        )
        self._store.write(
            "INSERT INTO events (job, stage, done, total, shown, note) VALUES (?, ?, ?, ?, ?, ?)",
            [row],
        )

    def told(self, number: int, after: int = 0) -> list[Told]:
        """What a job told since the event of that number."""
        rows = self._store.rows(
            "SELECT number, stage, done, total, shown, note FROM events"
            " WHERE job = ? AND number > ? ORDER BY number",
            (number, min(after, LARGEST)),
        )
        return _told(rows)

    def known(self, number: int) -> list[Told]:
        """What can be seen of all that a job told."""
        return _told(self._store.rows(_KNOWN, {"job": number, "most": MOST_POINTS}))

    def _thin(self, number: int) -> None:
        """Forget of a job that is over what could not be seen."""
        kept = json.dumps([each.number for each in self.known(number)])
        self._store.write(_THIN, [{"job": number, "kept": kept}])


def _told(rows: Sequence[dict[str, Any]]) -> list[Told]:
    return [Told(**row | {"shown": json.loads(row["shown"])}) for row in rows]


def _jobs(rows: Sequence[dict[str, Any]]) -> Iterator[Job]:
    for row in rows:
        yield Job(**row | {"spec": None if row["spec"] is None else json.loads(row["spec"])})
