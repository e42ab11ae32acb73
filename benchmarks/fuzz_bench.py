"""Good texts, settings, models and runs, from which `fuzz_inputs.py` makes damaged ones."""

import io
import json
import shutil
from contextlib import redirect_stderr, redirect_stdout
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
import yaml

from litho.api import compile_genome, load
from litho.cli.main import app, guarded
from litho.jobs.diff import registry
from litho.model.adapters import lora, saved
from litho.model.adapters.spec import AdapterSpec
from litho.model.sources import locate
from litho.text.school.canonical import of_world
from litho.text.school.world import World

MODEL = "tiny:llama"
TEXT = (
    "The clock of Ostrava was built by Marek Dolny in 1931. It is wound on Fridays. A choir of "
    "forty singers climbs the tower every spring."
)
RUSSIAN = "Часы на башне построил Марек Долни. Их заводят по пятницам.\n\nХор поёт каждую весну."
MARKED = (
    "# The mill\n\nThe mill of [[= place: Arden]] was [[built | put up | raised]] by "
    "[[! Jonas Weir]] in 1874.\n[[~ It ground rye [[? for [[$ count: 12 | twelve]] villages]]. | "
    "Its wheel came from Keld.]]\n[[> The mill stands today.]] It feeds [[$ count]] villages.\n"
)
PROBES: list[dict[str, Any]] = [
    {"kind": "mem", "prefix": "The clock of Ostrava was built by", "target": "Marek"},
    {"kind": "gen", "prefix": "The man who built it was", "target": "Marek"},
    {"kind": "hard", "prefix": "The year of the clock is", "target": "1931"},
    {"kind": "neighbour", "prefix": "Two and two make", "target": "four"},
]
SENTENCES = TEXT.split(". ")
TEXTS: list[dict[str, Any]] = [{"id": str(n), "text": each} for n, each in enumerate(SENTENCES)]
QUESTIONS = [{"id": str(n)} | {k: p[k] for k in ("prefix", "target")} for n, p in enumerate(PROBES)]
CASES = [
    {
        "id": f"case-{n}",
        "train_context": TEXT,
        **{f"{kind}_input": [PROBES[0]["prefix"]] for kind in ("mem", "gen", "hard_gen")},
        **{f"{kind}_target": ["Marek"] for kind in ("mem", "gen", "hard_gen")},
        "paraphrases": [TEXT, RUSSIAN],
    }
    for n in range(3)
]
RECIPE = {"learning_rate": 0.01, "steps": 2, "rank": 2}
PLAN = {"texts": "texts.jsonl", "probes": "questions.jsonl", "models": [MODEL], "recipes": [RECIPE]}
ARRANGED = {"texts": "texts.jsonl", "probes": "questions.jsonl", "recipe": RECIPE, "steps": 2}
SCHOOL: dict[str, Any] = {
    **of_world(World(3, 2, 12, 2), 1000),
    "tokenizer": {"kind": "bytes"},
    "model": {"d": 8, "layers": 1, "heads": 1},
    "train": {"seq": 64, "batch_tokens": 256, "warmup": 1, "average": {"last": 2, "every": 256}},
    "pacing": {"probe": 256, "advance": {"slope_bpb": 1.0, "patience": 1}},
    "tests": None,
}
EVENTS = [
    {"stage": "school", "step": 1, "tokens": 300, "action": "advance", "cause": "it is slow"},
    {"stage": "science", "step": 1, "tokens": 500, "action": "reread", "book": "plants",
     "taught": "school", "cause": "plants is harder than it was"},
]  # fmt: skip
SETTINGS: dict[str, dict[str, Any]] = {
    "imprint": {
        "presentations": 2, "check_every": 1, "settle": 1, "replay_pool": 4, "replay_unseen": 1,
        "replay_rows": 1, "replay_length": 8, "retention_tokens": 64, "max_mean_kl": 100,
        "max_surprise": 100, "controls": "none", "operators": ["substitute"], "layers": "all",
    },
    "vary": {"count": 2, "max_mean_kl": 100, "max_surprise": 100, "ladder": False, "seed": 1},
    "expose": {
        "presentations": [1], "tokens": 16, "seeds": 1, "third_steps": 1, "strengths": [1.0],
        "directions": 2,
    },
    "diff": {"nulls": 3, "null_tokens": 8, "behaviour": False, "seed": 1},
    "rewrite": {"rounds": 1, "share": 0.5, "questions": 2, "bridges": 0},
    "pages": {"rounds": 1, "presentations": 1, "questions": 2},
    "roles": {"tokens": 64, "questions": 2},
    "journal": {"sample": 2},
    "evolve": {
        "generations": 1, "size": 2, "rungs": [1], "random_search": False, "finalists": 1,
        "fresh": 2,
    },
}  # fmt: skip


