"""Any device: nothing in the source takes one for granted, and no job mixes two."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

import litho
from litho.jobs.diff.config import DiffConfig
from litho.jobs.ensemble.config import EnsemblePlan
from litho.jobs.ensemble.fine_tunes import Ensemble
from litho.jobs.expose.config import ExposeConfig
from litho.jobs.imprint.config import ImprintConfig, ImprintSpec
from litho.jobs.predict.method import METHODS, Method
from litho.jobs.predict.predictor import Predictor
from litho.jobs.vary.config import VaryConfig
from litho.learn import objectives
from litho.learn.losses import backward_text
from litho.learn.objectives import Batch, objective
from litho.learn.records import Recipe
from litho.measure.precision import precision
from litho.measure.printing.probes import target_of
from litho.measure.volatility import read, volatilities
from litho.model.adapters import lora, saved
from litho.model.adapters.keys import text_keys
from litho.model.adapters.prune import largest, prune
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel
from litho.model.loading import load
from litho.model.placement import seeded
from litho.model.read.scoring import target_logprobs
from litho.model.read.voices import mixed_samples
from litho.model.sources import locate
from litho.text.items import NamedText, Question
from tests.builders import TEXT, Silent, run_job, with_page
from tests.strays import Accelerator, StrayError, accelerated

SOURCE = Path(__file__).parents[1] / "src" / "litho"
_MAKE = {
    *("arange", "as_tensor", "empty", "eye", "full", "linspace", "ones", "tensor", "zeros"),
    *("rand", "randint", "randn", "randperm"),
}
_KINDS = ("cuda", "mps", "cpu", "meta")
SHORT = TEXT[:111]  # every operation is checked, so the jobs are as small as they can be


def offences(code: str) -> list[str]:
    """What takes a device for granted: a kind by name, or a tensor made on none that is named."""
    return [said for node in ast.walk(ast.parse(code)) if (said := _offence(node))]


def _offence(node: ast.AST) -> str | None:
    if isinstance(node, ast.Attribute):
        of_torch = isinstance(node.value, ast.Name) and node.value.id == "torch"
        if (of_torch and node.attr in ("cuda", "mps", "cpu")) or node.attr == "cuda":
            return f"line {node.lineno}: {ast.unparse(node)}"
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    named = {keyword.arg: keyword.value for keyword in node.keywords}
    given = [*node.args, *named.values()]
    literal = [each for each in given if isinstance(each, ast.Constant) and _is_kind(each.value)]
    if literal and (node.func.attr in ("to", "device") or named.get("device") in literal):
        return f"line {node.lineno}: a device by name, {ast.unparse(node)}"
    if not (isinstance(node.func.value, ast.Name) and node.func.value.id == "torch"):
        return None
    if node.func.attr in _MAKE and "device" not in named:
        return f"line {node.lineno}: on no named device, {ast.unparse(node)}"
    if node.func.attr == "Generator" and not given:
        return f"line {node.lineno}: on no named device, {ast.unparse(node)}"
    return None


def _is_kind(value: object) -> bool:
    return isinstance(value, str) and value.partition(":")[0] in _KINDS


@pytest.mark.parametrize(
    "code",
    [
        "x.cuda()",
        "torch.cuda.synchronize()",
        "torch.mps.empty_cache()",
        "torch.zeros(3, device='cuda')",
        "torch.device('cuda:1')",
        "x.to('cpu')",
        "torch.zeros(3)",
        "torch.tensor([1], dtype=torch.long)",
        "torch.Generator().manual_seed(0)",
    ],
)
def test_what_takes_a_device_for_granted_is_seen(code: str) -> None:
    assert len(offences(code)) >= 1


def test_no_source_takes_a_device_for_granted() -> None:
    assert not offences(
        "torch.zeros(3, device=x.device); torch.zeros_like(x); x.cpu(); torch.exp(x)"
    )
    paths = [path for path in SOURCE.rglob("*.py") if path.name != "placement.py"]
    assert len(paths) > 100
    said = {str(path.relative_to(SOURCE)): offences(path.read_text("utf-8")) for path in paths}
    assert not {name: found for name, found in said.items() if found}


EITHER = pytest.mark.parametrize("device", ["cuda:0", "mps"], indirect=True)


@pytest.fixture(params=["cuda:0"])
def device(request: pytest.FixtureRequest, cache: Path) -> Iterator[Accelerator]:
    with accelerated(request.param) as found:
        yield found


@pytest.fixture
def model(device: Accelerator) -> LanguageModel:
    """A tiny model on the device."""
    found = load(locate("tiny:llama"), torch.float32)
    assert found.device == device.device
    return found


# That the checks can fail.


@EITHER
def test_strays_are_found(model: LanguageModel, device: Accelerator) -> None:
    here, there = torch.ones(3, device="cpu"), torch.ones(3, device=device.device)
    places = torch.tensor([0, 2], device="cpu")
    assert (there + torch.tensor(1.0, device="cpu")).device == device.device  # as CUDA lets one
    assert there[places].sum().item() == 2 and here.to(there).device == device.device
    there[1:] = here[1:]
    mixing: list[Callable[[], object]] = [
        lambda: there + here,
        lambda: torch.cat([there, here]),
        lambda: here[places.to(device.device)],
        lambda: here.index_put_((places,), there[:2]),
        lambda: there.gather(0, places),
        lambda: here @ there,
        lambda: there.numpy(),
        lambda: torch.rand(3, device=device.device, generator=torch.Generator("cpu")),
        lambda: torch.multinomial(there, 1, generator=torch.Generator("cpu")),
        lambda: model.network(input_ids=torch.tensor([[1, 2]], device="cpu")),
    ]
    if device.device.type == "mps":
        mixing.append(there.double)
    for mix in mixing:
        with pytest.raises(StrayError):
            mix()


def test_a_stray_in_the_way_back_is_found(model: LanguageModel, device: Accelerator) -> None:
    weight = torch.ones(3, device=device.device, requires_grad=True)
    mask = torch.ones(3, device="cpu")
    product = (weight * 2).clone()
    product.register_hook(lambda gradient: gradient * mask)
    with pytest.raises(StrayError, match="mul mixes devices"):
        product.sum().backward()


def test_a_stray_in_a_job_is_found(
    device: Accelerator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def strayed(difference: torch.Tensor, base: torch.Tensor) -> torch.Tensor:
        return difference + torch.zeros(base.shape, device="cpu")

    monkeypatch.setattr("litho.measure.inside.difference.relative", strayed)
    with pytest.raises(StrayError, match="add mixes devices"):
        litho.diff(TEXT, "tiny:llama", "tiny:llama", out=tmp_path / "x")


# The arithmetic of every job.


def saved_adapter(model: LanguageModel, folder: Path) -> Path:
    lora.attach(model, "some", AdapterSpec(2, seed=1))
    for parameter in lora.weights(model, "some").values():
        parameter.data.add_(0.02)
    saved.save(model, "some", folder)
    lora.detach(model)
    return folder


@pytest.mark.parametrize(
    "settings",
    [
        {"ladder": True, "keys": "text", "layers": "pull", "ignore_largest": 0.1},
        {"controls": "none", "bridge": True, "loss": "dosed"},
    ],
)
def test_imprint(
    device: Accelerator, tmp_path: Path, inputs: ImprintSpec, quick: ImprintConfig, settings: dict
) -> None:
    few = {"presentations": 3, "check_every": 3, "replay_pool": 4, "budget": 1e-4}
    short = with_page(inputs, text=SHORT)
    result = run_job(short, quick.model_copy(update=few | settings), tmp_path / "run")
    assert result.presentations >= 3 and device.operations > 1000


@EITHER
def test_every_loss(model: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objectives, "MASKED_FROM", 100.0)  # nothing is likely to a random model
    lora.attach(model, "some", AdapterSpec(2, seed=1))
    rows = [model.encode(TEXT[:40]), model.encode(TEXT[:20])]
    for loss in ("all", "low_perplexity", "entropy_gated", "dosed", "distilled"):
        ask = objective(loss, model, [TEXT[:60]])
        with torch.enable_grad(), lora.learning(model, "some"):
            assert ask(Batch(model, rows, 64, 0.5)) > 0
    prune(model, "some", lambda values: largest(values, 0.1))


@EITHER
def test_map(device: Accelerator, model: LanguageModel, tmp_path: Path) -> None:
    adapter = saved_adapter(model, tmp_path / "adapter")
    litho.map(TEXT, "tiny:llama", adapter=adapter, gradients=True, out=tmp_path / "x")


@EITHER
def test_diff(device: Accelerator, model: LanguageModel, tmp_path: Path) -> None:
    adapter = saved_adapter(model, tmp_path / "adapter")
    config = DiffConfig(nulls=3, null_tokens=16, controls=3, control_steps=1, wash_steps=2)
    litho.diff(
        SHORT,
        str(adapter),
        "tiny:llama",
        unseen=TEXT[60:100],
        unrelated=TEXT * 2,
        out=tmp_path / "x",
        config=config,
    )


@EITHER
def test_diff_of_models_of_other_shapes(device: Accelerator, tmp_path: Path) -> None:
    litho.diff(TEXT, "tiny:gpt2", "tiny:llama", out=tmp_path / "x")


def test_vary(device: Accelerator, tmp_path: Path) -> None:
    config = VaryConfig(count=6, max_mean_kl=100, max_surprise=100)
    litho.vary(SHORT, "tiny:llama", config=config, out=tmp_path / "x")


def test_expose(device: Accelerator, tmp_path: Path) -> None:
    config = ExposeConfig(presentations=(1, 2), tokens=16, seeds=1, third_steps=1, directions=2)
    other = "A dog ran over the bridge and barked at the moon."
    litho.expose(SHORT, "tiny:llama", unrelated=other, config=config, out=tmp_path / "x")


TEXTS = [NamedText(id=str(i), text=said) for i, said in enumerate(TEXT.split(". "))]
QUESTIONS = [
    Question(id="q", prefix="The clock was built by", target="Marek"),
    Question(id="r", prefix="It is wound on", target="Fridays"),
]


@EITHER
def test_ensemble(device: Accelerator, tmp_path: Path) -> None:
    plan = EnsemblePlan(
        texts=Path("t"), probes=Path("p"), models=("tiny:llama",), recipes=(Recipe(steps=2),)
    )
    assert len(Ensemble(plan, TEXTS[:2], QUESTIONS, tmp_path, Silent()).run()) > 1


@EITHER
@pytest.mark.parametrize("method", METHODS)
def test_predict(model: LanguageModel, tmp_path: Path, method: Method) -> None:
    predictor = Predictor(model, Recipe(steps=9), TEXTS[:2], QUESTIONS, tmp_path, Silent())
    assert predictor.predict(method, []).effects_TQ.shape == (2, 2)


@EITHER
def test_what_no_job_above_does(model: LanguageModel, device: Accelerator) -> None:
    rows = [model.encode(said.text) for said in TEXTS]
    assert len(mixed_samples(model, TEXT, [rows[0][1:4], rows[1][1:6]], 4, 0.5, 0)) == 2
    ids_BT = torch.tensor([rows[0][:16]], device="cpu")
    keys = text_keys(model, rows, ids_BT, 2, None, 0)
    assert all(key.device == device.device for key in keys.values())
    assert precision(model).noise < 1e-9


# What does not depend on the device.


def test_numbers_are_those_of_the_cpu(
    make_model: Callable[[str], LanguageModel], cache: Path
) -> None:
    """In the larger chunks of a GPU, as good as float32 is."""

    def numbers(model: LanguageModel) -> list[float]:
        lora.attach(model, "some", AdapterSpec(2, seed=1))
        targets = [target_of(model, question) for question in QUESTIONS]
        with torch.enable_grad(), lora.learning(model, "some"):
            loss = backward_text(model, [model.encode(TEXT), model.encode(TEXT[:30])], 256)
        weights = lora.weights(model, "some").values()
        gradients = [weight.grad.norm().item() for weight in weights if weight.grad is not None]
        parent = read(model, (TEXT,))
        versions = [(TEXT.replace("nine", "ten"),), ("So. " + TEXT,)]
        found = [v.mean_kl for v in volatilities(model, parent, versions)]
        return [loss, *gradients, *target_logprobs(model, targets), *found]

    expected = numbers(make_model("llama"))
    with accelerated():
        assert numbers(load(locate("tiny:llama"), torch.float32)) == pytest.approx(
            expected, rel=1e-4, abs=1e-6
        )


def test_a_fresh_adapter_is_drawn_on_the_cpu(model: LanguageModel, device: Accelerator) -> None:
    device.drawn.clear()
    lora.attach(model, "some", AdapterSpec(2, seed=1))
    assert not device.drawn
    assert all(weight.device == device.device for weight in lora.weights(model, "some").values())


@pytest.mark.parametrize("name", ["cpu", "cuda:0"])
def test_seeded_leaves_the_generators_as_they_were(name: str) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with seeded(torch.device(name), 1):
        first = torch.rand(2)
    assert torch.equal(torch.rand(3), expected)
    with pytest.raises(ValueError), seeded(torch.device(name), 1):
        assert torch.equal(torch.rand(2), first)
        raise ValueError
