"""What `fuzz.py` gives to the command line: files and options, damaged at random."""

import json
import random
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from fuzz_bench import (
    ARRANGED,
    CASES,
    EVENTS,
    MODEL,
    PLAN,
    PROBES,
    QUESTIONS,
    RECIPE,
    SCHOOL,
    SETTINGS,
    TEXTS,
    Workbench,
    lines,
    settings_of,
)
from fuzz_damage import damaged_bytes, damaged_json, odd_text

from litho.jobs.diff import registry
from litho.text.school.canonical import of_world
from litho.text.school.world import World
from litho.text.trails.library import starter

NO_MODEL = "tiny:none"  # is refused, once the rest has been read
ON_TEXT = ("diff", "expose", "imprint", "vary")  # commands with settings that take a text
DEEP = 0.04  # share of the inputs that go on to a model
OPTIONS = {
    "imprint": "--probes --retention --onto --model --budget --controls --out --config --set "
    "--resume --device --dtype --bits --json",
    "vary": "-n --volatility --step --ladder --no-ladder --model --out --seed --config --set "
    "--device --dtype --bits --json --jsonl",
    "map": "--model --adapter --gradients --out --device --dtype --bits --json",
    "diff": "--after --before --unseen --unrelated --behaviour --out --config --set --device",
    "expose": "--unrelated --model --out --config --set --device --dtype --bits --json",
    "ensemble": "--out --cluster --processes --set --device --dtype --bits --json",
    "predict": "--out --recipe --method --price --calibration --model --set --device --json",
    "calibrate": "--out --method --price --cluster --processes --set --device --dtype --json",
    "bench": "--retention --out --decoys --protocol --only --so-far --set --device --dtype",
    "export": "--out --dtype --gguf --json",
    "push": "--merged --pages --public --json",
    "unprint": "--page --out --device --dtype --bits --json",
    "resume": "--json",
    "roles": "--out --set --device --json",
    "journal": "--out --by --top --set --device --json",
    "rewrite": "--out --rounds --arms --set --device --json",
    "evolve": "--out --checkpoints --cluster --processes --set --device --json",
    "report": "--json",
    "effects": "--json",
    "doctor": "--nonsense",
}
VALUES = (
    "text.md", "missing.md", ".", "", " ", "-", "--", "0", "-1", "1e999", "nan", "999999999999",
    "cpu", "cuda:99", "cuda:", "mps", "spread", "float32", "float64", "float16", "4", "3",
    "tiny:gpt2", "tiny:", "bundled:x", "no/such@main", "a/b/c", "~nobody/x", "/dev/full",
    "first-order", "cheap", "quick", "duplicates", "rank=1", "=", "a=b=c", "seed=[", "/",
    "x" * 300, "\udcff", "имя", "a\nb", "text.md/x", "/proc/x", "127.0.0.1:1", "*", "x.partial",
)  # fmt: skip
QUERIES = (
    "found", "not found", "p<0.1", "model=tiny:*", "statistic>=nan", "effect=*", "and", "a and b",
    "p=", "run=[", "seed<1e400", "text=' or 1=1 --", "entropy_collapse and found", "id=1",
)  # fmt: skip


def _name(chance: random.Random, command: str = "") -> str:
    """Mostly a model that does not exist: only a few inputs need to go further."""
    return MODEL if chance.random() < DEEP / (10 if command == "imprint" else 1) else NO_MODEL


def _on_model(chance: random.Random, command: str, settings: str = "") -> list[str]:
    """What a command needs besides its text; one that is told to work for days gets no model."""
    name = NO_MODEL if re.search(r"[1-9]\d{3}", settings) else _name(chance, command)
    model = ["--before" if command == "diff" else "--model", name]
    return [*model, "--after", MODEL] if command == "diff" else model


def _some(bench: Workbench, folder: Path, *names: str) -> None:
    """Put good files into the folder of an input."""
    for name in names or bench.files:
        (folder / name).write_bytes(bench.files[name])


def _text(bench: Workbench, chance: random.Random, folder: Path) -> list[str]:
    good = chance.choice(("text.md", "russian.md", "marked.md"))
    (folder / "text.md").write_bytes(damaged_bytes(chance, bench.files[good]))
    command = chance.choice(("map", "vary", "diff", "expose", "imprint"))
    settings = settings_of(command) if command in SETTINGS else []
    return [command, "text.md", *_on_model(chance, command), *settings]


