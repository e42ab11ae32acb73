"""Exams as runs: from genome to report, resumed, with a twin, on a build, on real books."""

import json
from pathlib import Path

import pytest

import litho
from litho.api.runs import _write_report
from litho.core.errors import Interrupted, LithoError
from litho.core.runs import RunDirectory
from litho.jobs import runner
from litho.jobs.exam.config import ExamSpec
from litho.jobs.exam.result import ExamRun
from litho.jobs.exam.run import JOB, check
from litho.jobs.models import Models
from litho.text.school.canonical import of_world, written
from litho.text.school.genome import parse_genome
from litho.text.school.questions import KINDS
from litho.text.school.world import World
from tests.builders import Silent, check_numbers
from tests.jobs.conftest import tiny_genome
from tests.text.school.test_cloze import GENOME as BOOKS
from tests.text.school.test_cloze import book
from tests.text.school.test_genome import GENOME

FEW = GENOME.replace("n: 10", "n: 2")


@pytest.fixture(autouse=True)
def little_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("litho.measure.school.writing.MOST", 8)


def given(folder: Path, genome: str = FEW) -> Path:
    (folder / "school.yaml").write_text(genome)
    return folder / "school.yaml"


def test_an_exam_from_genome_to_report(tmp_path: Path) -> None:
    result = litho.exam("tiny:llama", given(tmp_path), out=tmp_path / "run", twin="tiny:gpt2")
    run = RunDirectory.opened(tmp_path / "run")
    assert ExamRun(**run.read_json("metrics.json")) == result
    said = result.model_dump()
    assert set(said["tests"]) == set(KINDS) and said["verdict"] == "nothing"
    assert {"value", "ci"} <= set(said["tests"]["memorised"]["accuracy"])
    assert said["tests"]["memorised"]["n"] == 2 and said["tests"]["memorised"]["bits"] > 0
    assert said["tests"]["two_hop_L3"]["n"] == 0 or said["shortcuts"]["first_hop"]
    assert isinstance(said["twins"]["fluent"], float)
    rows = run.read_rows("answers.parquet")
    for kind, found in result.tests.items():
        own = [row for row in rows if row["kind"] == kind]
        assert len(own) == found.n
        if own:
            assert sum(row["right"] for row in own) / len(own) == found.accuracy.value
    assert all((row["rank"] == 1) is row["right"] for row in rows)
    assert all((row["written"] is None) is not row["kind"].startswith("two_hop") for row in rows)
    check_numbers(tmp_path / "run")


def test_twins_are_raised_once(tmp_path: Path) -> None:
    path, twins = tmp_path / "tiny.yaml", tmp_path / "twins"
    world = of_world(World(1, 2, 12, 2), 3_000)  # a twin of which has all that its scenes need
    small = {key: tiny_genome()[key] for key in ("tokenizer", "model", "train", "tests")}
    gate = {"gate": {"test": "memorised", "min": 1.0}}
    stages = [world["stages"][0], world["stages"][1] | gate, *world["stages"][2:]]
    path.write_text(written({**world, **small, "stages": stages}))
    first = litho.exam("tiny:llama", path, out=tmp_path / "one", twins=twins)
    texts = {
        twin: (twins / twin / "build" / "genome.yaml").read_text()
        for twin in ("fluent", "counterfactual")
    }
    for twin, text in texts.items():
        genome = parse_genome(text, twin, tmp_path)
        assert {b.source.split(":")[3].split("/")[0] for b in genome.library.values()} == {twin}
        assert not any(stage.gate for stage in genome.stages)
    again = litho.exam("tiny:llama", path, out=tmp_path / "two", twins=twins)
    assert again.twin_scores == first.twin_scores and first.twin_scores.turned
    assert isinstance(first.twins.turned, float) and first.turned == again.turned
    (tmp_path / "sub").mkdir()
    spelled = tmp_path / "sub" / ".." / "tiny.yaml"
    elsewhere = litho.exam("tiny:llama", spelled, out=tmp_path / "elsewhere", twins=twins)
    assert elsewhere.twin_scores == first.twin_scores
    given = litho.exam("tiny:llama", path, out=tmp_path / "three", twin=first.twin,
                       turned=first.turned)  # fmt: skip
    assert given.twins == first.twins
    page = (tmp_path / "one" / "report.html").read_text(encoding="utf-8")
    assert "raised on the counterfactual twin: its answers" in page
    check_numbers(tmp_path / "one")
    with pytest.raises(LithoError, match="leave --twin and --turned out"):
        litho.exam("tiny:llama", path, out=tmp_path / "four", twins=twins, twin="tiny:gpt2")
    with pytest.raises(LithoError, match="exists already"):
        litho.exam("tiny:llama", path, out=tmp_path / "one", twins=tmp_path / "other")
    path.write_text(path.read_text().replace("\nseed: 1\n", "\nseed: 2\n"))
    with pytest.raises(LithoError, match=r"fluent twin of .* as it is now: .* with --twins"):
        litho.exam("tiny:llama", path, out=tmp_path / "four", twins=twins)
    (twins / "fluent").rename(twins / "fluent.partial")
    with pytest.raises(LithoError, match=r"unfinished run: .* choose another --twins"):
        litho.exam("tiny:llama", path, out=tmp_path / "four", twins=twins)
    path.write_text(texts["fluent"])
    with pytest.raises(LithoError, match="is a twin already"):
        litho.exam("tiny:llama", path, out=tmp_path / "four", twins=tmp_path / "other")
    assert not (tmp_path / "other").exists() and not list(tmp_path.glob("four*"))


