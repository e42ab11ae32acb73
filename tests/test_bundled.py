"""The bundled model: conversion, and the main job in small."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
import yaml
from peft import PeftModel
from scipy.stats import spearmanr
from transformers import AutoModelForCausalLM, AutoTokenizer

import litho
from litho.cli.main import app, guarded
from litho.core.errors import LithoError
from litho.measure.scorer import ModelScorer
from litho.model import bundled
from litho.model.loading import load
from litho.model.sources import DEFAULT, cache_folder, locate

pytestmark = pytest.mark.bundled


@pytest.fixture(autouse=True)
def all_cores() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(os.cpu_count() or 1)
    yield
    torch.set_num_threads(before)


EXAMPLES = Path(__file__).parent.parent / "examples"


def test_converted_once_and_what_it_is() -> None:
    source = locate(DEFAULT)
    assert source.folder.parent == cache_folder()
    stamp = (source.folder / "model.safetensors").stat().st_mtime
    assert locate(DEFAULT) == source
    assert (source.folder / "model.safetensors").stat().st_mtime == stamp
    model = load(source, torch.float32)
    assert model.network.num_parameters() == 134_515_008
    assert model.start == [1]
    ids = torch.tensor([model.encode("The capital of France is")])
    assert model.decode([int(model.network(input_ids=ids).logits[0, -1].argmax())]) == " Paris"


def test_a_wheel_of_another_version_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.gguf"
    other.write_bytes(b"something else")
    monkeypatch.setattr(bundled, "gguf_path", lambda: other)
    with pytest.raises(LithoError, match="damaged or of another version"):
        bundled.convert(tmp_path / "model")


def test_alternatives_are_whole_likely_words_and_change_no_number_or_name() -> None:
    text = (EXAMPLES / "page.md").read_text().strip()
    model = load(locate(DEFAULT), torch.float32)
    found = ModelScorer(model).alternatives(text)
    assert len(found) > 10
    for choice in found:
        old = text[choice.start : choice.end]
        assert old.isalpha() and old.islower() and old != choice.word
        assert choice.word.isalpha() and choice.word.islower()
        assert not text[choice.end : choice.end + 1].isalpha()
        assert text[choice.start - 1] == " "
    # The log-probability is that of the word where it would stand.
    choice = found[0]
    prefix, whole = (
        model.encode(text[: choice.start].rstrip()),
        model.encode(text[: choice.start] + choice.word),
    )
    with torch.no_grad():
        logp = model.network(input_ids=torch.tensor([whole])).logits[0].log_softmax(-1)
    assert len(whole) == len(prefix) + 1
    assert logp[-2, whole[-1]].item() == pytest.approx(choice.logprob, abs=1e-3)


def test_imprint_in_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    small = "presentations=10 warmup=2 settle=2 replay_pool=16 replay_unseen=4 retention_tokens=512"
    command = ["imprint", str(EXAMPLES / "page.md"), "--out", "run", "--json"]
    command += ["--probes", str(EXAMPLES / "page.probes.jsonl")]
    command += [word for pair in small.split() for word in ("--set", pair)]
    code = guarded(lambda: app(command, standalone_mode=False))
    found = json.loads(capsys.readouterr().out)
    assert code in (0, 1)
    assert found["imprint"]["gen"]["value"] > 0.2
    assert (
        found["drift"]["retention"]["value"]
        < found["controls"]["duplicates"]["drift"]["retention"]["value"]
    )
    assert (tmp_path / "run" / "report.html").stat().st_size > 1_000_000
    check_scores_without_litho(tmp_path / "run")


def check_scores_without_litho(run: Path) -> None:
    """The adapter gives the reported probe scores to plain transformers and peft."""
    base = json.loads((run / "adapter/adapter_config.json").read_text())["base_model_name_or_path"]
    tokenizer = AutoTokenizer.from_pretrained(base)
    plain = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    tuned = PeftModel.from_pretrained(plain, run / "adapter")
    rows = pq.read_table(run / "probes.parquet").to_pylist()
    assert len(rows) > 10
    for row in rows:
        start = [tokenizer.bos_token_id]
        prefix = start + tokenizer(row["prefix"]).input_ids
        whole = start + tokenizer(f"{row['prefix']} {row['target']}").input_ids
        with torch.no_grad():
            logp = tuned(torch.tensor([whole])).logits[0].log_softmax(-1)
        scores = [logp[i - 1, whole[i]].item() for i in range(len(prefix), len(whole))]
        assert sum(scores) / len(scores) == pytest.approx(row["imprint"], abs=1e-3)


def test_a_page_does_what_was_predicted(tmp_path: Path) -> None:
    page = (EXAMPLES / "page.md").read_text(encoding="utf-8")
    texts = [{"id": "page", "text": page[: page.index("\n\n", 600)]}]
    lines = (EXAMPLES / "page.probes.jsonl").read_text(encoding="utf-8").splitlines()
    asked = [json.loads(line) for line in lines][::2]
    probes = [
        {"id": str(i), "prefix": q["prefix"], "target": q["target"]} for i, q in enumerate(asked)
    ]
    for name, rows in (("texts", texts), ("probes", probes)):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    recipe = {"learning_rate": 5e-4, "steps": 8}
    plan = {"texts": "texts.jsonl", "probes": "probes.jsonl", "recipes": [recipe], "seeds": [0]}
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(plan))
    litho.ensemble(tmp_path / "plan.yaml", tmp_path / "runs")
    rows = pq.read_table(tmp_path / "runs/effects.parquet").to_pylist()
    measured = {row["probe"]: row["delta"] for row in rows}
    predicted = litho.predict(
        tmp_path / "texts.jsonl", tmp_path / "probes.jsonl", tmp_path / "predicted",
        method="short-run", learning_rate=5e-4, steps=8,
    )  # fmt: skip
    assert predicted.calibration and predicted.calibration.coverage
    pairs = [(effect, measured[effect.probe]) for effect in predicted.effects]
    agreed = spearmanr([effect.delta for effect, _ in pairs], [delta for _, delta in pairs])
    assert len(pairs) > 8 and agreed.statistic > 0.8
    held = sum((e.low or 0) <= delta <= (e.high or 0) for e, delta in pairs)
    assert held >= 0.6 * len(pairs)  # 90 % in the mean over texts; this is one