def _rows(chance: random.Random, rows: list[dict[str, Any]]) -> bytes:
    """Lines of which one is damaged, or all of them as bytes."""
    if chance.random() < 0.5:
        return damaged_bytes(chance, lines(rows))
    changed = damaged_json(chance, rows)
    rows = changed if isinstance(changed, list) else [changed]
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def _settings(chance: random.Random, good: Any) -> bytes:  # noqa: ANN401  JSON
    """YAML that is damaged as what it says, or as bytes."""
    if chance.random() < 0.5:
        return damaged_bytes(chance, yaml.safe_dump(good).encode())
    return json.dumps(damaged_json(chance, good)).encode()  # which is YAML, too


def _probes(bench: Workbench, chance: random.Random, folder: Path) -> list[str]:
    _some(bench, folder, "text.md")
    (folder / "probes.jsonl").write_bytes(_rows(chance, PROBES))
    line = ["imprint", "text.md", "--probes", "probes.jsonl", "--model", _name(chance, "imprint")]
    return [*line, *settings_of("imprint")]


def _texts(bench: Workbench, chance: random.Random, folder: Path) -> list[str]:
    _some(bench, folder, "texts.jsonl", "questions.jsonl", "recipe.yaml")
    name, rows = chance.choice((("texts", TEXTS), ("questions", QUESTIONS)))
    (folder / f"{name}.jsonl").write_bytes(_rows(chance, rows))
    line = ["predict", "texts.jsonl", "questions.jsonl", "--recipe", "recipe.yaml"]
    return [*line, "--model", _name(chance), "--out", "out"]


def _cases(bench: Workbench, chance: random.Random, folder: Path) -> list[str]:
    _some(bench, folder, "text.md")
    (folder / "cases.jsonl").write_bytes(_rows(chance, CASES))
    line = ["bench", "lithography", "cases.jsonl", "--retention", "text.md", "--out", "out"]
    return [*line, "--so-far", "--set", f"model={_name(chance)}"]


def _config(bench: Workbench, chance: random.Random, folder: Path) -> list[str]:
    _some(bench, folder, "text.md")
    command = chance.choice(ON_TEXT)
    settings = _settings(chance, SETTINGS[command])
    (folder / "settings.yaml").write_bytes(settings)
    quick = ["--set", "ladder=false"] if command == "vary" else []
    line = [command, "text.md", *_on_model(chance, command, settings.decode("latin1"))]
    return [*line, "--config", "settings.yaml", *quick]


def _plan(bench: Workbench, chance: random.Random, folder: Path) -> list[str]:
    _some(bench, folder, "texts.jsonl", "questions.jsonl", "recipe.yaml")
    if chance.random() < 0.3:
        (folder / "recipe.yaml").write_bytes(_settings(chance, RECIPE))
        line = ["predict", "texts.jsonl", "questions.jsonl", "--recipe", "recipe.yaml"]
        return [*line, "--model", _name(chance), "--out", "out"]
    if chance.random() < 0.3:
        settings = _settings(chance, ARRANGED | SETTINGS["evolve"])
        (folder / "plan.yaml").write_bytes(settings)
        long = re.search(rb"[1-9]\d{3}", settings)
        model = NO_MODEL if long else _name(chance)
        return ["evolve", "plan.yaml", "--out", "out", "--set", f"model={model}"]
    plan = PLAN | {"seeds": [0], "measure_at": [1], "sample": 2}
    (folder / "plan.yaml").write_bytes(_settings(chance, plan))
    line = [chance.choice(("ensemble", "calibrate")), "plan.yaml", "--out", "out"]
    return [*line, "--set", f"models=['{_name(chance)}']"]


def _assigned(bench: Workbench, chance: random.Random, folder: Path) -> list[str]:
    _some(bench, folder)
    command = chance.choice((*ON_TEXT, "ensemble"))
    keys = sorted(SETTINGS.get(command, PLAN))
    pairs = [f"{chance.choice(keys)}={odd_text(chance)}" for _ in range(chance.randint(1, 2))]
    if chance.random() < 0.2:
        pairs = [
            damaged_bytes(chance, pairs[0].encode("utf-8", "replace")).decode("utf-8", "replace")
        ]
    line = [command, "plan.yaml" if command == "ensemble" else "text.md"]
    line += [word for pair in pairs for word in ("--set", pair)]
    if command == "ensemble":
        return [*line, "--out", "out", "--set", f"models=['{_name(chance)}']"]
    return [*line, *_on_model(chance, command, " ".join(pairs))]


