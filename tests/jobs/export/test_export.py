"""A merged model is what base and adapter are; nothing half-written is left."""

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml
from peft import PeftModel
from transformers import AutoModelForCausalLM

import litho
from litho.core.files import WRITING
from litho.jobs.export import gguf
from litho.model.adapters import lora
from litho.model.sources import locate
from tests.builders import TEXT

FAKE_CONVERTER = """
import sys
folder, out, kind = sys.argv[1], sys.argv[3], sys.argv[5]
if kind == "q8_0":
    sys.exit("ValueError: no such architecture")
open(out, "wb").write(b"GGUF" + open(folder + "/model.safetensors", "rb").read(4))
"""


@pytest.fixture(scope="module")
def exported(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "clock"
    result = litho.export(finished, folder)
    assert result.kl < 1e-6 and result.logit_difference < 1e-4 and result.tokens > 100
    assert result.size == sum(path.stat().st_size for path in folder.iterdir())
    return folder


def logits(network: torch.nn.Module) -> torch.Tensor:
    ids = torch.tensor([list(TEXT.encode())])
    with torch.no_grad():
        return network(input_ids=ids).logits


def test_plain_transformers_reads_what_peft_would_say(exported: Path, finished: Path) -> None:
    base = AutoModelForCausalLM.from_pretrained(locate("tiny:llama").folder)
    alone = logits(base)
    both = logits(PeftModel.from_pretrained(base, str(finished / "adapter")))
    merged = logits(AutoModelForCausalLM.from_pretrained(exported))
    assert torch.allclose(merged, both, atol=1e-4)
    assert (merged - alone).abs().max() > 0.01  # the adapter does something


def test_the_export_is_a_model_for_litho(exported: Path, tmp_path: Path) -> None:
    read = litho.map(TEXT, str(exported), out=tmp_path / "read")
    assert read.tokens == len(TEXT)


def test_a_shorter_precision_is_measured(finished: Path, tmp_path: Path) -> None:
    result = litho.export(finished, tmp_path / "short", dtype="bfloat16")
    network = AutoModelForCausalLM.from_pretrained(tmp_path / "short", dtype="auto")
    assert network.dtype == torch.bfloat16
    assert 1e-7 < result.kl < 0.1 and result.logit_difference < 1e-4


def test_the_card_holds_the_numbers_and_nothing_of_the_page(exported: Path, finished: Path) -> None:
    text = (exported / "README.md").read_text()
    head = yaml.safe_load(text.split("---")[1])
    assert head["library_name"] == "transformers" and "license" not in head
    metrics = yaml.safe_load((finished / "metrics.json").read_text())
    assert f"| {metrics['drift']['retention']['value']:.4f} |" in text
    assert f"**{metrics['verdict']}**" in text and "look it up" in text
    for private in ("Ostrava", "Dolny", "clock.md", str(finished)):
        assert private not in text
    for path in exported.glob("*.json"):
        assert str(finished) not in path.read_text() and "/litho" not in path.read_text()


def test_a_merge_that_is_not_the_same_is_refused(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forget(model: litho.model.loaded.LanguageModel, name: str) -> None:
        lora.detach(model, name)

    monkeypatch.setattr("litho.jobs.export.export.merge", forget)
    with pytest.raises(litho.LithoError, match="merged, the model says something else"):
        litho.export(finished, tmp_path / "wrong")
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_exported_is_refused(finished: Path, tmp_path: Path) -> None:
    read = litho.map("A short text.", "tiny:llama", out=tmp_path / "map")
    with pytest.raises(litho.LithoError, match="a run of 'litho map': there is no adapter"):
        litho.export(Path(read.run), tmp_path / "out")
    with pytest.raises(litho.LithoError, match="is no finished run"):
        litho.export(tmp_path / "nothing", tmp_path / "out")
    with pytest.raises(litho.LithoError, match="map exists already"):
        litho.export(finished, tmp_path / "map")
    with pytest.raises(litho.LithoError, match="unknown precision 'int8'"):
        litho.export(finished, tmp_path / "out", dtype="int8")  # type: ignore[arg-type]
    assert [path.name for path in tmp_path.iterdir()] == ["map"]


@pytest.fixture
def converter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    script = tmp_path / "llama.cpp" / gguf.SCRIPT
    script.parent.mkdir()
    script.write_text(FAKE_CONVERTER)
    monkeypatch.setenv(gguf.PLACE, str(script.parent))
    return script


def test_gguf_by_the_converter_of_llama_cpp(
    finished: Path, converter: Path, tmp_path: Path
) -> None:
    result = litho.export(finished, tmp_path / "out", gguf="f16")
    assert result.gguf and Path(result.gguf).read_bytes().startswith(b"GGUF")
    with pytest.raises(litho.LithoError, match="cannot convert this model: ValueError: no such"):
        litho.export(finished, tmp_path / "bad", gguf="q8_0")
    with pytest.raises(litho.LithoError, match="unknown type of GGUF 'q2'"):
        litho.export(finished, tmp_path / "bad", gguf="q2")
    assert not list(tmp_path.glob("*bad*")) and not list(tmp_path.glob(f".*{WRITING}"))


def test_the_converter_is_found_among_the_programs_or_asked_for(
    converter: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(gguf.PLACE)
    with pytest.raises(litho.LithoError, match=r"LLAMA_CPP is not set\): clone https"):
        litho.export(finished, tmp_path / "out", gguf="f16")
    assert not (tmp_path / "out").exists()
    converter.chmod(converter.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{converter.parent}{os.pathsep}{os.environ['PATH']}")
    assert gguf.converter() == converter
    monkeypatch.setenv(gguf.PLACE, str(tmp_path / "nowhere"))
    with pytest.raises(litho.LithoError, match=r"not in .*nowhere"):
        gguf.converter()


def test_the_command(
    litho: Callable[..., tuple[int, str, str]], finished: Path, tmp_path: Path
) -> None:
    shutil.copytree(finished, tmp_path / "run")
    code, out, err = litho("export", "run", "--out", "model")
    assert code == 0, err
    assert "nats a token away" in out and "look it up" in out
    assert (tmp_path / "model" / "model.safetensors").is_file()
