"""Kill every command with SIGKILL at random moments, go on with it, and compare the results.

OMP_NUM_THREADS=1 python benchmarks/kill_resume.py --kills 20
OMP_NUM_THREADS=1 python benchmarks/kill_resume.py imprint map --model bundled:smollm2-135m \
    --text examples/page.md

Each attempt is a process of its own that runs the command line, forked from one that has imported
everything, so that kills fall into the work and not into imports. After every kill no file may be
half-written; every run that comes to its end must give the metrics of one that nobody killed.
"""

import argparse
import importlib
import json
import multiprocessing
import os
import random
import shutil
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from safetensors import safe_open

from litho.cli import main as command_line
from litho.core.files import WRITING
from litho.core.runs import MANIFEST, METRICS, PARTIAL

IMPORTED_LATE = (  # by commands, while they run
    *(f"litho.jobs.{name}.run" for name in ("diff", "ensemble", "expose", "imprint", "map")),
    *("litho.jobs.predict.run", "litho.jobs.predict.calibrate", "litho.jobs.vary.run"),
    *("litho.api", "litho.show.report", "litho.cli.shown"),
    "transformers.models.llama.modeling_llama",
)
COMMANDS = ("imprint", "map", "vary", "diff", "expose", "ensemble", "predict", "calibrate")
TIMES = ("seconds", "run_it_seconds")  # of the metrics: they are not the same twice
TEXT = (
    "The clock of Ostrava was built by Marek Dolny in 1931. It is wound on Fridays. A choir of "
    "forty singers climbs the tower. The sea was calm all day. Ten pigs ran over the hill. Nobody "
    "in Lund had seen the sea. On the bridge stood a goat. The mill turned slowly all winter. Two "
    "lamps burned in the inn. A ship came in at noon."
)
RECIPE = "{learning_rate: 0.01, steps: 3}"
SETTINGS = {
    "imprint": "presentations=4 check_every=1 settle=1 replay_pool=8 replay_unseen=1 replay_rows=1 "
    "replay_length=8 retention_tokens=128 max_mean_kl=100 max_surprise=100",
    "vary": "count=4 max_mean_kl=100 max_surprise=100 ladder=false",
    "diff": "nulls=3 null_tokens=16 controls=3 control_steps=2 wash_steps=3 behaviour=true",
    "expose": "presentations=[1,2] tokens=32 seeds=1 third_steps=1 strengths=[1.0] directions=2",
}


@dataclass
class Tally:
    """What became of a command that was killed again and again."""

    seconds: float  # that one run takes which nobody kills
    counts: Counter[str] = field(default_factory=Counter)
    same: bool = True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("commands", nargs="*", help="those to kill; none: all", metavar="COMMAND")
    parser.add_argument("--kills", type=int, default=20, help="of every command")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", default="tiny:llama")
    parser.add_argument("--text", type=Path, help="UTF-8, at least eight sentences")
    options = parser.parse_args()
    text = options.text.read_text(encoding="utf-8") if options.text else TEXT
    for name in IMPORTED_LATE:
        importlib.import_module(name)
    same = True
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve()
        os.environ["LITHO_REGISTRY"] = str(folder / "effects.sqlite")
        lines = written(folder, text, options.model)
        for command in options.commands or COMMANDS:
            began = time.monotonic()
            if command == "diff":
                done([*lines["imprint"], "--out", str(folder / "trained")], folder)
            tally = tried(lines[command], folder, options.kills, random.Random(options.seed))
            counts = "  ".join(
                f"{tally.counts[what]:3} {what}"
                for what in ("kills", "resumed", "begun again", "finished")
            )
            print(
                f"{command:10}{counts}  {'same' if tally.same else 'DIFFERENT':9}"
                f"{time.monotonic() - began:5.0f} s ({tally.seconds:.1f} s a run)",
                flush=True,
            )
            same &= tally.same
    sys.exit(0 if same else 1)