def _trails(bench: Workbench, chance: random.Random, folder: Path) -> list[str]:
    library = yaml.safe_load(starter())
    few = library | {"forms": chance.sample(library["forms"], 2)}
    (folder / "trails.yaml").write_bytes(_settings(chance, few))
    command = chance.choice(("print", "test", "graph"))
    if command == "graph":
        words = [odd_text(chance) for _ in range(3)]
        line = ["trails", "graph", "--model", NO_MODEL, "--out", "out", "--answers", *words[:2]]
        return [*line, "--", words[2]]
    return ["trails", command, "trails.yaml", "--model", NO_MODEL, "--out", "out"]


def _genome(bench: Workbench, chance: random.Random, folder: Path) -> list[str]:
    """A genome of a tiny world and a book; or the book, or a question of an exam, is damaged."""
    book = folder / f"book.{chance.choice(('txt', 'md', 'html', 'epub'))}"
    book.write_bytes(bench.files["text.md"])
    genome = of_world(World(3, 2, 12, 2), 1000)
    genome["tokenizer"] = {"kind": "bytes"}
    genome["library"]["page"] = {"source": f"file:{book.name}"}
    genome["stages"][1]["books"] = ["page", "plants#soils x2"]
    (folder / "school.yaml").write_bytes(yaml.safe_dump(genome).encode())
    if chance.random() < 0.2:
        book.write_bytes(damaged_bytes(chance, bench.files["text.md"]))
    else:
        (folder / "school.yaml").write_bytes(_settings(chance, genome))
    match chance.choice(("show", "check", "document", "exam")):
        case "show":
            shown = chance.choice(("page", "plants", "plants#soils"))
            return ["genome", "show", "school.yaml", shown]
        case "document":
            out = chance.choice(("x.html", "x.md"))
            return ["genome", "document", "school.yaml", "--out", out]
        case "exam":
            (folder / "build").mkdir()
            question = {
                "id": "a", "kind": "rule", "question": "When?", "lead": "In", "answer": "May",
                "candidates": ["May", "June"], "facts": ["rule:a"], "sections": [],
            }  # fmt: skip
            (folder / "build" / "tests.jsonl").write_bytes(_settings(chance, question))
            line = ["exam", NO_MODEL, "--genome", "school.yaml", "--out", "out"]
            return [*line, "--build", "build"]
    return ["genome", "check", "school.yaml"]


def _school(bench: Workbench, chance: random.Random, folder: Path) -> list[str]:
    """What a school is trained by, an earlier build, or what happened in another run."""
    line = ["school", "school.yaml", "--out", "out"]
    if chance.random() < DEEP:
        (folder / "school.yaml").write_text(yaml.safe_dump(SCHOOL), encoding="utf-8")
        shutil.copytree(bench.school / "build", folder / "build")
        files = sorted(path for path in (folder / "build").rglob("*") if path.is_file())
        _damaged_file(chance, chance.choice(files))
        return [*line, "--build", "build"]
    genome = SCHOOL | {"start": NO_MODEL, "tokenizer": {"kind": "model", "model": NO_MODEL}}
    del genome["model"]
    if chance.random() < 0.3:
        (folder / "school.yaml").write_text(yaml.safe_dump(genome), encoding="utf-8")
        (folder / "events.json").write_bytes(_settings(chance, EVENTS))
        return [*line, "--replay", "events.json"]
    key = chance.choice(("train", "pacing", "budget", "start", "tests"))
    genome[key] = damaged_json(chance, genome[key])
    (folder / "school.yaml").write_bytes(_settings(chance, genome))
    return line


