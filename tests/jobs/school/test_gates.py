"""Gates: asked of the model as it would be saved; nothing is lost where one stays shut."""

import json
from pathlib import Path
from typing import Any

import pytest

from litho import api
from litho.core.errors import LithoError
from litho.jobs.school.cost import gate_tokens
from litho.jobs.school.result import SchoolResult
from litho.measure.school.closed import answer_logps, closed_sets
from litho.measure.school.scores import score_of
from litho.text.school.canonical import of_world
from litho.text.school.gated import gate_questions
from litho.text.school.genome import read_genome
from litho.text.school.stages import School
from tests.builders import check_numbers
from tests.jobs.genome.test_compiler import WORLD
from tests.jobs.school.test_pacing import PACING, TRAIN
from tests.jobs.school.test_run import genome


def gated(gates: dict[int, tuple[str, float]]) -> dict[str, Any]:
    """Stages, some of which have a gate."""
    stages = of_world(WORLD)["stages"]
    said = {n: {"gate": {"test": test, "min": least}} for n, (test, least) in gates.items()}
    return {"stages": [stage | said.get(n, {}) for n, stage in enumerate(stages)]}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> SchoolResult:
    folder = tmp_path_factory.mktemp("plain")
    return api.school(genome(folder), out=folder / "run")


def test_gates_leave_the_model_as_it_is(plain: SchoolResult, tmp_path: Path) -> None:
    path = genome(tmp_path, **gated({1: ("fluency", 0.001), 3: ("fluency", 0.001)}))
    result = api.school(path, out=tmp_path / "run")
    assert result.model_sha256 == plain.model_sha256 and result.gates and not plain.gates
    assert [s.checkpoint for s in result.stages] == [s.checkpoint for s in plain.stages]
    assert [(gate.stage, gate.test) for gate in result.gates] == [
        ("school", "fluency"),
        ("science", "fluency"),
    ]
    check_numbers(tmp_path / "run")
    assert "<h2>Gates</h2>" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


def test_gates_leave_a_pace_as_it_is(tmp_path: Path) -> None:
    paced: dict[str, Any] = {"train": TRAIN, "pacing": PACING}
    free = api.school(genome(tmp_path, **paced), out=tmp_path / "free")
    path = genome(tmp_path, **paced, **gated({1: ("fluency", 0.001), 2: ("fluency", 0.001)}))
    result = api.school(path, out=tmp_path / "run")
    assert (result.model_sha256, result.events) == (free.model_sha256, free.events)
    assert result.probes == free.probes and result.gates


def test_a_gate_that_is_not_reached(plain: SchoolResult, tmp_path: Path) -> None:
    path = genome(tmp_path, **gated({1: ("fluency", 1.0)}))
    line = next(n for n, each in enumerate(path.read_text().splitlines(), 1) if "gate:" in each)
    with pytest.raises(LithoError, match=rf"yaml, line {line}: stages\[1\].gate.min: .* --build"):
        api.school(path, out=tmp_path / "run")
    with pytest.raises(LithoError, match=f"the same command with --out {tmp_path / 'run'}, which"):
        api.school(path, out=tmp_path / "run")
    live = (tmp_path / "run.live.html").read_text(encoding="utf-8")
    assert "not reached" in live and "refresh" in live
    partial = tmp_path / "run.partial"
    ends = sorted(partial.glob("checkpoints/*"))
    assert len(ends) == 2 and not (partial / ".asked").exists()
    with pytest.raises(LithoError, match="is asked for"):  # asked of the same model, and no more
        api.school(path, out=tmp_path / "run")
    asked = [json.loads(file.read_text()) for file in partial.glob("gate-*.json")]
    assert len(asked) == 1
    other = genome(tmp_path, "other", seed=9, **gated({1: ("fluency", 0.001)}))
    with pytest.raises(LithoError, match="holds an unfinished run"):
        api.school(other, out=tmp_path / "run")
    before = [end.stat().st_mtime_ns for end in ends]
    genome(tmp_path, **gated({1: ("fluency", 0.001)}))
    # As the message says: another run, from what this one has compiled and trained.
    build, checkpoints = partial / "build", partial / "checkpoints"
    elsewhere = api.school(path, out=tmp_path / "elsewhere", build=build, checkpoints=checkpoints)
    assert elsewhere.model_sha256 == plain.model_sha256
    assert [end.stat().st_mtime_ns for end in ends] == before
    for end in {*partial.glob("checkpoints/*")} - {*ends}:
        end.unlink()
    result = api.school(path, out=tmp_path / "run")
    assert result.model_sha256 == plain.model_sha256
    kept = [tmp_path / "run" / "checkpoints" / end.name for end in ends]
    assert [end.stat().st_mtime_ns for end in kept] == before
    assert result.gates and result.gates[0].accuracy.model_dump(mode="json") == asked[0]


