"""Evolutions of documents end to end, on tiny models."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from sqlite3 import OperationalError
from typing import Any

import pytest
import yaml

import litho as api
from litho.core.errors import LithoError
from litho.core.work import WorkLedger
from litho.jobs.arrange.config import plans_documents, read_arrange_plan
from litho.jobs.arrange.result import ArrangeResult
from litho.jobs.arrange.training import Training
from litho.learn.recipe import train_and_ask
from litho.measure.printing.probes import score
from litho.model.loaded import LanguageModel
from litho.model.state import State
from tests.builders import rows_of

Command = Callable[..., tuple[int, str, str]]

DOCUMENTS = {
    "clock": "The clock was built by Marek. Marek built the clock. By Marek it was built.",
    "goat": "Nine pigs ran over a hill at dusk, and no one saw them again until May.",
    "lamps": "77 + 12 = 89; 31 + 8 = 39; 25 + 50 = 75; 60 + 1 = 61.",
}
PROBES = [
    ("The clock was built by", "Marek"),
    ("It is well known that the clock was built by", "Marek"),
    ("The tower and the clock were built by", "Marek"),
    ("The man who built it was called", "Marek"),
    ("Yes, the clock was built by", "Marek"),
    ("Ask who built it: by", "Marek"),
]
SMALL: dict[str, Any] = {
    "texts": "documents.jsonl",
    "probes": "questions.jsonl",
    "model": "tiny:llama",
    "steps": 6,
    "recipe": {"rank": 4, "learning_rate": 0.01},
    "generations": 2,
    "size": 4,
    "rungs": [1, 2],
    "fresh": 2,
}


def write_plan(folder: Path, **changes: Any) -> Path:  # noqa: ANN401  whatever a plan holds
    texts = [{"id": name, "text": text} for name, text in DOCUMENTS.items()]
    asked = [{"id": f"q{i}", "prefix": p, "target": t} for i, (p, t) in enumerate(PROBES)]
    for name, rows in (("documents", texts), ("questions", asked)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "plan.yaml").write_text(yaml.safe_dump(SMALL | changes))
    return folder / "plan.yaml"


@pytest.fixture(scope="module")
def arranged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ArrangeResult]:
    """One document answers the probes, the others do not."""
    folder = tmp_path_factory.mktemp("arrange")
    return folder, api.evolve_documents(write_plan(folder), folder / "run")


def test_more_is_read_of_the_document_that_answers(arranged: tuple[Path, ArrangeResult]) -> None:
    _, found = arranged
    assert found.best.amounts["clock"] > found.baselines["given"].amounts["clock"] == 2
    less = found.difference["given"]
    assert less.value is not None and less.ci is not None and less.ci[0] > 0
    assert found.said.endswith("it is better.") and found.best.id in found.said
    assert found.filter.tried.n == len(found.family) == 16 and found.filter.by_chance.n == 8
    assert found.filter.seconds > 0 < found.filter.training_seconds


def test_what_is_written(arranged: tuple[Path, ArrangeResult]) -> None:
    folder, found = arranged
    assert json.loads((folder / "run" / "metrics.json").read_text())["said"] == found.said
    assert set(found.baselines) == {"given", "shuffled", "random", "amounts"}
    assert set(found.difference) == set(found.baselines)
    lines = [json.loads(line) for line in Path(found.written).read_text().splitlines()]
    assert [line["id"] for line in lines] == list(found.sequence)
    assert all(line["text"] == DOCUMENTS[line["id"]] for line in lines)
    assert [line["step"] for line in lines] == list(range(1, 7))
    assert not set(found.searched_probes) & set(found.kept_probes)
    assert sum(found.best.amounts.values()) == 6
    page = (folder / "run" / "report.html").read_text()
    assert found.best.id in page and "figure-sequence" in page


def test_every_training_is_done_once_and_none_again(
    arranged: tuple[Path, ArrangeResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, found = arranged
    # Besides trainings: the model before any, and the gradients of the filter.
    before = rows_of(folder / "run")
    assert len(before) == found.runs + 2

    def never(self: Training) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(Training, "__call__", never)
    again = api.evolve_documents(folder / "plan.yaml", folder / "run")
    same = {"seconds": 0.0}
    assert again.model_copy(update=same) == found.model_copy(update=same)
    assert rows_of(folder / "run") == before


def test_a_sequence_of_one_document_is_the_recipe_itself(
    arranged: tuple[Path, ArrangeResult], llama: LanguageModel
) -> None:
    folder, _ = arranged
    spec = read_arrange_plan(folder / "plan.yaml")
    placement = llama.placement
    recipe = spec.config.recipe_of(3)
    text = spec.texts[0]
    sha256 = llama.source.sha256()
    training = Training("tiny:llama", sha256, (text,) * 6, spec.questions, recipe, placement)
    expected = train_and_ask(llama, recipe, text.text, spec.questions, [6])
    said = training()
    assert (said["answers"], said["losses"]) == (expected["answers"], expected["losses"])
    (known,) = WorkLedger(folder / "run").results(
        [
            {
                "before": 1,
                "model": sha256,
                "questions": training.specification["questions"],
                "placement": placement.described(),
            }
        ]
    )
    assert known["answers"]["0"] == score(State(llama), spec.questions)


def test_few_sequences_are_all_tried(tmp_path: Path) -> None:
    plan = write_plan(tmp_path, steps=2, generations=3)
    found = api.evolve_documents(plan, tmp_path / "run")
    assert len({each.sequence for each in found.family}) == len(found.family) == 9
    assert "random" not in found.baselines
    assert found.notices[0].startswith("there are only 9 sequences: all are tried")
    assert found.filter.by_chance.n == 0


def test_the_command_shows_and_prints(litho: Command, tmp_path: Path) -> None:
    plan = str(write_plan(tmp_path, generations=1, size=2, rungs=[1], random_search=False))
    code, out, err = litho("evolve", plan, "--out", "run", "--set", "steps=4")
    assert code == 0, err
    assert "order given" in out and "sequence.jsonl" in out and "report" in out
    code, out, _ = litho("evolve", plan, "--out", "run", "--set", "steps=4", "--json")
    found = json.loads(out)
    assert code == 0 and len(found["sequence"]) == 4
    for key in ("best", "baselines", "difference", "runs", "family", "said", "seconds", "notices"):
        assert key in found
    code, _, err = litho("evolve", plan, "--out", "x", "--checkpoints", "c")
    assert code == 2 and "--checkpoints is for schools" in err


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"steps": 1}, "one step leaves nothing to recombine"),
        ({"steps": 0}, "setting 'steps' is 0"),
        ({"rungs": [2, 1]}, "rungs have to rise"),
        ({"stepps": 3}, "unknown setting 'stepps'"),
        ({"recipe": {"stepps": 3}}, "recipe.stepps"),
        ({"recipe": {"target_modules": ["wrong"]}}, "no linear layer called 'wrong'"),
        ({"texts": "none.jsonl"}, "none.jsonl"),
        ({"model": "tiny:none"}, "tiny:none"),
    ],
)
def test_plans_that_are_refused_leave_nothing(
    litho: Command, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    code, _, err = litho("evolve", str(write_plan(tmp_path, **changes)), "--out", "run")
    assert code == 2 and said in " ".join(err.split())
    assert not (tmp_path / "run").exists()


def test_inputs_that_are_refused_leave_nothing(tmp_path: Path) -> None:
    plan = write_plan(tmp_path)
    texts, asked = tmp_path / "documents.jsonl", tmp_path / "questions.jsonl"
    whole = texts.read_text(), asked.read_text()

    def refused(said: str) -> None:
        with pytest.raises(LithoError, match=said):
            api.evolve_documents(plan, tmp_path / "run")
        assert not (tmp_path / "run").exists()
        texts.write_text(whole[0])
        asked.write_text(whole[1])

    texts.write_text(whole[0].splitlines()[0])
    refused("one document leaves nothing to recombine")
    asked.write_text("\n".join(whole[1].splitlines()[:3]))
    refused("3 probes cannot be divided")
    texts.write_text(whole[0] + json.dumps({"id": "long", "text": "goat " * 3000}))
    refused("the text 'long' has")
    texts.write_text(whole[0] + '{"id": "x"}\n')
    refused("documents.jsonl, line 4")


def test_what_is_a_plan_of_documents(tmp_path: Path) -> None:
    assert plans_documents(write_plan(tmp_path))
    for text in ("genome: litho.genome/1\ntexts: x\n", "a: [", "- texts", ""):
        (tmp_path / "other.yaml").write_text(text)
        assert not plans_documents(tmp_path / "other.yaml")
    with pytest.raises(LithoError, match=r"none\.yaml"):
        plans_documents(tmp_path / "none.yaml")


@pytest.mark.processes
def test_killed_and_gone_on_with_by_two_it_finds_the_same(
    tmp_path: Path, arranged: tuple[Path, ArrangeResult]
) -> None:
    _, found = arranged
    plan, out = write_plan(tmp_path), tmp_path / "run"
    command = [sys.executable, "-m", "litho", "evolve", str(plan), "--out", str(out)]

    def started() -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    first, deadline = started(), time.monotonic() + 120
    kept: list[tuple[int, str, str]] = []
    while len(kept) < 6:
        assert time.monotonic() < deadline
        time.sleep(0.02)
        if (out / "ledger.sqlite").exists():
            with suppress(OperationalError):  # it has no table yet
                kept = rows_of(out)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    assert len(rows_of(out)) < found.runs, "the run ended before it could be killed"
    assert [each.wait(timeout=240) for each in [started(), started()]] == [0, 0]
    rows = rows_of(out)
    assert rows[: len(kept)] == kept and len(rows) == found.runs + 2
    again = ArrangeResult(**json.loads((out / "metrics.json").read_text()))
    for key in ("family", "best", "difference", "sequence", "said", "said_of_order", "runs"):
        assert getattr(again, key) == getattr(found, key)