def _taught(bench: Workbench, chance: random.Random, folder: Path) -> list[str]:
    """A run of a school or an imprint that others go on from, or one of theirs; or a wrong kind."""
    lot = chance.random()
    if lot < 0.3:
        return _finished(chance, Path(chance.choice([*bench.taught.values()])), folder)
    if lot < 0.45:
        return _bred(chance, folder)
    command = chance.choice(("journal", "rewrite", "roles", "pages"))
    good = "imprint" if command == "pages" else "school"
    source = good if chance.random() < 0.8 else chance.choice(sorted(bench.taught))
    run = Path(shutil.copytree(bench.taught[source], folder / "run"))
    line = ["rewrite" if command == "pages" else command, "run"]
    pairs = [f"{key}={json.dumps(value)}" for key, value in SETTINGS[command].items()]
    if lot < 0.6:  # the run is whole, and a setting is not
        keys = [*SETTINGS[command], "judge", "arms", "by", "nonsense"]
        pairs.append(f"{chance.choice(keys)}={odd_text(chance)}")
    else:
        files = sorted(path for path in run.rglob("*") if path.is_file())
        for path in chance.sample(files, k=chance.randint(1, 2)):
            _damaged_file(chance, path)
    out = chance.choice(("out", "out", "out", "run", "text.md/x", "/proc/x", "x.partial"))
    return [*line, "--out", out, *(word for pair in pairs for word in ("--set", pair))]


def _finished(chance: random.Random, source: Path, folder: Path) -> list[str]:
    """A damaged run whose report is asked for, or which is gone on with."""
    run = Path(shutil.copytree(source, folder / "run"))
    goes_on = chance.random() < 0.4
    if goes_on:
        (run / "metrics.json").unlink()
    kinds = (".json", ".jsonl", ".yaml", ".parquet", ".sqlite")
    files = sorted(path for path in run.iterdir() if path.is_file() and path.suffix in kinds)
    _damaged_file(chance, chance.choice(files))
    if goes_on and chance.random() < 0.8:
        run.rename(folder / "run.partial")
    return ["resume" if goes_on else "report", "run"]


def _bred(chance: random.Random, folder: Path) -> list[str]:
    """A genome that is at fault, or a setting of its evolution; none is trained."""
    genome = SCHOOL | {"start": NO_MODEL, "tokenizer": {"kind": "model", "model": NO_MODEL}}
    genome |= {"pacing": None, "tests": {"n": 2}}
    del genome["model"]
    key = chance.choice(("train", "stages", "gaps", "scenes", "tests", "budget"))
    genome[key] = damaged_json(chance, genome[key])
    (folder / "school.yaml").write_bytes(_settings(chance, genome))
    key = chance.choice([*SETTINGS["evolve"], "seed"])
    return ["evolve", "school.yaml", "--out", "out", "--set", f"{key}={odd_text(chance)}"]


def _damaged_file(chance: random.Random, path: Path) -> None:
    """Damage a file by what it is; or take it away, or put a folder there."""
    data, lot = path.read_bytes(), chance.random()
    if lot < 0.1:
        path.unlink()
        if lot < 0.03:
            path.mkdir()
    elif path.suffix == ".json" and lot < 0.7:
        path.write_text(json.dumps(damaged_json(chance, json.loads(data))))
    elif path.suffix == ".yaml" and lot < 0.7:
        path.write_text(json.dumps(damaged_json(chance, yaml.safe_load(data))))
    else:
        path.write_bytes(damaged_bytes(chance, data))


def _adapter(bench: Workbench, chance: random.Random, folder: Path) -> list[str]:
    _some(bench, folder, "text.md")
    shutil.copytree(bench.adapter, folder / "adapter")
    _damaged_file(chance, chance.choice(sorted((folder / "adapter").iterdir())))
    if chance.random() < 0.5:
        return ["map", "text.md", "--model", MODEL, "--adapter", "adapter"]
    return ["diff", "text.md", "--before", MODEL, "--after", "adapter", *settings_of("diff")]


def _model(bench: Workbench, chance: random.Random, folder: Path) -> list[str]:
    _some(bench, folder, "text.md")
    shutil.copytree(bench.model, folder / "model")
    _damaged_file(chance, chance.choice(sorted((folder / "model").glob("*.*"))))
    return ["map", "text.md", "--model", "./model"]


def _calibration(bench: Workbench, chance: random.Random, folder: Path) -> list[str]:
    _some(bench, folder, "texts.jsonl", "questions.jsonl", "recipe.yaml")
    shutil.copy(bench.calibration, folder / "calibration.json")
    _damaged_file(chance, folder / "calibration.json")
    line = ["predict", "texts.jsonl", "questions.jsonl", "--calibration", "calibration.json"]
    return [*line, "--model", _name(chance), "--recipe", "recipe.yaml", "--out", "out"]


