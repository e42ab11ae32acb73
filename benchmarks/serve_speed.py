"""How quick the workbench is: from start to first page, a page read, a list of 1,000 runs.

`python benchmarks/serve_speed.py --repeats 5`. Each number is a median with its range; the load of
the machine is said beside them.
"""

import argparse
import http.cookiejar
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import psutil

RUNS = 1000
PAGE = (
    "The clock of Ostrava was built by Marek Dolny in 1931. It stands on the market square and "
    "strikes every quarter of an hour, even at night. During the flood of 1997 it stopped for nine "
    "days, and a watchmaker from Opava brought it back. "
) * 8


class Took(NamedTuple):
    """Seconds on the clock, and of processors."""

    clock: float
    work: float


class Browser:
    """A client that keeps cookies and knows the secret of the pages."""

    def __init__(self, link: str) -> None:
        jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        self._base = link.partition("/open")[0]
        self.first = self.get(link.removeprefix(self._base))
        found = re.search(r'data-csrf="([^"]+)"', self.first)
        assert found
        self._csrf = found[1]

    def get(self, path: str) -> str:
        with self._opener.open(self._base + path) as answer:
            return str(answer.read().decode())

    def send(self, path: str, values: dict[str, object]) -> dict[str, object]:
        headers = {
            "Content-Type": "application/json",
            "X-CSRF": self._csrf,
            "Origin": self._base,
        }
        request = urllib.request.Request(
            self._base + path, json.dumps(values).encode(), headers=headers
        )
        with self._opener.open(request) as answer:
            return dict(json.loads(answer.read()))


def started(folder: Path) -> tuple["subprocess.Popen[str]", Browser, Took]:
    """A server, its client, and what it took from start to the first page."""
    began = time.perf_counter()
    server = subprocess.Popen(
        [sys.executable, "-m", "litho", "serve", "--port", "0", "--no-browser"],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout
        while "http://" not in (line := server.stdout.readline()):
            assert line, "the server ended before it told its link"
        browser = Browser(line.strip())
    except BaseException:
        server.kill()
        raise
    return server, browser, Took(time.perf_counter() - began, work_of(server))


def work_of(server: "subprocess.Popen[str]") -> float:
    """Processor time of the server and of the processes that it began, seconds."""
    own = psutil.Process(server.pid)
    return sum(sum(each.cpu_times()[:2]) for each in (own, *own.children(recursive=True)))


def timed(server: "subprocess.Popen[str]", act: Callable[[], object]) -> Took:
    began, worked = time.perf_counter(), work_of(server)
    act()
    return Took(time.perf_counter() - began, work_of(server) - worked)


def write_runs(folder: Path) -> None:
    """Finished runs of which there is what the list shows."""
    for number in range(RUNS):
        run = folder / "runs" / f"r{number:04}"
        run.mkdir(parents=True)
        told = f"command: map\ntext_name: page {number}\nmodel: {{name: 'bundled:x'}}\n"
        (run / "manifest.yaml").write_text(told)
        (run / "metrics.json").write_text('{"surprise": {"mean": 2.5}}')


def row(name: str, wanted: str, took: list[Took]) -> str:
    clock = [each.clock for each in took]
    work = statistics.median(each.work for each in took)
    middle, low, high = statistics.median(clock), min(clock), max(clock)
    return f"| {name} | {wanted} | {middle:.2f} s | {low:.2f} to {high:.2f} s | {work:.2f} s |"


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--repeats", type=int, default=5)
    asked.add_argument("--model", default="")
    given = asked.parse_args()
    folder = Path(tempfile.mkdtemp())
    first: list[Took] = []
    print(f"load of the machine: {', '.join(f'{each:.1f}' for each in os.getloadavg())}")
    for _ in range(given.repeats):
        server, _, took = started(folder)
        first.append(took)
        server.kill()
        server.wait()
    write_runs(folder)
    server, browser, _ = started(folder)
    try:
        cold = [timed(server, lambda: browser.get("/runs"))]
        warm = [timed(server, lambda: browser.get("/runs")) for _ in range(given.repeats)]
        found = [
            timed(server, lambda: browser.get("/runs?q=page+77")) for _ in range(given.repeats)
        ]
        question: dict[str, object] = {"text": PAGE, "model": given.model, "adapter": ""}
        loaded = [timed(server, lambda: browser.send("/read/tokens", question))]
        read: list[Took] = []
        counts: list[int] = []

        def read_once() -> None:
            said = browser.send("/read/tokens", {**question, "text": f"{len(read)}. {PAGE}"})
            text = said["text"]
            assert isinstance(text, list)
            counts.append(len(text))

        for _ in range(given.repeats):
            read.append(timed(server, read_once))
    finally:
        server.kill()
        server.wait()
        shutil.rmtree(folder)
    print("| what | wanted | median | range | processor time |\n| --- | --- | --- | --- | --- |")
    print(row("from the start to the first page", "1 s", first))
    print(row(f"a page of {len(PAGE):,} characters, {max(counts)} tokens, read", "2 s", read))
    print(row("the same with the model to be loaded", "", loaded))
    print(row(f"list of {RUNS:,} runs", "0.3 s", warm))
    print(row("the same, found by a word", "0.3 s", found))
    print(row("the same, for the first time", "", cold))
    print(f"load of the machine: {', '.join(f'{each:.1f}' for each in os.getloadavg())}")


if __name__ == "__main__":
    main()
