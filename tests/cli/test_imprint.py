"""The main job from the command line."""

import errno
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from litho.core.runs import RunDirectory
from litho.jobs.imprint.result import ImprintResult
from litho.measure.printing.verdict import Verdict
from litho.model.sources import locate
from tests.builders import TEXT

QUICK = (
    "presentations=2 check_every=1 settle=1 replay_pool=8 replay_unseen=1 replay_rows=1",
    "replay_length=8 retention_tokens=128 max_mean_kl=100 max_surprise=100",
)

EXIT_CODES = {"printed": 0, "unproven": 0, "memorised": 1, "not printed": 1}


def settings() -> list[str]:
    return [word for pair in " ".join(QUICK).split() for word in ("--set", pair)]


def test_imprint_prints_one_json_object(litho: Callable[..., tuple[int, str, str]]) -> None:
    command = ["imprint", "text.md", "--probes", "probes.jsonl", "--model", "tiny:llama"]
    code, out, err = litho(*command, "--out", "run", "--json", *settings())
    found = json.loads(out)
    assert code == EXIT_CODES[found["verdict"]], err
    assert {
        "verdict",
        "run",
        "adapter",
        "imprint",
        "drift",
        "spill",
        "locality",
        "controls",
    } <= set(found)
    assert set(found["imprint"]) == {"mem", "gen", "hard"}
    assert set(found["drift"]["retention"]) == {"value", "ci", "n"}
    assert found == json.loads(Path("run/metrics.json").read_text())
    assert "expected: about" in err
    # The report can be written again from the run alone.
    before = Path("run/report.html").read_text()
    Path("run/report.html").unlink()
    assert litho("report", "run")[0] == 0
    assert Path("run/report.html").read_text() == before


def test_imprint_tells_people_the_verdict(litho: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = litho(
        *["imprint", "text.md", "--probes", "probes.jsonl", "--model", "tiny:gpt2"],
        *["--controls", "none", "--out", "run", *settings()],
    )
    assert code == 0
    assert "Verdict: unproven" in out and "run/report.html" in out


@pytest.mark.parametrize("verdict", EXIT_CODES)
def test_the_exit_code_is_that_of_the_verdict(
    litho: Callable[..., tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
    finished: Path,
    verdict: Verdict,
) -> None:
    result = ImprintResult(**json.loads((finished / "metrics.json").read_text()))
    said = result.model_copy(update={"verdict": verdict})
    monkeypatch.setattr("litho.api.imprint", lambda *_, **__: said)
    code, out, _ = litho("imprint", "text.md")
    assert code == EXIT_CODES[verdict] and f"Verdict: {verdict}" in out


def test_imprint_reads_marks(litho: Callable[..., tuple[int, str, str]]) -> None:
    Path("marked.md").write_text(TEXT.replace("nine towns", "[[nine towns | towns, nine]]"))
    command = ["imprint", "marked.md", "--probes", "probes.jsonl", "--model", "tiny:llama"]
    code, _, _ = litho(*command, "--controls", "none", "--out", "run", *settings())
    plan = json.loads(Path("run/plan.json").read_text())
    assert code == 0 and plan["scenes"] == [TEXT]
    assert "markup" in {variant["operator"] for variant in plan["variants"]}


def test_an_impossible_budget_is_said(litho: Callable[..., tuple[int, str, str]]) -> None:
    command = ["imprint", "text.md", "--probes", "probes.jsonl", "--model", "tiny:llama"]
    Path("text.md").write_text(TEXT.split(".")[0] + ".")
    tight = ["--set", "max_mean_kl=1e-9", "--set", "max_surprise=1e-9"]
    code, _, err = litho(*command, "--out", "run", *settings(), *tight)
    assert code == 2 and "the smallest that works is max_mean_kl" in err
    code, _, err = litho(*command, "--out", "wild", *settings(), "--set", "learning_rate=1e30")
    assert code == 2 and "diverged" in err and "learning_rate" in err


def test_a_run_goes_on_only_with_its_own_model(
    litho: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(locate("tiny:llama").folder, tmp_path / "mine")
    command = ["imprint", "text.md", "--probes", "probes.jsonl", "--model", "mine"]

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(RunDirectory, "write_rows", stop)
        code, _, err = litho(*command, "--out", "run", *settings())
    assert code == 3 and "litho resume" in err
    (tmp_path / "elsewhere").mkdir()
    shutil.copy(locate("tiny:qwen2").folder / "model.safetensors", tmp_path / "mine")
    code, _, err = litho("imprint", "--resume", "run")
    assert code == 2 and "not the one that this run was started with" in err
    shutil.copy(locate("tiny:llama").folder / "model.safetensors", tmp_path / "mine")
    monkeypatch.chdir(tmp_path / "elsewhere")
    code, _, _ = litho("imprint", "--resume", "../run")
    assert code == EXIT_CODES[json.loads((tmp_path / "run/metrics.json").read_text())["verdict"]]


def test_a_full_disk_is_said_and_the_run_goes_on_later(
    litho: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    command = ["imprint", "text.md", "--probes", "probes.jsonl", "--model", "tiny:llama"]
    real = RunDirectory.write_rows

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(RunDirectory, "write_rows", full)
    code, out, err = litho(*command, "--out", "run", "--json", *settings())
    assert (code, out) == (2, "")
    assert "the disk is full" in err and "litho resume" in err
    assert "Traceback" not in err
    monkeypatch.setattr(RunDirectory, "write_rows", real)
    code, out, _ = litho("imprint", "--resume", "run", "--json")
    found = json.loads(out)
    assert code == EXIT_CODES[found["verdict"]] and Path(found["run"]) == tmp_path / "run"
