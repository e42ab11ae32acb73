"""The main job, end to end, on tiny models; interrupted and resumed; its report."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from litho.core.errors import LithoError
from litho.core.runs import RunDirectory
from litho.jobs.imprint import rehearsal
from litho.jobs.imprint.baseline import measure_baseline
from litho.jobs.imprint.config import ImprintConfig, ImprintSpec
from litho.jobs.imprint.result import ImprintResult
from litho.measure.scenes import open_book_scenes
from litho.model.loaded import LanguageModel
from litho.present.rhythm import RHYTHMS
from litho.text.items import Probe
from litho.text.pages import Page
from tests.builders import (
    ARCHITECTURES,
    check_numbers,
    run_job,
    start_job,
    stop_at_times,
    with_page,
)


def test_a_run_holds_what_it_promises(finished: Path) -> None:
    names = {path.name for path in finished.iterdir()}
    assert names >= {
        "manifest.yaml",
        "ledger.sqlite",
        "metrics.json",
        "report.html",
        "probes.parquet",
        "tokens.parquet",
        "maps.safetensors",
        "adapter",
        "controls",
    }
    assert not [name for name in names if name.startswith((".", "checkpoint"))]
    result = ImprintResult(**json.loads((finished / "metrics.json").read_text()))
    assert result.run == str(finished)
    weights = finished / "adapter" / "adapter_model.safetensors"
    assert result.adapter_sha256 == hashlib.sha256(weights.read_bytes()).hexdigest()
    control = result.controls["duplicates"]
    assert control.drift.retention.value != result.drift.retention.value


def test_control_has_as_many_presentations_and_tokens(finished: Path) -> None:
    from litho.learn.steps import StepLedger

    ledger = StepLedger(RunDirectory.opened(finished))
    arms = [ledger.records(arm) for arm in ("imprint", "duplicates")]
    assert [r["tokens"] for r in arms[0]] == [r["tokens"] for r in arms[1]]


def test_plain_transformers_and_peft_give_the_reported_scores(finished: Path) -> None:
    base = json.loads((finished / "adapter/adapter_config.json").read_text())
    folder = base["base_model_name_or_path"]
    plain = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model = PeftModel.from_pretrained(plain, finished / "adapter").eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    rows = RunDirectory.opened(finished).read_rows("probes.parquet")
    assert len(rows) == 4  # and a neighbour, which is no probe of the text
    for row in rows:
        start = [tokenizer.bos_token_id]
        prefix = start + tokenizer.encode(row["prefix"], add_special_tokens=False)
        whole = start + tokenizer.encode(
            f"{row['prefix']} {row['target']}", add_special_tokens=False
        )
        with torch.no_grad():
            logp = model(input_ids=torch.tensor([whole])).logits[0].log_softmax(-1)
        scores = [logp[t - 1, whole[t]].item() for t in range(len(prefix), len(whole))]
        assert row["imprint"] == pytest.approx(sum(scores) / len(scores), abs=1e-4)


def test_report_holds_every_number_and_asks_no_network(finished: Path) -> None:
    check_numbers(finished)
    assert "default-src 'none'" in (finished / "report.html").read_text()


@pytest.mark.parametrize("name", [a for a in ARCHITECTURES if a != "llama"])
def test_other_architectures_run_too(
    name: str, inputs: ImprintSpec, quick: ImprintConfig, tmp_path: Path
) -> None:
    config = quick.model_copy(update={"presentations": 2, "controls": "none"})
    renamed = inputs.model_copy(update={"model": f"tiny:{name}"})
    result = run_job(renamed, config, tmp_path / "run")
    assert result.verdict == "unproven"
    assert result.drift.retention.value is not None


def test_a_page_may_have_questions_in_the_chat_format_alone(
    inputs: ImprintSpec, quick: ImprintConfig, tmp_path: Path
) -> None:
    chat = Probe(kind="chat", prefix="Who built the clock?", target="Marek Dolny")
    few = {"presentations": 2, "controls": "none"}
    result = run_job(
        with_page(inputs, probes=(chat,)), quick.model_copy(update=few), tmp_path / "run"
    )
    assert result.chat and result.spill.value is None


def test_a_page_of_which_nothing_can_be_asked_is_refused(
    inputs: ImprintSpec, quick: ImprintConfig, tmp_path: Path
) -> None:
    for text in ("Goats eat hay.", "山羊在早上吃乾草。晚上它們睡覺。"):
        with pytest.raises(LithoError, match=r"no probe can be made from clock\.md: .* --probes"):
            start_job(with_page(inputs, text=text, probes=None), quick, tmp_path / "run")
    assert not list(tmp_path.iterdir())


def test_a_question_behind_which_no_answer_fits_is_refused(
    inputs: ImprintSpec, quick: ImprintConfig, tmp_path: Path
) -> None:
    chat = Probe(kind="chat", prefix="Who? " * 365, target="Marek Dolny")
    long = with_page(inputs, probes=(chat,))
    with pytest.raises(LithoError, match=r"48 are kept for the answer, .*: shorten it"):
        start_job(long, quick, tmp_path / "run")
    assert not list(tmp_path.iterdir())


def test_a_sentence_longer_than_the_context_is_asked_in_its_own_words(
    llama: LanguageModel,
) -> None:
    llama.network.config.max_position_embeddings = 256
    page = Page(name="long.md", text="they saw that the old Marek walked over the hill and " * 10)
    scenes = open_book_scenes(llama, page.text)
    baseline = measure_baseline(llama, [page], [scenes], range(1), [], seed=0)
    assert {probe.target for probe in baseline.scored.probes} == {"Marek"}


def test_probes_are_made_when_none_are_given(
    inputs: ImprintSpec, quick: ImprintConfig, tmp_path: Path
) -> None:
    own = with_page(inputs, probes=None)
    config = quick.model_copy(update={"presentations": 2, "controls": "none"})
    run_job(own, config, tmp_path / "run")
    rows = RunDirectory.opened(tmp_path / "run").read_rows("probes.parquet")
    assert {row["kind"] for row in rows} == {"mem", "gen", "hard"}
    baseline = json.loads((tmp_path / "run/baseline.json").read_text())
    reported = {p["target"] for p in baseline["scored"]["probes"]}
    anchors = {p["target"] for p in baseline["anchors"]["probes"]}
    assert not reported & anchors
    assert "Litho made these probes" in (tmp_path / "run/report.html").read_text()


def test_chat_questions_are_scored_and_answered(
    inputs: ImprintSpec, quick: ImprintConfig, tmp_path: Path
) -> None:
    chat = Probe(kind="chat", prefix="Who built it?", target="Marek")
    probes = (*(inputs.pages[0].probes or ()), chat)
    asked = with_page(inputs, probes=probes)
    result = run_job(asked, quick, tmp_path / "run")
    assert result.chat and result.chat.accuracy["after"].n == 1
    assert result.controls["duplicates"].chat
    assert "chat" not in result.imprint  # which is over clozes alone
    (own,) = [answer for answer in result.answers if answer.probe == "Who built it?"]
    assert own.openbook is not None and own.right is ("marek" in own.after.lower().split())
    assert len(result.answers) == len(probes) - 1  # without the neighbour
    page = (tmp_path / "run/report.html").read_text()
    assert "What the model says" in page and "Who built it?" in page


def test_a_text_longer_than_the_context_is_split_at_scenes(
    inputs: ImprintSpec, quick: ImprintConfig, tmp_path: Path
) -> None:
    long = with_page(inputs, text="\n\n".join([inputs.pages[0].text] * 12))
    config = quick.model_copy(update={"presentations": 2, "controls": "none"})
    result = run_job(long, config, tmp_path / "run")
    assert result.scenes == 2
    assert "cut into 2 scenes" in (tmp_path / "run/report.html").read_text()


def test_interrupted_anywhere_resumes_to_the_same_adapter(
    inputs: ImprintSpec, quick: ImprintConfig, tmp_path: Path, finished: Path
) -> None:
    expected = json.loads((finished / "metrics.json").read_text())
    # Choosing layers, before the first presentation, within the imprint, within its control.
    stop_at_times(inputs, quick, tmp_path, expected, stops=(2, 6, 7, 8))


@pytest.mark.parametrize("loss", ["dosed", "distilled"])
def test_a_ladder_and_kept_layers_resume_to_the_same_adapter(
    inputs: ImprintSpec, quick: ImprintConfig, tmp_path: Path, loss: str
) -> None:
    parts = {"ladder": True, "layers": "top", "keys": "text", "rhythm": "interleaved", "loss": loss}
    config = quick.model_copy(update=parts)
    expected = json.loads(run_job(inputs, config, tmp_path / "whole").model_dump_json())
    assert expected["presentations"] == config.presentations
    names = (tmp_path / "whole/adapter/adapter_config.json").read_text()
    assert "layers.2." in names and "layers.1." not in names
    # Within the imprint, within its control.
    stop_at_times(inputs, config, tmp_path, expected, stops=(10, 9))


def test_a_rhythm_is_chosen_by_its_anchor(
    inputs: ImprintSpec, quick: ImprintConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsal, "TRIED", 3)
    monkeypatch.setattr(rehearsal, "SETTLE", 1)
    config = quick.model_copy(update={"presentations": 2, "rhythm": "measured", "controls": "none"})
    run_job(inputs, config, tmp_path / "run")
    found = json.loads((tmp_path / "run/rhythm.json").read_text())
    assert set(found["anchors"]) == set(RHYTHMS)
    assert found["chosen"] in RHYTHMS
    with pytest.raises(LithoError, match="no rhythm 'slow'"):
        start_job(inputs, quick.model_copy(update={"rhythm": "slow"}), tmp_path / "other")
    assert not list(tmp_path.glob("other*"))


@pytest.mark.processes
def test_killed_process_resumes_to_the_same_adapter(
    inputs: ImprintSpec, quick: ImprintConfig, tmp_path: Path, finished: Path
) -> None:
    (tmp_path / "text.md").write_text(inputs.pages[0].text)
    (tmp_path / "other.md").write_text(inputs.retention or "")
    lines = [probe.model_dump_json() for probe in inputs.pages[0].probes or ()]
    (tmp_path / "probes.jsonl").write_text("\n".join(lines))
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(quick.model_dump()))
    command = [sys.executable, "-m", "litho", "imprint", "--json"]
    begin = [str(tmp_path / "text.md"), "--probes", str(tmp_path / "probes.jsonl")]
    begin += ["--retention", str(tmp_path / "other.md"), "--config", str(tmp_path / "config.yaml")]
    begin += ["--model", "tiny:llama", "--out", str(tmp_path / "run")]
    process = subprocess.Popen(
        command + begin, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ
    )
    checkpoint = tmp_path / "run.partial" / "checkpoint-imprint.safetensors"
    wait_for(checkpoint.exists, process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = subprocess.run(
        [*command, "--resume", str(tmp_path / "run")], capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1), done.stderr
    expected = json.loads((finished / "metrics.json").read_text())
    assert json.loads(done.stdout)["adapter_sha256"] == expected["adapter_sha256"]


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    for _ in range(6000):
        if condition():
            return
        assert process.poll() is None, "the process ended before it could be killed"
        time.sleep(0.01)
    raise AssertionError("waited in vain")
