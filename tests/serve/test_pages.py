"""The story of a page in the browser: read, printed, watched, compared, downloaded, asked."""

import io
import json
import re
import shutil
import time
import zipfile
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from litho.core.errors import Interrupted
from litho.core.runs import PARTIAL
from litho.core.work import WorkLedger
from litho.jobs.imprint.config import ImprintSpec
from litho.jobs.map.live import MOST
from litho.serve.folder import Folder
from litho.serve.pages.base import Bench, number_in
from litho.serve.worker import work
from tests.builders import TEXT, quick_config, small_inputs
from tests.serve.bench import HERE, KEYS, posted, sent, written_run
from tests.serve.found import written_live

TINY = {"model": "tiny:llama"}
ASKED = '{"kind": "gen", "prefix": "The man who built it was", "target": "Marek"}'


@pytest.fixture
def printed(folder: Path, client: TestClient, finished: Path) -> str:
    """A finished run in the folder, as the page names it."""
    shutil.copytree(finished, folder / "runs" / "done")
    return "runs/done"


def test_an_empty_folder_says_what_to_do_first(client: TestClient) -> None:
    assert "There are no runs here yet" in client.get("/runs").text
    assert "nobody to ask" in client.get("/ask").text
    assert "fewer than two" in client.get("/compare").text
    assert client.get("/jobs/1").status_code == 404
    assert client.get("/nothing").status_code == 404


def test_a_text_is_read_as_its_map_reads_it(
    client: TestClient, bench: Bench, folder: Path, printed: str
) -> None:
    """The live reading is not an approximation: token by token it is what `litho map` writes."""
    import pyarrow.parquet as pq

    for adapter in ("", printed):
        answer = posted(client, "/read/map", text=TEXT, adapter=adapter, name="часы", **TINY)
        assert answer.status_code == 303
        number = int(answer.headers["location"].rsplit("/", 1)[1])
        work(folder, number)
        job = bench.queue.job(number)
        assert job and job.state == "done", job
        rows = pq.read_table(folder / job.run / "tokens.parquet").to_pylist()
        read = sent(client, "/read/tokens", text=TEXT, adapter=adapter, **TINY).json()
        state = read["states"]["after" if adapter else "now"]
        assert read["text"] == [row["text"] for row in rows] and read["left"] == 0
        assert state["surprise"] == pytest.approx([row["surprise"] for row in rows], abs=1e-3)
        assert state["rank"] == [row["rank"] for row in rows]
        assert state["words"] == [[o["word"] for o in row["alternatives"]] for row in rows]
    before = sent(client, "/read/tokens", text=TEXT, **TINY).json()["states"]["now"]
    assert read["states"]["before"] == before and max(read["kl"]) > 0


def test_of_a_long_text_the_beginning_is_read(client: TestClient) -> None:
    read = sent(client, "/read/tokens", text="a" * (MOST + 5), **TINY).json()
    assert len(read["text"]) == MOST and read["left"] == 5


def test_a_text_that_cannot_be_read_is_told(client: TestClient) -> None:
    for text in ("", "a"):
        answer = sent(client, "/read/tokens", text=text, **TINY)
        assert answer.status_code == 400 and "one token" in answer.json()["error"]
    assert posted(client, "/read/map", text=" ", **TINY).status_code == 400


