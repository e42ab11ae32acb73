"""Give every reader and every option of the command line thousands of damaged inputs.

OMP_NUM_THREADS=1 python benchmarks/fuzz.py --inputs 10000
OMP_NUM_THREADS=1 python benchmarks/fuzz.py --kinds adapter --seed 0 --first 123 --inputs 1

Each input is made from a good one (see `fuzz_inputs.py`) by a seed of its own, so that the second
line repeats input 123 alone. The command line is called in a forked process and has to end within
`--seconds` with a documented exit code and one sentence: no traceback, nothing "unexpected" and
nothing half-written. Prints a table and every failure; exits with 1 if there is any.
"""

import argparse
import contextlib
import io
import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from fuzz_bench import Workbench
from fuzz_inputs import KINDS, prepare

from litho.cli.main import app, guarded
from litho.core.files import WRITING
from litho.core.runs import MANIFEST, PARTIAL

NEGATIVE = 1  # exit code of a negative verdict, and of a doctor who missed something
_MAY_LEAVE = (
    "predict",
    "ensemble",
    "calibrate",
    "bench",
    "evolve",
    "resume",
    "school",
)  # can go on
_TOLD = 4000  # characters of a command's output that a failure shows


class TooLongError(BaseException):
    """An input took longer than it may; no command may catch this."""


@dataclass(frozen=True)
class Outcome:
    """What a command made of one input."""

    kind: str
    number: int
    code: int | None  # None: the process died
    seconds: float
    wrong: tuple[str, ...] = ()
    line: tuple[str, ...] = ()
    said: str = ""


@dataclass
class Row:
    """A line of the table."""

    inputs: int = 0
    seconds: float = 0.0
    codes: Counter[int | None] = field(default_factory=Counter)
    failures: list[Outcome] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=10_000, help="in all")
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first input of a kind")
    parser.add_argument("--seconds", type=float, default=120.0, help="that an input may take")
    options = parser.parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"
    failed = 0
    with tempfile.TemporaryDirectory() as temporary:
        bench = Workbench(Path(temporary).resolve())
        print(f"{'kind':12}{'inputs':>7}{'seconds':>9}  exit codes", flush=True)
        for kind, count in shares(options.kinds, options.inputs).items():
            numbers = range(options.first, options.first + count)
            row = fuzzed(bench, kind, numbers, options.seed, options.seconds)
            show(kind, row, options.seed)
            failed += len(row.failures)
    print(f"{failed} failures")
    sys.exit(1 if failed else 0)


def shares(kinds: Sequence[str], inputs: int) -> dict[str, int]:
    """How many inputs of each kind, by how much one of them costs."""
    weights = {kind: KINDS[kind].weight for kind in kinds}
    total = sum(weights.values())
    return {kind: max(1, round(inputs * weight / total)) for kind, weight in weights.items()}


def show(kind: str, row: Row, seed: int) -> None:
    """Print a line of the table, and each failure below it."""
    codes = "  ".join(f"{code}: {n}" for code, n in sorted(row.codes.items(), key=str))
    print(f"{kind:12}{row.inputs:7}{row.seconds:9.1f}  {codes}", flush=True)
    for bad in row.failures:
        print(
            f"  FAILED ({', '.join(bad.wrong)}): --kinds {kind} --seed {seed} --first "
            f"{bad.number} --inputs 1\n    {list(bad.line)}\n    {bad.said.strip()}",
            flush=True,
        )


def fuzzed(bench: Workbench, kind: str, numbers: range, seed: int, seconds: float) -> Row:
    """Try inputs of a kind in a process of their own, and in another behind one that died."""
    prepare(bench, kind)  # here, so that every process finds it
    row, left = Row(), numbers
    while left:
        for outcome in _forked(bench, kind, left, seed, seconds):
            row.inputs += 1
            row.seconds += outcome.seconds
            row.codes[outcome.code] += 1
            row.failures += [outcome] if outcome.wrong else []
            left = left[1:]
    return row


def _forked(
    bench: Workbench, kind: str, numbers: range, seed: int, seconds: float
) -> Iterator[Outcome]:
    """The outcomes of inputs, until all are done or one has killed the process."""
    context = multiprocessing.get_context("fork")
    near, far = context.Pipe(duplex=False)
    process = context.Process(target=_tell_all, args=(far, bench, kind, numbers, seed, seconds))
    process.start()
    far.close()
    for number in numbers:
        try:
            yield Outcome(**json.loads(near.recv()))
        except EOFError:
            process.join()
            yield Outcome(kind, number, None, 0.0, (f"died with {process.exitcode}",))
            return
    process.join()


def _tell_all(
    far: Connection, bench: Workbench, kind: str, numbers: range, seed: int, seconds: float
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for number in numbers:
            outcome = tried(bench, kind, number, seed, seconds, Path(folder).resolve() / "input")
            far.send(json.dumps(asdict(outcome)))


def tried(
    bench: Workbench, kind: str, number: int, seed: int, seconds: float, folder: Path
) -> Outcome:
    """Call the command line with one input, made and run in a folder of its own."""
    folder.mkdir()
    began = time.monotonic()
    code, said, wrong = None, "", []
    before = Path.cwd()
    os.chdir(folder)
    try:
        chance = random.Random(f"{seed} {kind} {number}")
        line = KINDS[kind].make(bench, chance, folder)
        os.environ["LITHO_REGISTRY"] = str(folder / "judged.sqlite")
        given = set(folder.rglob("*"))
        code, said = called(line, seconds)
        wrong = list(_wrong(line, code, said, folder, given))
    except TooLongError:
        wrong = [f"took longer than {seconds:g} s"]
    finally:
        os.chdir(before)
        shutil.rmtree(folder, ignore_errors=True)
    shown = said[-_TOLD:] if wrong else ""
    seconds = time.monotonic() - began
    return Outcome(kind, number, code, seconds, tuple(wrong), tuple(line) if wrong else (), shown)


def called(line: Sequence[str], seconds: float) -> tuple[int, str]:
    """Exit code and all output of a command line. Raises TooLongError."""

    def too_long(*_: object) -> None:
        raise TooLongError

    said = io.StringIO()
    signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = guarded(lambda: app(list(line), standalone_mode=False))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return code, said.getvalue()


def _wrong(
    line: Sequence[str], code: int, said: str, folder: Path, given: set[Path]
) -> Iterator[str]:
    """What a command should not have done with an input."""
    if code not in (0, 2) and not (code == NEGATIVE and line[0] in ("imprint", "resume", "doctor")):
        yield f"exit code {code}"
    for word in ("Traceback", "please report it"):
        if word in said:
            yield word
    if code == 2 and not any(row.startswith("litho: ") for row in said.splitlines()[-1:]):
        yield "no sentence at the end"
    new = set(folder.rglob("*")) - given
    for path in new:
        empty = path.is_dir() and path.name != "locks" and not any(path.iterdir())
        if path.name.endswith(WRITING) or empty:
            yield f"left {path.name}"
        elif path.name.endswith(PARTIAL) and not (path / MANIFEST).is_file():
            yield f"left {path.name} without a manifest"
    if code == 2 and PARTIAL not in said.splitlines()[-1]:  # else it says what was kept
        runs = {path.name for path in new if path.parent == folder and path.is_dir()}
        if runs and line[0] not in _MAY_LEAVE:
            yield f"left {', '.join(sorted(runs))}"


if __name__ == "__main__":
    main()
