"""The pages of variants, trails and schools: what is shown at once, and the jobs they start."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from litho import api
from litho.core.errors import Cancelled, Interrupted
from litho.core.reporter import Event
from litho.jobs.evolve.config import EvolveSpec
from litho.jobs.exam.config import ExamSpec
from litho.jobs.school.config import SchoolSpec
from litho.jobs.school.result import Live
from litho.jobs.trails.config import PrintSpec
from litho.jobs.vary.config import VarySpec
from litho.serve.live import POINTS, school_at, stamp_of
from litho.serve.pages.base import Bench
from litho.serve.worker import work
from litho.show.pages.school_live import page as school_page
from litho.text.school.canonical import of_world, written
from litho.text.school.genome import read_genome
from litho.text.school.world import World
from litho.text.trails.library import starter
from tests.builders import TEXT
from tests.jobs.genome.test_compiler import WORLD
from tests.jobs.school.test_run import TINY
from tests.serve.bench import HERE, KEYS, DeskHere, posted, sent
from tests.serve.found import written_ensemble, written_family, written_live

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
    assert (
        'name="name" required maxlength="80" value="mine-2"'
        in client.get("/school/genome?path=mine.yaml").text
    )
    posted(client, "/school/save", **{**fields, "name": "mine-2"})
    assert 'value="mine-3"' in client.get("/school/genome?path=mine.yaml").text
    headers = {"Origin": HERE, "X-CSRF": KEYS.csrf}  # of a script, to which it is told as such
    told = client.post("/school/save", data={"csrf": KEYS.csrf, **fields}, headers=headers)
    assert told.status_code == 400 and "exists already" in told.json()["error"]
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
    assert "<h2>Text</h2>" not in client.get(f"/run?path={job.run}").text  # it has none
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


def test_an_evolution_is_estimated_begun_and_thrown_away(
    client: TestClient, bench: Bench, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)  # as the processes of desk and jobs do
    values = {**of_world(World(3, 2, 12, 2), 3_000), "tests": {"n": 2, "twin": "counterfactual"}}
    values |= {**TINY, "tests": values["tests"]}
    (folder / "race.yaml").write_text(written(values))
    small = {"path": "race.yaml", "generations": "1", "size": "2", "rungs": "1", "fresh": "2"}
    told = sent(client, "/school/evolve/cost", search="one", **small).json()
    assert told["schools"] == 2 + 2 * 5 and told["seconds"] > 0 and told["free_gib"] > 0
    answer = posted(client, "/school/evolve", search="one", **small)
    (job,) = bench.queue.jobs()
    assert answer.headers["location"] == f"/jobs/{job.id}" and job.command == "evolve"
    spec = EvolveSpec(**job.spec or {})
    assert spec.folder == str(folder) and spec.config.rungs == (1,)
    assert spec.config.schools == told["schools"] and not spec.config.random_search
    for wrong in ({"rungs": "3, 1"}, {"rungs": "x"}, {"size": "1"}, {"path": "/etc/x.yaml"}):
        assert posted(client, "/school/evolve", **{**small, **wrong}).status_code == 400

    # Several processes may work on such a run, so it has its final name from the start.
    (folder / job.run).mkdir(parents=True)
    (folder / job.run / "manifest.yaml").write_text("command: evolve\n")
    posted(client, f"/jobs/{job.id}/cancel")
    assert not (folder / job.run).exists()


def test_a_school_is_watched_while_it_is_trained(
    client: TestClient, bench: Bench, folder: Path
) -> None:
    paced = {**VALUES, "pacing": {"probe": 1024}}
    (folder / "paced.yaml").write_text(written(paced))

    def stop(event: Event) -> None:
        if event.stage == "training" and event.total and event.done > event.total / 2:
            raise Cancelled

    with pytest.raises(Interrupted):
        api.school(folder / "paced.yaml", out=folder / "runs" / "paced", progress=stop)
    live = json.loads((folder / "runs" / "paced.partial" / "live.json").read_text())
    job = bench.queue.add("school", "paced", "runs/paced", None)
    bench.queue.pause(job.id)
    page = client.get(f"/jobs/{job.id}").text
    known = json.loads(re.findall(r'id="known"[^>]*>(.*?)</script>', page)[0])
    wrote = client.get(f"/jobs/{job.id}/events").text
    assert json.loads(re.findall("event: school\ndata: (.*)\n", wrote)[0]) == known
    assert known["stages"] == live["stages"]
    rows = [[row["tokens"], row["loss"]] for row in live["losses"] if row["subject"] is None]
    assert known["loss"] == [["all", rows]] and len(known["books"]) > 1
    probe = live["probes"][-1]
    books = probe["bpb"][probe["stage"]].values()
    last = dict(known["probes"])[probe["stage"]][-1]
    assert last == [probe["tokens"], pytest.approx(sum(books) / len(books))]
    assert known["pace"]["stage"] == probe["stage"]
    (folder / "runs" / "paced.partial" / "live.json").write_text("{")
    damaged = client.get(f"/jobs/{job.id}")
    assert damaged.status_code == 200 and ">null</script>" in damaged.text


def test_a_long_line_is_thinned_and_keeps_its_end(tmp_path: Path) -> None:
    losses = [{"subject": None, "tokens": n, "loss": 1.0} for n in range(1001)]
    written_live(tmp_path / "run", losses=losses)
    school = school_at(tmp_path / "run")
    assert school and school["pace"] is None
    ((_, line),) = school["loss"]
    assert line[-1] == (1000, 1.0) and len(line) <= POINTS
    assert school_at(tmp_path / "other") is None and stamp_of(tmp_path / "other") == 0


def test_a_stage_without_books_has_no_probes(tmp_path: Path) -> None:
    probes = [
        {
            "stage": "a",
            "step": n,
            "tokens": n,
            "bpb": {"a": {}, "b": {"x": 2.0, "y": 1.0}},
            "gap": {},
        }
        for n in (1, 2)
    ]
    written_live(tmp_path / "run", probes=probes, losses=[])
    school = school_at(tmp_path / "run")
    assert school and school["probes"] == [("b", [(1, 1.5), (2, 1.5)])]
    live = json.loads((tmp_path / "run.partial" / "live.json").read_text())
    assert school_page(Live(**live), "run").startswith("<!doctype html>")


def test_a_family_is_drawn_with_everyone_in_it(client: TestClient, folder: Path) -> None:
    run = written_family(folder / "runs" / "evolution")
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
    kept = client.get("/trails", params={**fields, "channels": "qkvo", "csrf": "x"}).text
    for field in (
        'name="budget" inputmode="decimal" value="0,02"',
        '"qkvo" selected',
        '"mine.yaml" selected',
    ):
        assert field in kept
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

    run = written_ensemble(folder / "runs" / "e")
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