def test_a_print_starts_from_what_the_form_says(client: TestClient, bench: Bench) -> None:
    fields = {"text": TEXT, "probes": ASKED, "budget": "0,02", "presentations": "6", "seed": ""}
    answer = posted(client, "/print", name="clock", controls="none", **fields, **TINY)
    (job,) = bench.queue.jobs()
    assert answer.headers["location"] == f"/jobs/{job.id}" and job.state == "queued"
    spec = ImprintSpec(**job.spec or {})
    (page,) = spec.pages
    assert (page.name, page.text, spec.model) == ("clock", TEXT, "tiny:llama")
    assert page.probes and page.probes[0].target == "Marek"
    assert (spec.config.budget, spec.config.presentations, spec.config.seed) == (0.02, 6, 0)
    assert spec.config.controls == "none"
    assert re.fullmatch(r"runs/clock-\d{8}-\d{6}", job.run)
    posted(client, "/print", name="clock", **fields, **TINY)
    first, second = bench.queue.jobs()
    assert first.run != second.run


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("text", " ", "the text is empty"),
        ("budget", "much", "budget is no number"),
        ("budget", "-1", "budget"),
        ("presentations", "2.5", "presentations"),
        ("presentations", "1,000", "presentations could be two numbers: write 1000 or 1.000"),
        ("seed", "1e999", "seed"),
        ("probes", "{}", "line 1"),
        ("controls", "all", "controls"),
    ],
)
def test_what_is_wrong_in_the_form_is_told_and_the_form_kept(
    client: TestClient, bench: Bench, field: str, value: str, said: str
) -> None:
    fields = {"text": TEXT, "name": "KEPT", **TINY, field: value}
    answer = posted(client, "/print", **fields)
    assert answer.status_code == 400 and said in answer.text and "KEPT" in answer.text
    assert not bench.queue.jobs()


def test_numbers_are_taken_as_they_are_typed() -> None:
    typed = {
        "": None,
        "7": 7,
        " 0,02 ": 0.02,
        "0,015": 0.015,
        "1e3": 1000,
        "2.50": 2.5,
        str(2**53 + 1): 2**53 + 1,
    }
    assert {key: number_in({"n": key}, "n") for key in typed} == typed


def test_the_cost_is_told_before(client: TestClient) -> None:
    told = sent(client, "/print/cost", text=TEXT, probes=ASKED, **TINY).json()
    assert told["seconds"] > 0 and told["gib"] > 0 and told["free_gib"] > 0
    assert isinstance(told["notices"], list)
    wrong = sent(client, "/print/cost", text="x", **TINY)
    assert wrong.status_code == 400 and "one token" in wrong.json()["error"]


def test_questions_of_a_file_are_checked(client: TestClient) -> None:
    (probe,) = sent(client, "/print/probes", lines=ASKED, name="q.jsonl").json()
    assert probe == json.loads(ASKED)
    wrong = sent(client, "/print/probes", lines=f"{ASKED}\n[", name="q.jsonl")
    assert wrong.status_code == 400 and "q.jsonl, line 2" in wrong.json()["error"]