def _registry(bench: Workbench, chance: random.Random, folder: Path) -> list[str]:
    path = folder / "judged.sqlite"
    shutil.copy(bench.judged, path)
    if chance.random() < 0.5:
        _damaged_file(chance, path)
    elif chance.random() < 0.5:
        with closing(sqlite3.connect(path)) as db, db:
            column = chance.choice(sorted(registry.Evidence.model_fields.keys() - {"id"}))
            value = odd_text(chance).encode("utf-8", "replace").decode()
            db.execute(f"UPDATE OR IGNORE findings SET {column} = ?", (value,))  # noqa: S608  ours
    asked = chance.choice((*QUERIES, odd_text(chance)))
    asked = asked if chance.random() < 0.7 else f"{asked} and {chance.choice(QUERIES)}"
    number = chance.choice(("1", "20", "0", str(10**30)))
    line = chance.choice((["list"], ["query", "--", asked], ["show", number]))
    return ["effects", *line[:1], *(["--json"] if chance.random() < 0.5 else []), *line[1:]]


def _run(bench: Workbench, chance: random.Random, folder: Path) -> list[str]:
    run = Path(shutil.copytree(chance.choice(bench.runs), folder / "run"))
    again = chance.random() < 0.7
    if not again:
        (run / "metrics.json").unlink()
    files = sorted(path for path in run.iterdir() if path.is_file() and path.suffix != ".html")
    for path in chance.sample(files, k=chance.randint(1, 2)):
        _damaged_file(chance, path)
    if again:
        return ["report", "run"]
    if chance.random() < 0.8:
        run.rename(folder / "run.partial")
    return ["resume", "run"]


def _options(bench: Workbench, chance: random.Random, folder: Path) -> list[str]:
    _some(bench, folder)
    command = chance.choice(sorted(OPTIONS))
    good = {
        "ensemble": ["plan.yaml", "--out", "out"],
        "calibrate": ["plan.yaml", "--out", "out"],
        "predict": ["texts.jsonl", "questions.jsonl", "--out", "out"],
        "bench": ["lithography", "cases.jsonl", "--retention", "text.md", "--out", "out"],
        "diff": ["text.md", "--after", NO_MODEL],
        "effects": ["list"],
        "doctor": [],
    }
    words = [command, *good.get(command, ["text.md"])]
    for _ in range(chance.randint(1, 3)):
        option = chance.choice(OPTIONS[command].split())
        values = chance.choices((*VALUES, odd_text(chance)), k=chance.choice((0, 1, 1, 1)))
        words += [option, *values]
    if chance.random() < 0.2:
        del words[chance.randrange(len(words))]
    model = "--before" if command == "diff" else "--model"
    if model in OPTIONS[command] and model not in words:
        words += [model, NO_MODEL]
    if command in ("ensemble", "calibrate"):
        words += ["--set", f"models=['{NO_MODEL}']"]
    return words


@dataclass(frozen=True)
class Kind:
    """A kind of inputs."""

    make: Callable[[Workbench, random.Random, Path], list[str]]  # writes files, gives the command
    weight: int  # its share of all inputs
    needs: tuple[str, ...] = ("files",)  # attributes of the workbench


KINDS = {
    "text": Kind(_text, 16),
    "probes": Kind(_probes, 8),
    "texts": Kind(_texts, 8),
    "cases": Kind(_cases, 6),
    "config": Kind(_config, 12),
    "plan": Kind(_plan, 8),
    "assignment": Kind(_assigned, 10),
    "options": Kind(_options, 12),
    "trails": Kind(_trails, 6),
    "genome": Kind(_genome, 6),
    "school": Kind(_school, 4, ("files", "school")),
    "taught": Kind(_taught, 4, ("files", "taught")),
    "adapter": Kind(_adapter, 4, ("files", "adapter")),
    "model": Kind(_model, 3, ("files", "model")),
    "calibration": Kind(_calibration, 3, ("files", "calibration")),
    "registry": Kind(_registry, 6, ("files", "judged")),
    "run": Kind(_run, 4, ("files", "runs")),
}


def prepare(bench: Workbench, kind: str) -> None:
    """Make the good files that a kind needs."""
    for name in KINDS[kind].needs:
        getattr(bench, name)