def test_a_gate_asks_the_mean_of_the_stage(tmp_path: Path) -> None:
    """Of a school of one stage that is the model which is saved."""
    stage = gated({1: ("fluency", 0.001)})["stages"][1] | {"share": 1.0}
    less: dict[str, Any] = {"gaps": [], "crossrefs": [], "budget": {"tokens": 8_000, "tail": 0.0}}
    path = genome(tmp_path, stages=[stage], **less)
    result = api.school(path, out=tmp_path / "run")
    known = read_genome(path)
    school = School.of(known, tmp_path)
    some = gate_questions(known, school.shelf, school.plan, known.stages[0])
    model = api.load(result.model)
    logps = answer_logps(
        model, closed_sets(model, [q.context for q in some], [q.closed for q in some])
    )
    assert result.gates and result.gates[0].accuracy == score_of(some, logps).accuracy


def test_books_that_yield_no_question_for_a_gate(tmp_path: Path) -> None:
    (tmp_path / "hens.txt").write_text("and hens lay eggs where it is warm all day. " * 60)
    library = of_world(WORLD)["library"] | {"hens": {"source": "file:hens.txt"}}
    stages = of_world(WORLD)["stages"]
    stages[1] = stages[1] | {"books": [*stages[1]["books"], "hens"]}

    def with_gate(test: str) -> Path:
        gate = {"gate": {"test": test, "min": 1.0}}
        return genome(tmp_path, library=library, stages=[stages[0], stages[1] | gate, *stages[2:]])

    said = r"stages\[1\].gate.test: the books .* yield no question for 'cloze_name': choose"
    with pytest.raises(LithoError, match=said):
        api.school(with_gate("cloze_name"), out=tmp_path / "run")
    assert not list(tmp_path.glob("run*"))
    with pytest.raises(LithoError, match="is asked for"):
        api.school(with_gate("fluency"), out=tmp_path / "run")
    before = (tmp_path / "run.partial" / "inputs.json").read_bytes()
    with pytest.raises(LithoError, match=said):
        api.school(with_gate("cloze_name"), out=tmp_path / "run")
    assert (tmp_path / "run.partial" / "inputs.json").read_bytes() == before


def test_what_a_gate_may_ask(tmp_path: Path) -> None:
    path = genome(tmp_path, **gated({1: ("memorised", 0.5), 3: ("two_hop_L1", 0.5)}))
    known = read_genome(path)
    school = School.of(known, tmp_path)
    for number in (1, 3):
        some = gate_questions(known, school.shelf, school.plan, known.stages[number])
        assert some == gate_questions(known, school.shelf, school.plan, known.stages[number])
        assert 0 < len(some) <= 64 and {q.kind for q in some} == {known.stages[number].gate.test}  # type: ignore[union-attr]
    assert gate_tokens(known, tmp_path) > 0 == gate_tokens(read_genome(genome(tmp_path)), tmp_path)
    wrong: list[tuple[int, tuple[str, float], str]] = [
        (
            0,
            ("memorised", 0.5),
            r"line \d+: stages\[0\].gate.test: nothing that is read",
        ),
        (1, ("cloze_name", 0.5), r"stages\[1\].gate.test: nothing that is read"),
        (1, ("memorised", 1.5), r"stages\[1\].gate.min"),
        (1, ("rule", 0.5), r"stages\[1\].gate.test"),
    ]
    for number, gate, said in wrong:
        with pytest.raises(LithoError, match=said):
            api.school(genome(tmp_path, **gated({number: gate})), out=tmp_path / "run")
    assert not list(tmp_path.glob("run*"))
