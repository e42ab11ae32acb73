"""Placements: settings, what there is here, what follows; and hashes that are kept."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from accelerate import cpu_offload

from litho.core.errors import LithoError
from litho.learn.losses import backward_text
from litho.measure.precision import precision, to_measure
from litho.model import bundled, placement, sources
from litho.model.adapters import lora
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel
from litho.model.loading import load
from litho.model.placement import HOST, Placement, sizes, training_dtype
from litho.model.read.scoring import logits_at, logits_of_rows
from litho.model.sources import locate
from litho.model.tiny import byte_tokenizer
from tests.builders import random_network

HERE = {
    "none": ["cpu"],
    "two": ["cpu", "cuda:0", "cuda:1"],
    "apple": ["cpu", "mps"],
}


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    return lambda name: monkeypatch.setattr(placement, "devices", lambda: HERE[name])


@pytest.mark.parametrize(
    ("there", "asked", "device"),
    [
        ("none", "auto", "cpu"),
        ("two", "auto", "cuda:0"),
        ("two", "cuda", "cuda:0"),
        ("two", "cuda:1", "cuda:1"),
        ("two", "cpu", "cpu"),
        ("apple", "auto", "mps"),
        ("apple", "mps", "mps"),
    ],
)
def test_devices_by_name(
    machine: Callable[[str], None], there: str, asked: str, device: str
) -> None:
    machine(there)
    assert Placement.parse(asked) == Placement(torch.device(device), torch.float32)


@pytest.mark.parametrize(
    ("there", "settings", "message"),
    [
        ("none", {"device": "tpu"}, r"unknown device 'tpu' \(choose from auto, cpu, cuda"),
        ("none", {"device": "cuda:x"}, "unknown device"),
        ("none", {"device": "cpu:1"}, "unknown device"),
        ("none", {"device": "cuda"}, "no CUDA device here: choose device cpu or auto"),
        ("two", {"device": "cuda:2"}, "no GPU cuda:2 here .choose from cpu, cuda:0, cuda:1"),
        ("two", {"device": "mps"}, "no MPS device here"),
        ("none", {"dtype": "float8"}, r"unknown dtype 'float8' \(choose from float32, bfloat16"),
        ("none", {"dtype": "float16"}, "float16 is not computed on the CPU"),
        ("none", {"bits": 3}, r"unknown bits 3 \(choose from 4, 8\)"),
        ("none", {"spread": True}, "spread over CUDA GPUs, not on cpu"),
    ],
)
def test_what_cannot_be_placed(
    machine: Callable[[str], None], there: str, settings: dict, message: str
) -> None:
    machine(there)
    with pytest.raises(LithoError, match=message):
        Placement.parse(**settings)


def test_a_gpu_without_bfloat16(
    machine: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine("apple")
    monkeypatch.setattr(placement, "_has_bfloat16", lambda _: False)
    assert Placement.parse("mps", "float16").dtype == torch.float16
    with pytest.raises(LithoError, match="mps has no bfloat16: choose dtype float32 or float16"):
        Placement.parse("mps", "bfloat16")


def test_described_tells_apart_what_gives_other_numbers(machine: Callable[[str], None]) -> None:
    machine("two")
    placed = [Placement.parse(d, t) for d in ("cpu", "cuda") for t in ("float32", "bfloat16")]
    described = [str(each.described()) for each in placed]
    assert len(set(described)) == 4 and torch.__version__ in described[0]
    assert placed[0].described()["deterministic"] and not placed[2].described()["deterministic"]
    # Two alike GPUs of one machine are as good as one.
    assert Placement.parse("cuda:1").described() == Placement.parse("cuda:0").described()


@pytest.mark.parametrize("missing", ["_is_mkldnn_bf16_supported"])
def test_a_torch_that_cannot_be_asked_trains_in_float32(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    class Without:
        def __getattr__(self, name: str) -> object:
            raise AttributeError(name)

    assert training_dtype("cpu") in ("bfloat16", "float32")
    placement._is_fast_in_bfloat16.cache_clear()
    monkeypatch.setattr(torch.ops, "mkldnn", Without())
    assert training_dtype("cpu") == "float32"
    placement._is_fast_in_bfloat16.cache_clear()


def test_the_chosen_gpu_is_asked(
    machine: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine("two")
    placement._is_fast_in_bfloat16.cache_clear()
    older = {"cuda:0": (9, 0), "cuda:1": (7, 5)}
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: older[str(device)])
    assert [training_dtype(f"cuda:{i}") for i in (0, 1)] == ["bfloat16", "float32"]
    placement._is_fast_in_bfloat16.cache_clear()


def test_sizes_grow_with_the_device() -> None:
    cpu, gpu = vars(sizes(HOST)), vars(sizes(torch.device("cuda")))
    assert all(cpu[name] < gpu[name] for name in cpu)


@pytest.mark.parametrize(
    ("settings", "package", "mend"),
    [
        ({"bits": 4}, "bitsandbytes", r"pip install 'litho\[quantized\]'"),
        ({"device": "cuda", "spread": True}, "accelerate", r"pip install 'litho\[spread\]'"),
    ],
)
def test_a_missing_package_is_named(
    machine: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    cache: Path,
    settings: dict,
    package: str,
    mend: str,
) -> None:
    machine("two")
    monkeypatch.setattr(placement, "find_spec", lambda name: None if name == package else True)
    with pytest.raises(LithoError, match=f"needs {package}: {mend}"):
        load(locate("tiny:llama"), Placement.parse(**{"device": "cpu"} | settings))


def test_a_quantised_base_is_read_and_trained(tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed (litho[quantized])")
    # Rounded by 64 numbers of a row: the rows of the tiny models are shorter.
    random_network("llama", hidden_size=128, intermediate_size=128).save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    for bits in placement.BITS:
        model = load(locate(str(tmp_path)), Placement.parse("cpu", "float32", bits=bits))
        lora.attach(model, "some", AdapterSpec(2, seed=0))
        with torch.enable_grad(), model.state("some"):
            loss = backward_text(model, [model.encode("A goat on a bridge.")], 64)
        gradients = [weight.grad for weight in lora.weights(model, "some").values()]
        assert 0 < loss < 20 and all(grad is not None for grad in gradients)
        assert precision(model).bits == bits


def test_of_a_spread_model_the_embedding_says_where_tokens_go(llama: LanguageModel) -> None:
    """And the head, which may be elsewhere, is asked for places on its own device."""
    asked: list[torch.device] = []
    head = llama.network.get_output_embeddings()
    head.register_forward_pre_hook(lambda _, args: asked.append(args[0].device))
    llama.network.model.norm.to("meta")
    llama.network.lm_head.to("meta")
    llama.network.model.norm.register_forward_pre_hook(lambda _, args: (args[0].to("meta"),))
    assert llama.device == HOST
    found = logits_at(llama, torch.tensor([[1, 2, 3]]), [(0, 1), (0, 2)])
    assert asked == [torch.device("meta")] and found.shape[0] == 2


def test_a_model_whose_weights_wait_elsewhere_is_where_it_computes(llama: LanguageModel) -> None:
    rows = [llama.encode("A goat on a bridge."), llama.encode("It looked down.")]
    expected = logits_of_rows(llama, rows)
    cpu_offload(llama.network, execution_device=HOST)
    assert next(llama.network.parameters()).device.type == "meta"
    assert llama.device == HOST
    for found, before in zip(logits_of_rows(llama, rows), expected, strict=True):
        assert torch.equal(found, before)


def test_what_does_not_fit_in_float32_is_measured_in_half(
    machine: Callable[[str], None], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = locate("tiny:llama")
    model = load(source, torch.float32)
    count = sum(parameter.numel() for parameter in model.network.parameters())
    assert source.parameters() == count
    assert to_measure(source).dtype == torch.float32
    monkeypatch.setattr(placement, "free_memory", lambda _: 6 * count)
    assert to_measure(source) == Placement(HOST, torch.float32)
    assert to_measure(source, models=2) == Placement(HOST, torch.bfloat16)
    monkeypatch.setattr(placement, "free_memory", lambda _: 4 * count)
    assert to_measure(source, "cpu").dtype == torch.bfloat16


def test_noise_is_that_of_the_precision(
    make_model: Callable[[str], LanguageModel], any_model: LanguageModel
) -> None:
    """That of bfloat16 is at least what rounding costs, against float32, and not far above."""
    exact = precision(any_model)
    assert exact.dtype == "float32" and 0 < exact.noise <= exact.largest < 1e-10
    placed = Placement(HOST, torch.bfloat16)
    rounded = load(any_model.source, placed)
    found = precision(rounded)
    ids = torch.tensor([any_model.encode("A goat stood on the bridge and looked down.")])
    logp, logq = (
        each.network(input_ids=ids).logits[0].double().log_softmax(-1)
        for each in (any_model, rounded)
    )
    cost = (logp.exp() * (logp - logq)).sum(-1).mean().item()
    assert cost / 2 < found.noise < 20 * cost and found.noise > 1e4 * exact.noise
    assert found.described().startswith("bfloat16 on cpu, good to ")
    assert precision(rounded) == found  # the same every time


def test_hashes_are_kept_until_a_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LITHO_CACHE", str(tmp_path / "cache"))
    read: list[str] = []
    real = bundled.sha256

    def counted(path: Path) -> str:
        read.append(path.name)
        return real(path)

    monkeypatch.setattr(bundled, "sha256", counted)
    weights = tmp_path / "a.safetensors"
    weights.write_bytes(b"first")
    source = sources.ModelSource("", tmp_path, "")
    hashes = []
    for content in (None, None, b"other"):
        if content:
            weights.write_bytes(content)
        sources._sha256.cache_clear()  # as in a new process
        hashes.append(source.sha256())
    assert read == ["a.safetensors"] * 2
    assert hashes[0] == hashes[1] != hashes[2]
    (tmp_path / "cache" / "hashes.json").write_text("no JSON")
    sources._sha256.cache_clear()
    assert source.sha256() == hashes[2] and len(read) == 3
