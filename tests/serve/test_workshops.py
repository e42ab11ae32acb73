"""The pages of variants, trails and schools: what is shown at once, and the jobs they start."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from litho.jobs.exam.config import ExamSpec
from litho.jobs.school.config import SchoolSpec
from litho.jobs.trails.config import PrintSpec
from litho.jobs.vary.config import VarySpec
from litho.serve.pages.base import Bench
from litho.serve.worker import work
from litho.text.school.canonical import of_world, written
from litho.text.school.genome import read_genome
from litho.text.trails.library import starter
from tests.builders import TEXT
from tests.jobs.genome.test_compiler import WORLD
from tests.jobs.school.test_run import TINY
from tests.serve.bench import DeskHere, posted, sent

MARKED = "The clock was built [[in 1931 | before the war]] by [[= Marek Dolny]]."
VALUES: dict[str, Any] = {**of_world(WORLD, 12_000), **TINY}


@pytest.fixture
def genome(folder: Path, client: TestClient) -> str:
    (folder / "school.yaml").write_text(written(VALUES))
    return "school.yaml"


def order(values: dict[str, Any] = VALUES) -> list[dict[str, Any]]:
    return [{"id": each["id"], "books": list(each["books"])} for each in values["stages"]]


def test_a_text_is_highlighted_piece_by_piece(client: TestClient) -> None:
    told = sent(client, "/variants/markup", source=MARKED).json()
    assert "".join(text for text, _, _ in told["pieces"]) == MARKED and told["fault"] is None
    assert [piece for piece in told["pieces"] if piece[1]] == [
        ["[[", "open alternatives", 1],
        ["|", "bar alternatives", 1],
        ["]]", "close alternatives", 1],
        ["[[=", "open anchor", 1],
        ["]]", "close anchor", 1],
    ]
    assert ["in 1931 ", "", 1] in told["pieces"] and [" by ", "", 0] in told["pieces"]
    assert sorted(told["versions"]) == [
        "The clock was built before the war by Marek Dolny.",
        "The clock was built in 1931 by Marek Dolny.",
    ]
    wrong = sent(client, "/variants/markup", source="a\n b [[? c").json()
    assert (wrong["fault"]["line"], wrong["fault"]["column"]) == (2, 4)
    assert "".join(text for text, _, _ in wrong["pieces"]) == "a\n b [[? c"


def test_variants_come_with_their_volatility_as_those_of_a_run(
    client: TestClient, bench: Bench, folder: Path
) -> None:
    told = sent(client, "/variants/plan", source=MARKED, model="tiny:llama").json()
    assert told["variants"][0]["operator"] == "markup"
    assert all(each["operator"] != "restatement" for each in told["variants"])
    answer = posted(client, "/variants/run", source=MARKED, name="clock", model="tiny:llama")
    (job,) = bench.queue.jobs()
    assert answer.headers["location"] == f"/jobs/{job.id}"
    spec = VarySpec(**job.spec or {})
    assert spec.source == MARKED and spec.config.count == 50
    bench.queue.cancel(job.id)
    small = spec.model_copy(update={"config": spec.config.model_copy(update={"ladder": False})})
    again = bench.queue.add("vary", "clock", "runs/clock", small.model_dump(mode="json"))
    work(folder, again.id)
    plan = json.loads((folder / "runs/clock/plan.json").read_text())
    known = {tuple(each["rows"]): each["volatility"] for each in plan["variants"]}
    for each in told["variants"]:
        assert each["volatility"] == pytest.approx(known[tuple(each["rows"])], abs=1e-4)
    for source in (" ", "[[? x", "word " * 500):
        assert sent(client, "/variants/plan", source=source, model="tiny:llama").status_code == 400


def test_a_genome_is_made_rearranged_and_saved(client: TestClient, folder: Path) -> None:
    answer = posted(client, "/school/new", name="mine", seed="5")
    assert answer.headers["location"] == "/school/genome?path=mine.yaml"
    assert "world-5" in client.get(answer.headers["location"]).text
    assert "mine.yaml" in client.get("/school").text
    assert posted(client, "/school/new", name="mine", seed="5").status_code == 400
    read = read_genome(folder / "mine.yaml")
    new: list[dict[str, Any]]
    new = [{"id": stage.id, "books": list(stage.books)} for stage in read.stages]
    same = sent(client, "/school/check", path="mine.yaml", order=new).json()
    assert same["again"] == same["faults"] == same["changes"] == []
    new[-1]["books"].reverse()
    told = sent(client, "/school/check", path="mine.yaml", order=new).json()
    assert told["again"] == [read.stages[-1].id, "tail"] and not told["faults"]
    fields = {"path": "mine.yaml", "order": json.dumps(new), "name": "second"}
    saved = posted(client, "/school/save", **fields)
    assert saved.headers["location"] == "/school/genome?path=second.yaml"
    assert read_genome(folder / "second.yaml").stages[-1].books == read.stages[-1].books[::-1]
    new[0]["books"] = []
    broken = posted(client, "/school/save", **{**fields, "order": json.dumps(new), "name": "x"})
    assert broken.status_code == 400 and not (folder / "x.yaml").exists()


def test_a_school_is_estimated_begun_and_examined(
    client: TestClient, bench: Bench, folder: Path, genome: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)  # as the processes of desk and jobs do
    told = sent(client, "/school/cost", path=genome).json()
    assert told["seconds"] > 0 and told["gib"] > 0 and told["free_gib"] > 0
    answer = posted(client, "/school/start", path=genome)
    (job,) = bench.queue.jobs()
    assert answer.headers["location"] == f"/jobs/{job.id}" and job.command == "school"
    spec = SchoolSpec(**job.spec or {})
    assert spec.checkpoints == str(folder / "checkpoints") and spec.folder == str(folder)
    work(folder, job.id)
    done = bench.queue.job(job.id)
    assert done and done.state == "done", done
    model = f"./{job.run}/model"
    assert f"<option>{model}</option>" in client.get("/school").text
    read = sent(client, "/read/tokens", text=TEXT, model=model)
    assert read.status_code == 200
    posted(client, "/school/exam", path=genome, model=model)
    exam = bench.queue.jobs("queued")[0]
    assert ExamSpec(**exam.spec or {}).model == model and exam.command == "exam"
    elsewhere = posted(client, "/school/exam", path=genome, model="/etc")
    assert elsewhere.status_code == 400


def test_a_family_is_drawn_with_everyone_in_it(client: TestClient, folder: Path) -> None:
    estimate = {"value": 0.2, "ci": [0.1, 0.3], "n": 2}
    scores = dict.fromkeys(("bridging", "paraphrase", "memorised", "unknown"), estimate)
    entrant = {"id": "g1-0", "role": "best", "search": scores, "fresh": scores}

    def bred(name: str, generation: int, *parents: str, search: str = "evolution") -> object:
        fitness = dict.fromkeys(scores, generation / 10)
        told = {"operators": ["swap"], "changes": ["<b>x</b>"], "seeds": 3, "fitness": fitness}
        rest = {"order_entropy": 1.0, "scene_share": 0.1, "front": False, **told}
        return {"id": name, "search": search, "generation": generation, "parents": parents, **rest}

    family = [bred("w", 0), bred("g1-0", 1, "w"), bred("r", 0, "w", search="random")]
    result = {
        "run": "x", "best": entrant, "genome": "g.yaml", "baselines": {}, "finalists": [],
        "difference": {}, "runs": 3, "reused": 0.5, "family": family, "operators": [],
        "said": "no difference", "seconds": 1.0,
    }  # fmt: skip
    run = folder / "runs" / "evolution"
    run.mkdir(parents=True)
    (run / "manifest.yaml").write_text("command: evolve\n")
    (run / "metrics.json").write_text(json.dumps(result))
    page = client.get("/school/family?path=runs/evolution").text
    assert re.findall(r'data-id="([\w-]+)"', page) == ["w", "g1-0", "r"]
    assert re.findall(r'data-child="([\w-]+)"', page) == ["g1-0", "r"] and "<b>x" not in page
    assert "/school/family?path=runs/evolution" in client.get("/school").text
    (run / "metrics.json").write_text("{}")
    assert client.get("/school/family?path=runs/evolution").status_code == 400


def test_trails_are_shown_estimated_and_begun(
    client: TestClient, bench: Bench, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "mine.yaml").write_text(starter())
    asked: list[dict[str, Any]] = []

    def estimated(_: DeskHere, **question: Any) -> dict[str, Any]:  # noqa: ANN401
        asked.append(question)
        return {"seconds": 5}

    monkeypatch.setattr(DeskHere, "ask", estimated)
    page = client.get("/trails?library=mine.yaml").text
    assert "ponens" in page and '<option value="mine.yaml" selected>' in page
    fields = {"library": "mine.yaml", "model": "tiny:llama", "presentations": "3", "budget": "0,02"}
    told = sent(client, "/trails/cost", **fields).json()
    assert told["seconds"] == 5 and told["free_gib"] > 0
    posted(client, "/trails", channels="qkvo", control="none", **fields)
    (job,) = bench.queue.jobs()
    spec = PrintSpec(**job.spec or {})
    assert job.command == "trails print" and spec.library_name == "mine.yaml"
    assert asked[0]["command"] == "trails print"
    assert PrintSpec(**asked[0]["spec"]).config.channels == "qk"
    assert (spec.config.channels, spec.config.presentations, spec.config.budget) == (
        "qkvo",
        3,
        0.02,
    )
    wrong = posted(client, "/trails", **{**fields, "channels": "everything"})
    assert wrong.status_code == 400 and "channels" in wrong.text
    (folder / "mine.yaml").write_text(starter().replace("form: ponens", "form: [x]", 1))
    broken = client.get("/trails?library=mine.yaml")
    assert broken.status_code == 400 and "mine.yaml, line" in broken.text
    assert client.get("/trails/map?path=none").status_code == 400


def test_the_effects_of_an_ensemble_and_a_prediction_are_matrices(
    client: TestClient, folder: Path
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    run = folder / "runs" / "e"
    run.mkdir(parents=True)
    (run / "manifest.yaml").write_text("command: ensemble\n")
    (run / "metrics.json").write_text("{}")
    rows = [
        {"model": "m", "recipe": 0, "seed": seed, "step": step, "text": text, "probe": probe,
         "delta": seed + step + len(text) / 10}
        for seed in (0, 1) for step in (1, 5) for text in ("a", "<b>") for probe in ("p", "q")
    ]  # fmt: skip
    pq.write_table(pa.Table.from_pylist(rows), run / "effects.parquet")
    page = client.get("/matrix?path=runs/e").text
    cells = re.findall(r'data-heat="([\d.]+)"', page)
    assert [float(cell) for cell in cells] == pytest.approx([5.6, 5.6, 5.8, 5.8])
    assert "<b></th>" not in page
    (run / "effects.parquet").write_bytes(b"no table")
    assert client.get("/matrix?path=runs/e").status_code == 400
    predicted = folder / "runs" / "p"
    shutil.copytree(run, predicted)
    (predicted / "manifest.yaml").write_text("command: predict\n")
    told = [{"text": "a", "probe": "p", "delta": 0.5, "total": 1.0, "low": None, "high": None,
             "trusted": False}]  # fmt: skip
    pq.write_table(pa.Table.from_pylist(told), predicted / "predictions.parquet")
    page = client.get("/matrix?path=runs/p&which=7").text
    assert 'class="n untrusted" data-heat="0.5"' in page


def test_the_registry_is_asked_as_on_the_command_line(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from litho.jobs.diff import registry

    monkeypatch.setenv("LITHO_REGISTRY", str(tmp_path / "effects.sqlite"))
    assert "Nothing has been judged" in client.get("/effects").text
    names = ("model", "model_sha", "text", "text_sha", "change", "change_sha", "recipe")
    values: dict[str, Any] = dict.fromkeys(names, "x")
    numbers = {"statistic": 1.0, "low": -1.0, "high": 0.5, "p": 0.001, "seed": 0}
    found = registry.Evidence(
        effect="surer", found=True, run="r", made="2026", **{**values, **numbers}
    )
    registry.add(registry.opened(tmp_path / "effects.sqlite"), [found])
    assert "1 findings" in client.get("/effects?q=found and p<0.01").text
    assert "0 findings" in client.get("/effects?q=not found").text
    wrong = client.get("/effects?q=p<x")
    assert wrong.status_code == 400 and "is no number" in wrong.text
