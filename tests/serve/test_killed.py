"""The server and the processes of its jobs, killed: what was begun goes on to the same end."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from litho.core.runs import PARTIAL
from litho.jobs.map.config import MapSpec
from litho.serve.queue import Job, Queue
from tests.builders import TEXT, quick_config, small_inputs
from tests.serve.bench import served

pytestmark = pytest.mark.processes
PATIENCE = 240  # seconds: a machine that is busy is no fault of ours


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def told(queue: Queue, job: Job, stage: str) -> Callable[[], bool]:
    return lambda: any(each.stage == stage and each.done for each in queue.told(job.id))


def test_jobs_go_on_when_server_and_process_are_killed(tmp_path: Path, finished: Path) -> None:
    queue = Queue(tmp_path)
    spec = small_inputs().model_copy(update={"config": quick_config()})
    first = queue.add("imprint", "clock", "runs/clock", spec.model_dump(mode="json"))
    read = MapSpec(model="tiny:llama", text=TEXT, text_name="t")
    second = queue.add("map", "text", "runs/text", read.model_dump(mode="json"))

    with served(tmp_path) as (server, _):
        until(told(queue, first, "printing (imprint)"))
        (worker,) = psutil.Process(server.pid).children()
        server.kill()
        server.wait()
        assert worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE
    with served(tmp_path):  # finds the process of the earlier server at work, and leaves it
        time.sleep(1)
        assert worker.is_running()
        os.kill(worker.pid, signal.SIGKILL)
        until(lambda: not queue.jobs("queued", "running"))
    done = queue.jobs("done")
    assert [job.id for job in done] == [first.id, second.id] and done[0].deaths <= 1
    assert not list(tmp_path.glob(f"runs/*{PARTIAL}"))
    runs = (tmp_path / "runs/clock", finished)
    made, whole = (json.loads((run / "metrics.json").read_text()) for run in runs)
    assert made["adapter_sha256"] == whole["adapter_sha256"]


def test_ctrl_c_stops_the_server_and_the_port_is_free_again(tmp_path: Path) -> None:
    with served(tmp_path) as (server, _):
        again = subprocess.run(
            [sys.executable, "-m", "litho", "serve", "--no-browser", "--port", "0"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert again.returncode == 2 and "is served already" in again.stderr
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=PATIENCE) == 0
    with served(tmp_path):
        pass


def imports(code: str, unwanted: str) -> str:
    """Which of the unwanted modules a process has imported after some code."""
    code += f"; import sys; print(*sorted({{*{unwanted.split()!r}}} & sys.modules.keys()))"
    line = [sys.executable, "-c", code]
    return subprocess.run(line, capture_output=True, text=True, check=True).stdout.strip()


def test_the_server_starts_without_what_only_models_need(tmp_path: Path) -> None:
    made = f"from litho.serve.start import *; make_app(Path({str(tmp_path)!r}), Keys(1))"
    assert imports(made, "litho.serve.app") == "litho.serve.app"
    assert not imports(made, "torch transformers peft plotly scipy pyarrow")


def test_the_command_line_starts_without_the_server() -> None:
    assert not imports("import litho.cli.main", "fastapi starlette uvicorn litho.serve")