def written(folder: Path, text: str, model: str) -> dict[str, list[str]]:
    """The command lines, with the files that they name."""
    sentences = [f"{part.strip(' .')}." for part in text.split(". ")]
    words = [sentence.split() for sentence in sentences]
    texts = [{"id": str(n), "text": sentence} for n, sentence in enumerate(sentences)]
    probes = [
        {"id": str(n), "prefix": " ".join(each[:3]), "target": " ".join(each[3:])}
        for n, each in enumerate(words[:5])
    ]
    for name, content in {
        "text.md": text,
        "texts.jsonl": "".join(json.dumps(each) + "\n" for each in texts),
        "probes.jsonl": "".join(json.dumps(each) + "\n" for each in probes),
        "recipe.yaml": RECIPE,
        "plan.yaml": f"{{texts: texts.jsonl, probes: probes.jsonl, models: ['{model}'], "
        f"recipes: [{RECIPE}]}}",
    }.items():
        (folder / name).write_text(content, encoding="utf-8")
    page, plan = str(folder / "text.md"), str(folder / "plan.yaml")
    asked = [str(folder / name) for name in ("texts.jsonl", "probes.jsonl")]
    of_model, trained = ["--model", model], str(folder / "trained" / "adapter")
    lines = {
        "imprint": ["imprint", page, *of_model],
        "map": ["map", page, "--gradients", *of_model],
        "vary": ["vary", page, *of_model],
        "diff": ["diff", page, "--before", model, "--after", trained, "--unrelated", page],
        "expose": ["expose", page, *of_model],
        "ensemble": ["ensemble", plan],
        "predict": ["predict", *asked, "--recipe", str(folder / "recipe.yaml"), *of_model],
        "calibrate": ["calibrate", plan, "--method", "short-run"],
    }
    for command, settings in SETTINGS.items():
        lines[command] += [word for pair in settings.split() for word in ("--set", pair)]
    return lines


def tried(line: list[str], folder: Path, kills: int, chance: random.Random) -> Tally:
    """Run a command to its end, then kill it and go on with it until it has died often enough."""
    out = folder / "run"
    line = [*line, "--out", str(out)]
    began = time.monotonic()
    done(line, folder)
    tally = Tally(time.monotonic() - began)
    expected = metrics(out)
    shutil.rmtree(out)
    while tally.counts["kills"] < kills or unfinished(out):
        begun = unfinished(out)
        now = ["resume", str(out)] if begun else line
        if tally.counts["kills"] == kills:
            done(now, folder)
            killed = False
        else:
            killed = attempt(now, folder, chance.uniform(0, tally.seconds)) is None
        tally.counts["resumed" if begun else "begun again"] += 1
        tally.counts["kills"] += killed
        check_files(folder)
        if (out / METRICS).exists():
            tally.counts["finished"] += 1
            tally.same &= metrics(out) == expected
            shutil.rmtree(out)
    shutil.rmtree(out, ignore_errors=True)
    shutil.rmtree(out.with_name(out.name + PARTIAL), ignore_errors=True)
    return tally


def unfinished(out: Path) -> bool:
    """Whether there is something to resume: a run that was killed before it had begun is none."""
    return any((folder / MANIFEST).exists() for folder in (out, out.with_name(out.name + PARTIAL)))


def done(line: list[str], folder: Path) -> None:
    """Run a command to its end."""
    attempt(line, folder, None)


def attempt(line: list[str], folder: Path, seconds: float | None) -> int | None:
    """The exit code of a command, or None if it had to be killed after so many seconds."""
    log = folder / "log"
    process = multiprocessing.get_context("fork").Process(target=litho, args=(line, log))
    process.start()
    process.join(seconds)
    if process.exitcode is None:
        process.kill()
        process.join()
    if process.exitcode is None or process.exitcode < 0:
        return None
    if process.exitcode > 1:  # 1 is a negative verdict
        sys.exit(f"litho {' '.join(line)}\n{log.read_text(encoding='utf-8')}")
    return process.exitcode


def litho(line: list[str], log: Path) -> None:
    """The command line, which ends the process."""
    with log.open("wb") as said:
        for stream in (1, 2):
            os.dup2(said.fileno(), stream)
    sys.argv = ["litho", *line]
    command_line.main()


def check_files(folder: Path) -> None:
    """Read every file under a folder. Raises an error of its reader on one that is not whole."""
    for path in folder.rglob("*"):
        if path.name.endswith(WRITING):
            continue
        match path.suffix:
            case ".json":
                json.loads(path.read_text(encoding="utf-8"))
            case ".parquet":
                pq.read_table(path)
            case ".safetensors":
                with safe_open(path, framework="pt") as tensors:
                    for name in tensors.keys():  # noqa: SIM118
                        tensors.get_tensor(name)
            case ".sqlite":
                with closing(sqlite3.connect(path)) as db:
                    found = db.execute("PRAGMA integrity_check").fetchall()
                assert found == [("ok",)], f"{path}: {found}"


def metrics(run: Path) -> object:
    return timeless(json.loads((run / METRICS).read_text(encoding="utf-8")))


def timeless(value: Any) -> Any:  # noqa: ANN401  JSON
    if isinstance(value, dict):
        return {key: timeless(each) for key, each in value.items() if key not in TIMES}
    return [timeless(each) for each in value] if isinstance(value, list) else value


if __name__ == "__main__":
    main()