def test_a_print_is_watched_paused_gone_on_with_and_the_same(
    client: TestClient, bench: Bench, folder: Path, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = small_inputs().model_copy(update={"config": quick_config()})
    job = bench.queue.add("imprint", "clock", "runs/clock", spec.model_dump(mode="json"))
    monkeypatch.setattr("litho.serve.worker.LISTEN", 0.01)
    tell = type(bench.queue).tell
    asked: list[int] = []

    def pausing(self: object, number: int, event: object) -> None:
        tell(bench.queue, number, event)  # type: ignore[arg-type]
        begun = (
            getattr(event, "stage", "") == "printing (imprint)" and getattr(event, "done", 0) > 0
        )
        if begun and not asked:
            asked.append(number)
            assert posted(client, f"/jobs/{number}/pause").status_code == 303
            time.sleep(0.3)

    monkeypatch.setattr(type(bench.queue), "tell", pausing)
    work(folder, job.id)
    monkeypatch.setattr(type(bench.queue), "tell", tell)
    assert (folder / f"runs/clock{PARTIAL}").is_dir()
    page = client.get(f"/jobs/{job.id}").text
    assert "paused" in page and "Go on" in page
    assert "unfinished" in client.get("/runs").text
    assert posted(client, f"/jobs/{job.id}/resume").headers["location"] == f"/jobs/{job.id}"
    work(folder, job.id)
    page = client.get(f"/jobs/{job.id}").text
    assert "Download the adapter" in page
    made, whole = (
        json.loads((run / "metrics.json").read_text()) for run in (folder / "runs/clock", finished)
    )
    assert made["adapter_sha256"] == whole["adapter_sha256"]
    lines = client.get(f"/jobs/{job.id}/events").text
    told = [json.loads(data) for data in re.findall(r"^data: (\{.*)$", lines, re.MULTILINE)]
    drift = [each["shown"]["drift"] for each in told if each["shown"].get("drift") is not None]
    assert len(drift) >= 3 and lines.rstrip().endswith('data: "done "')
    last = told[-1]["number"]
    again = client.get(f"/jobs/{job.id}/events", headers={"Last-Event-ID": str(last)}).text
    assert "data: {" not in again


def test_a_job_is_thrown_away_with_what_it_has_done(
    client: TestClient, bench: Bench, folder: Path
) -> None:
    from litho.api.runs import run_job

    def stop(event: object) -> None:
        if getattr(event, "total", None):
            raise KeyboardInterrupt

    spec = small_inputs().model_copy(update={"config": quick_config()})
    with pytest.raises(Interrupted):
        run_job("imprint", spec, folder / "runs/clock", None, stop, None)
    assert "Go on" in client.get("/run?path=runs/clock").text
    answer = posted(client, "/run/resume", path="runs/clock")
    (job,) = bench.queue.jobs()
    assert answer.headers["location"] == f"/jobs/{job.id}" and job.spec is None
    assert posted(client, "/run/delete", path="runs/clock").status_code == 400  # a job has it
    posted(client, f"/jobs/{job.id}/cancel")
    found = bench.queue.job(job.id)
    assert found and found.state == "cancelled"
    assert not (folder / f"runs/clock{PARTIAL}").exists()
    assert posted(client, f"/jobs/{job.id}/explode").status_code == 404


def test_a_finished_run_is_shown_packed_and_deleted(
    client: TestClient, folder: Path, printed: str
) -> None:
    page = client.get(f"/run?path={printed}").text
    assert "Download the adapter" in page and "Marek Dolny" in page
    packed = client.get(f"/run/adapter.zip?path={printed}")
    with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
        names = set(archive.namelist())
        weights = archive.read("adapter/adapter_model.safetensors")
    assert {"adapter/adapter_config.json", "adapter/adapter_model.safetensors"} <= names
    assert weights == (folder / printed / "adapter/adapter_model.safetensors").read_bytes()
    assert posted(client, "/run/delete", path=printed).headers["location"] == "/runs"
    assert not (folder / printed).exists()
    assert client.get(f"/run?path={printed}").status_code == 400


def test_the_page_of_a_school_goes_with_its_run(
    client: TestClient, bench: Bench, folder: Path
) -> None:
    for run in ("runs/a", "runs/b"):
        written_live(folder / run)
        (folder / f"{run}.live.html").write_text("<p>")
    posted(client, "/run/delete", path="runs/a")
    job = bench.queue.add("school", "b", "runs/b", None)
    posted(client, f"/jobs/{job.id}/cancel")
    assert not list((folder / "runs").iterdir())


@pytest.mark.parametrize("name", ["manifest.yaml", "metrics.json", "inputs.json"])
def test_a_damaged_run_is_listed_and_can_be_deleted(
    client: TestClient, folder: Path, name: str
) -> None:
    run = written_run(folder / "runs" / "x")
    (run / name).write_text("{")
    assert ("damaged" in client.get("/runs").text) == (name != "inputs.json")
    page = client.get("/run?path=runs/x")
    assert page.status_code == 200 and f"{name} cannot be read" in page.text
    assert "Report" not in page.text and "Go on" not in page.text
    assert posted(client, "/run/delete", path="runs/x").status_code == 303 and not run.exists()


def test_a_run_on_which_another_process_works_is_kept(client: TestClient, folder: Path) -> None:
    ledger = WorkLedger(written_run(folder / "runs" / "joint", "ensemble"))
    (folder / "runs/joint/metrics.json").unlink()

    def piece() -> dict[str, str]:
        answer = posted(client, "/run/delete", path="runs/joint")
        return {"said": answer.text, "status": str(answer.status_code)}

    said = ledger.do({"a": 1}, piece)
    assert said and said["status"] == "400" and "another process works on joint" in said["said"]
    assert posted(client, "/run/delete", path="runs/joint").status_code == 303
    assert not (folder / "runs/joint").exists()


def test_two_runs_are_compared(client: TestClient, folder: Path, printed: str) -> None:
    other = folder / "runs" / "other"
    shutil.copytree(folder / printed, other)
    manifest = (other / "manifest.yaml").read_text()
    (other / "manifest.yaml").write_text(manifest.replace("seed: 0", "seed: 7"))
    page = client.get("/compare", params={"run": printed, "other": "runs/other"}).text
    rows = re.findall(r'<td class="mono">([\w.]+)</td><td>(.*?)</td><td>(.*?)</td>', page)
    assert rows == [("config.seed", "0", "7")]
    assert "drift.retention" in page and "controls.duplicates.spill" in page
    data = re.search(r'id="data"[^>]*>(.*?)</script>', page)
    assert data
    curves = json.loads(data.group(1))["curves"]
    assert len(curves["drift"][0]) == 3 and curves["drift"][0] == curves["drift"][1]
    written_run(folder / "runs" / "map")
    both = client.get("/compare", params={"run": printed, "other": "runs/map"})
    assert both.status_code == 200 and "surprise.mean" in both.text


def test_answers_come_in_pieces_and_whole(client: TestClient, printed: str) -> None:
    asked = {
        "run": printed,
        "question": "Who built it?",
        "voices": ["base", "adapter"],
        "tokens": 3,
    }
    answer = sent(client, "/ask/answers", **asked)
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert lines[-1]["answers"].keys() == {"base", "adapter"}
    pieces = "".join(line["piece"] for line in lines[:-1] if line["voice"] == "base")
    assert pieces.strip() == lines[-1]["answers"]["base"]
    assert lines[-1]["anew"]
    faults: list[dict[str, object]]
    faults = [{"voices": []}, {"voices": "base"}, {"tokens": 0}, {"tokens": "many"}]
    for wrong in faults:
        assert sent(client, "/ask/answers", **asked | wrong).status_code == 400
    empty = sent(client, "/ask/answers", **asked | {"question": " "})
    assert json.loads(empty.text)["error"] == "the question is empty"


def test_each_talk_remembers_its_own_questions(client: TestClient, printed: str) -> None:
    def asked(talk: str) -> tuple[bool, int]:
        """Whether the talk begins anew, and how much of it was read."""
        question = {"run": printed, "question": "Who?", "voices": ["base"], "tokens": 1}
        *_, last = sent(client, "/ask/answers", **question, talk=talk).text.splitlines()
        end = json.loads(last)
        return end["anew"], end["tokens"]["base"]

    first = asked("one")
    more = asked("one")
    assert first[0] and not more[0] and more[1] > first[1]
    assert asked("two") == first == asked("one")  # of which the desk has forgotten the rest


def test_the_list_of_a_thousand_runs_is_read_once(
    folder: Path, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of runs that have not changed only the times of their files are looked at."""
    for number in range(60):
        written_run(folder / "runs" / f"r{number:02}")
    (folder / "runs" / "broken").mkdir()
    (folder / "runs" / "broken" / "manifest.yaml").write_text("a: [")
    assert len(Folder(folder).runs()) == 61
    monkeypatch.setattr("litho.serve.folder.manifest_of", None)
    assert len(Folder(folder).runs()) == 61
    (folder / "runs" / "broken" / "manifest.yaml").unlink()
    assert len(Folder(folder).runs()) == 60
    page = client.get("/runs?q=R07 tiny&command=map").text
    assert re.findall(r"<small>(.*?)</small>", page) == ["runs/r07"]
    assert "0 of 60" in client.get("/runs?command=imprint").text
    assert client.get("/runs", headers={"Origin": HERE}).status_code == 200 and KEYS.csrf in page