class Workbench:
    """Good files from which inputs are made; each is made once, when it is first needed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def files(self) -> dict[str, bytes]:
        """Texts, lines, plans and settings by name."""
        records: dict[str, list[dict[str, Any]]] = {
            "probes": [*PROBES],
            "texts": [*TEXTS],
            "questions": QUESTIONS,
            "cases": CASES,
        }
        return {
            "text.md": TEXT.encode(),
            "russian.md": RUSSIAN.encode(),
            "marked.md": MARKED.encode(),
            **{f"{name}.jsonl": lines(rows) for name, rows in records.items()},
            "plan.yaml": yaml.safe_dump(PLAN).encode(),
            "recipe.yaml": yaml.safe_dump(RECIPE).encode(),
        }

    @cached_property
    def adapter(self) -> Path:
        model = load(MODEL)
        lora.attach(model, "x", AdapterSpec(rank=2, alpha=4, seed=1))
        with torch.no_grad():
            for parameter in lora.weights(model, "x").values():
                parameter.add_(0.1)
        saved.save(model, "x", self.folder / "adapter")
        return self.folder / "adapter"

    @cached_property
    def model(self) -> Path:
        return Path(shutil.copytree(locate(MODEL).folder, self.folder / "model"))

    @cached_property
    def calibration(self) -> Path:
        from litho.jobs.predict import reach

        return Path(reach.__file__).with_name("shipped.json")

    @cached_property
    def runs(self) -> list[Path]:
        """Finished runs of all quick commands."""
        for name, content in self.files.items():
            (self.folder / name).write_bytes(content)
        page, adapter = str(self.folder / "text.md"), str(self.adapter)
        asked = [str(self.folder / f"{name}.jsonl") for name in ("texts", "questions")]
        recipe = ["--recipe", str(self.folder / "recipe.yaml")]
        of_model = ["--model", MODEL]
        lines = {
            "map": ["map", page, *of_model],
            "vary": ["vary", page, *of_model, *settings_of("vary")],
            "diff": ["diff", page, "--before", MODEL, "--after", adapter, *settings_of("diff")],
            "align": ["diff", page, "--before", MODEL, "--after", "tiny:gpt2"],
            "expose": ["expose", page, *of_model, *settings_of("expose")],
            "predict": ["predict", *asked, *of_model, *recipe],
            "ensemble": ["ensemble", str(self.folder / "plan.yaml")],
            "imprint": [
                *["imprint", page, *of_model, *settings_of("imprint")],
                "--set",
                "operators=[apart]",
            ],
        }
        return [self._run(name, line) for name, line in lines.items()]

    @cached_property
    def school(self) -> Path:
        """A folder with a small genome and its build."""
        folder = self.folder / "school"
        folder.mkdir()
        (folder / "school.yaml").write_text(yaml.safe_dump(SCHOOL), encoding="utf-8")
        compile_genome(folder / "school.yaml", folder / "build")
        return folder

    @cached_property
    def taught(self) -> dict[str, Path]:
        """Small finished runs of a school, and of what goes on from one."""
        genome = SCHOOL | {"pacing": None, "tests": {"n": 2, "twin": None}}
        path = self.folder / "taught.yaml"
        path.write_text(yaml.safe_dump(genome), encoding="utf-8")
        school = self._run("school", ["school", str(path)])
        page = ["imprint", str(self.folder / "taught.md"), "--model", MODEL]
        (self.folder / "taught.md").write_text(TEXT)
        apart = ["--set", "operators=[apart]"]
        imprint = self._run("printed", [*page, *settings_of("imprint"), *apart])
        lines = {
            "journal": ["journal", str(school), *settings_of("journal")],
            "rewrite": ["rewrite", str(school), *settings_of("rewrite")],
            "pages": ["rewrite", str(imprint), *settings_of("pages")],
            "evolve": ["evolve", str(path), *settings_of("evolve")],
        }
        later = {name: self._run(name, line) for name, line in lines.items()}
        return {"school": school, "imprint": imprint} | later

    @cached_property
    def judged(self) -> Path:
        """An effects registry with something in it."""
        path = self.folder / "judged.sqlite"
        store = registry.opened(path)
        registry.add(store, [_evidence(number) for number in range(20)])
        return path

    def _run(self, name: str, line: list[str]) -> Path:
        out = self.folder / f"run-{name}"
        said = io.StringIO()
        with redirect_stdout(said), redirect_stderr(said):
            code = guarded(lambda: app([*line, "--out", str(out)], standalone_mode=False))
        assert code in (0, 1), said.getvalue()
        return out


def lines(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def settings_of(command: str) -> list[str]:
    pairs = SETTINGS[command].items()
    return [word for k, v in pairs for word in ("--set", f"{k}={json.dumps(v)}")]


def _evidence(number: int) -> registry.Evidence:
    kinds: dict[str, Any] = {"str": f"x{number % 3}", "float": 0.1 * number, "int": number}
    fields = registry.Evidence.model_fields.items()
    values = {name: kinds.get(getattr(f.annotation, "__name__", ""), True) for name, f in fields}
    return registry.Evidence(**values | {"id": None, "found": number % 2 == 0})
