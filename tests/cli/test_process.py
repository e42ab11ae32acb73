"""The command line as a process of its own: signals, streams, locales, memory."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.builders import TEXT

pytestmark = pytest.mark.processes
MAP = ("map", "text.md", "--model", "tiny:llama", "--out", "run")
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}


def started(
    folder: Path,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    before: Callable[[], object] = lambda: None,
    stdout: int = subprocess.PIPE,
) -> subprocess.Popen[bytes]:
    def prepare() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell may have had it ignored
        before()

    return subprocess.Popen(
        [sys.executable, "-m", "litho", *arguments],
        cwd=folder,
        env={**os.environ, **(environment or {})},
        stdout=stdout,
        stderr=subprocess.PIPE,
        preexec_fn=prepare,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "text.md").write_text(TEXT)
    return tmp_path


@pytest.mark.parametrize(
    "given, turns",
    [({}, "1000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "None")],
)
def test_threads_wait_briefly_unless_told_otherwise(given: dict[str, str], turns: str) -> None:
    unset = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    code = (
        "import os, sys; from litho.cli.process import prepare; prepare(); "
        "print(os.environ.get('GOMP_SPINCOUNT'), 'torch' in sys.modules)"
    )
    out = subprocess.check_output([sys.executable, "-c", code], env=environment | given, text=True)
    assert out.split() == [turns, "False"]


def test_names_and_texts_in_any_locale(folder: Path) -> None:
    (folder / "часы.md").write_text("Часы построил Марек Долни.", encoding="utf-8")
    line = ("map", "часы.md", "--model", "tiny:llama", "--out", "выход")
    out, err = (process := started(folder, *line, environment=ASCII)).communicate()
    assert process.returncode == 0, err
    out, err = (process := started(folder, "report", "выход", environment=ASCII)).communicate()
    assert process.returncode == 0 and (folder / "выход" / "report.html").is_file(), err
    other = (*line[:-1], "json", "--json")
    out, err = (process := started(folder, *other, environment=ASCII)).communicate()
    assert json.loads(out)["run"] == str(folder / "json"), err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_at_any_time_ends_with_3(folder: Path, number: signal.Signals) -> None:
    began = time.monotonic()
    assert started(folder, *MAP[:-1], "whole").communicate() and (folder / "whole").is_dir()
    whole = time.monotonic() - began
    for part in (0.1, 0.4, 0.7, 0.85):
        out = folder / f"run-{part}"
        process = started(folder, *MAP[:-1], out.name)
        time.sleep(part * whole)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
        if process.returncode == 0:  # a machine that was busy was quicker this time
            continue
        assert process.returncode == 3 and b"Traceback" not in err, err
        said = err.decode().splitlines()[-1]
        assert said.startswith("litho: stopped")
        assert ("litho resume" in said) == out.with_name(f"{out.name}.partial").exists()


def test_readers_that_go_away_and_devices_that_are_full(folder: Path) -> None:
    process = started(folder, "--help")
    assert process.stdout
    process.stdout.close()
    assert process.wait() == 0 and process.stderr and process.stderr.read() == b""
    with Path("/dev/full").open("wb") as full:
        process = started(folder, *MAP, stdout=full.fileno())
        _, err = process.communicate()
    assert process.returncode == 2
    assert f"the run is finished: {folder / 'run'}" in err.decode() and b"Exception" not in err
    assert (folder / "run" / "report.html").is_file()


def test_closed_streams_are_no_files_to_write_into(folder: Path) -> None:
    process = started(folder, *MAP, before=lambda: os.closerange(0, 3))
    process.communicate()
    assert process.returncode == 0 and (folder / "run" / "report.html").is_file()


def test_too_little_memory_is_one_sentence(folder: Path) -> None:
    few = 400 << 20
    process = started(
        folder, *MAP, before=lambda: resource.setrlimit(resource.RLIMIT_AS, (few, few))
    )
    _, err = process.communicate()
    assert process.returncode == 2 and "the memory is not enough" in err.decode().splitlines()[-1]
    assert b"Traceback" not in err and not list(folder.glob("run*"))


def test_a_signal_in_an_import_waits_for_its_end(tmp_path: Path) -> None:
    (tmp_path / "large.py").write_text(
        "import os, signal, time\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
        "time.sleep(0.2)\n"
        "print('imported', flush=True)\n"
    )
    script = (
        "import time\n"
        "from litho.cli.process import hear_signals\n"
        "hear_signals()\n"
        "try:\n"
        "    import large\n"
        "    time.sleep(10)\n"
        "    print('not stopped')\n"
        "except KeyboardInterrupt:\n"
        "    print('stopped')\n"
    )
    said = subprocess.check_output([sys.executable, "-c", script], cwd=tmp_path, text=True)
    assert said.split() == ["imported", "stopped"]