def test_instruments_stand_in_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STATED", "PAGES", "CHAINS", "CONFLICTS"):
        monkeypatch.setattr(f"litho.text.school.trials.{name}", 2)
    genome = given(tmp_path)
    plain = litho.exam("tiny:llama", genome, out=tmp_path / "plain")
    result = litho.exam("tiny:llama", genome, out=tmp_path / "run", instruments=True)
    assert result.tests == plain.tests and plain.instruments is None
    assert '"instruments"' not in (tmp_path / "plain" / "metrics.json").read_text()
    weak = result.instruments
    assert weak and len(weak.flow) == 4 and len(weak.retention) == 5 and weak.resonance
    assert all(each.n == 2 for each in weak.retention)
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert all(f"<h3>{number}. " in page for number in range(1, 7))
    check_numbers(tmp_path / "run")
    for name, seed in (("one", 1), ("two", 2)):
        (tmp_path / f"{name}.txt").write_text(book(seed))
    with pytest.raises(LithoError, match="instruments ask about an invented world"):
        books = given(tmp_path, BOOKS + "tests: {n: 12}\n")
        litho.exam("tiny:llama", books, out=tmp_path / "no", instruments=True)
    assert not list(tmp_path.glob("no*"))


def test_a_stopped_exam_goes_on_to_the_same_answers(tmp_path: Path) -> None:
    genome = given(tmp_path)
    spec = ExamSpec(genome=FEW, genome_name=genome.name, folder=str(tmp_path), model="tiny:llama")
    whole = litho.exam("tiny:llama", genome, out=tmp_path / "whole")
    run = runner.start(JOB, spec, tmp_path / "run", Models(), Silent())
    for stop in (1, 6):
        with pytest.raises(Interrupted, match="litho resume"):
            runner.finish(run, JOB, Models(), Silent(stop), _write_report)
        run = RunDirectory.resume(tmp_path / "run")
    run.release()
    found = litho.resume(tmp_path / "run")
    assert isinstance(found, ExamRun)
    same = {"run", "seconds"}
    assert found.model_dump(exclude=same) == whole.model_dump(exclude=same)


def test_questions_of_a_build_and_what_is_none(tmp_path: Path) -> None:
    genome, build = given(tmp_path), tmp_path / "build"
    with pytest.raises(LithoError, match=r"build is no build: there is no tests\.jsonl"):
        litho.exam("tiny:llama", genome, build=build)
    litho.compile_genome(genome, build)
    own = litho.exam("tiny:llama", genome, out=tmp_path / "own")
    built = litho.exam("tiny:llama", genome, build=build, out=tmp_path / "built")
    assert built.tests == own.tests and built.pairs == own.pairs
    whole = (build / "tests.jsonl").read_text()
    first = json.loads(whole.splitlines()[0])
    twice = {"candidates": ["x", "x"], "answer": "x", "twin": None}
    for damage, said in (
        ("{}", "is no question of an exam; the key 'id' is missing"),
        ("", "holds no questions"),
        (
            json.dumps(first | {"answer": "nobody"}),
            "the answer, or the twin's, is none of the candidates",
        ),
        (json.dumps(first | twice), "two candidates, each of them once"),
    ):
        (build / "tests.jsonl").write_text(damage)
        with pytest.raises(LithoError, match=said):
            litho.exam("tiny:llama", genome, build=build, out=tmp_path / "none")
    other = given(tmp_path, FEW.replace("world:3", "world:4"))
    (build / "tests.jsonl").write_text(whole)
    with pytest.raises(LithoError, match=r"two_hop.* is about things that the world of"):
        litho.exam("tiny:llama", other, build=build, out=tmp_path / "none")
    assert not list(tmp_path.glob("none*"))


def test_real_books_alone_are_not_judged(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("two", 2)):
        (tmp_path / f"{name}.txt").write_text(book(seed))
    genome = given(tmp_path, BOOKS + "tests: {n: 12}\n")
    result = litho.exam("tiny:llama", genome, out=tmp_path / "run")
    assert result.verdict == "not judged" and result.tests["cloze_name"].n > 0
    assert result.tests["order"].chance == 0.5 and not result.pairs and not result.shortcuts
    assert {b.book for b in result.books} == {"one", "two"}
    check_numbers(tmp_path / "run")


def test_what_does_not_fit_is_said_before_anything_is_written(tmp_path: Path) -> None:
    spec = ExamSpec(genome=FEW, genome_name="x", folder=str(tmp_path), model="tiny:llama")
    models = Models()
    model = models.load("tiny:llama")
    model.network.config.max_position_embeddings = 70
    checked = check(spec, models)
    assert "questions are longer than what is read at once, and left out" in checked.notices[0]
    assert checked.cost and checked.cost.seconds > 0
    with pytest.raises(LithoError, match="line 2: id"):
        litho.exam("tiny:llama", given(tmp_path, GENOME.replace("tiny", "'a b'")))
    assert not list(tmp_path.glob("runs*"))
