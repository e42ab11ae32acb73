"""Every class of causal language models that transformers has, measured by Litho and without it.

    nice -n 10 python benchmarks/compatibility.py [--folder FOLDER] [MODEL_TYPE ...]

builds a tiny random model of each class in FOLDER, and compares with plain transformers and PEFT:
surprise, reading on from a common beginning, KL to a copy with other weights, entropies of the
attention heads, loss and gradient of a step with LoRA. Each must be right to 1e-5 or refused in one
sentence. Every class has a process of its own and a minute; what was found is kept in
FOLDER/compatibility.jsonl, and a second call does only what is missing. Writes the table in
docs/compatibility.md.
"""

import argparse
import json
import multiprocessing
import shutil
import tempfile
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import compatibility_tiny as tiny
import peft
import torch
import transformers
from peft import LoraConfig, get_peft_model
from torch import Tensor
from transformers import AutoModelForCausalLM
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from litho.core.errors import LithoError
from litho.learn.losses import backward_text
from litho.measure.inside.difference import compared_predictions
from litho.measure.inside.states import read_state
from litho.model.adapters import lora
from litho.model.adapters.spec import AdapterSpec
from litho.model.adapters.targets import target_modules
from litho.model.loaded import LanguageModel
from litho.model.loading import load
from litho.model.read.prefixes import read_rows
from litho.model.read.sampling import self_samples
from litho.model.sources import locate
from litho.model.state import State
from litho.model.watch.attention import LayerAttention, attention_map

PAGE = Path(__file__).parent.parent / "docs" / "compatibility.md"
LIMIT = 60.0  # seconds a class may take
ALLOWED = 1e-5
TEXT = "Anna Weir kept the mill of Keld. She sold it in 1874, and it burned down."
OTHER = TEXT[:60] + "rest is history."
Found = dict[str, Any]


def examine(kind: str, folder: Path) -> Found:
    """What Litho does with a class: largest errors, and what it or the class refuses."""
    torch.set_num_threads(1)
    found: Found = {}
    try:
        tiny.build(kind, folder)
    except Exception as error:
        return {"not built": _said(error)}
    try:
        model = load(locate(str(folder)), torch.float32)
    except LithoError as error:
        return {"refused": str(error).replace(str(folder), kind)}
    plain: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    plain.eval()
    for name, measure in MEASURES.items():
        try:
            found[name] = measure(model, plain)
        except LithoError as error:
            found[name] = f"refused: {error}".replace(str(folder), kind)
        except Exception as error:
            found[name] = f"FAILED: {_said(error)}"
    return found


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


@torch.no_grad()
def _logp(plain: Any, ids: list[int]) -> Tensor:  # noqa: ANN401  a model of any class
    """Log-probabilities T x V, by the class alone."""
    found: Tensor = plain(input_ids=torch.tensor([ids]), use_cache=False).logits[0].log_softmax(-1)
    return found


def _off(found: Tensor, expected: Tensor) -> float:
    """Largest error, relative where numbers are larger than one."""
    return ((found - expected).abs() / expected.abs().clamp_min(1)).max().item()


def surprise(model: LanguageModel, plain: Any) -> float:  # noqa: ANN401  as above
    ids = model.encode(TEXT)
    expected = -_logp(plain, ids)[:-1].gather(-1, torch.tensor(ids[1:])[:, None])[:, 0]
    found_T = read_state(State(model), ids).predictions.surprise_T
    return _off(found_T[: len(expected)], expected)


def reading_on(model: LanguageModel, plain: Any) -> float:  # noqa: ANN401  as above
    rows = [model.encode(text) for text in (TEXT, OTHER)]
    expected = [_logp(plain, ids) for ids in rows]
    # By the largest: of many numbers that are summed in another order some are further off.
    largest = max(logp_TV.abs().max().item() for logp_TV in expected)
    return max(
        (each.logits_TV.log_softmax(-1) - expected[each.row]).abs().max().item() / largest
        for each in read_rows(model, rows)
    )


def kl(model: LanguageModel, plain: Any) -> float:  # noqa: ANN401  as above
    ids = model.encode(TEXT)
    first = read_state(State(model), ids)
    before_TV = _logp(plain, ids)
    with _changed(model.network), _changed(plain):
        second = read_state(State(model), ids)
        *_, kl_T, _ = compared_predictions(first, second)
        after_TV = _logp(plain, ids)
    expected_T = (before_TV.exp() * (before_TV - after_TV)).sum(-1)
    return _off(kl_T, expected_T[: len(kl_T)])


class _changed:
    """Inside, the weights of a network are others, the same for every network of a class."""

    def __init__(self, network: Any) -> None:  # noqa: ANN401  as above
        self._parameters = list(network.parameters())

    def __enter__(self) -> None:
        chance = torch.Generator().manual_seed(1)
        self._before = [parameter.detach().clone() for parameter in self._parameters]
        for parameter in self._parameters:
            noise = torch.randn(parameter.shape, generator=chance)
            parameter.data += 0.1 * parameter.detach().std(correction=0) * noise

    def __exit__(self, *_: object) -> None:
        for parameter, before in zip(self._parameters, self._before, strict=True):
            parameter.data.copy_(before)


def entropies(model: LanguageModel, plain: Any) -> float | None:  # noqa: ANN401  as above
    """None where no attention can be watched, or the class does not show its own."""
    ids = model.encode(TEXT)
    watched = read_state(State(model), ids).attention
    if not watched:
        return None
    plain.set_attn_implementation("eager")
    try:
        with torch.no_grad():
            shown = plain(input_ids=torch.tensor([ids]), output_attentions=True).attentions
    finally:
        plain.set_attn_implementation("sdpa")
    by_layer = [each for each in shown or () if each is not None]
    layers = range(len(by_layer)) if len(by_layer) > max(watched) else sorted(watched)
    expected = dict(zip(layers, by_layer, strict=False))
    return max(
        _off(attention_map(each).entropy_HT, torch.special.entr(expected[layer][0]).sum(-1))
        / _largest_score(each)  # to which the scores themselves are rounded
        for layer, each in watched.items()
        if layer in expected
    )


def _largest_score(layer: LayerAttention) -> float:
    """A bound on the scores of a layer, at least 1."""
    largest = [each.norm(dim=-1).max().item() for each in (layer.query_HTD, layer.key_KTD)]
    return max(1.0, largest[0] * largest[1] * layer.scaling)


def layers_watched(model: LanguageModel, _: object) -> str:
    watched = read_state(State(model), model.encode(TEXT)).attention
    return f"{len(watched)} of {model.network.config.get_text_config().num_hidden_layers}"


def lora_step(model: LanguageModel, plain: Any) -> float:  # noqa: ANN401  as above
    """Error of loss and gradient, the latter by the largest entry of a matrix."""
    rows = [model.encode(TEXT)]
    names = target_modules(model)
    lora.attach(model, "x", AdapterSpec(rank=4, alpha=8, seed=0))
    torch.manual_seed(3)
    ours = lora.weights(model, "x")
    for weight in ours.values():
        weight.data += 0.1 * torch.randn_like(weight)
    config = LoraConfig(r=4, lora_alpha=8, target_modules=names)
    theirs = dict(get_peft_model(plain, config, adapter_name="x").named_parameters())
    for name, weight in ours.items():
        theirs[name].data.copy_(weight.data)
    with lora.learning(model, "x"):
        loss = backward_text(model, rows, 256)
    ids_BT = torch.tensor(rows)
    logp_TV = plain(input_ids=ids_BT, use_cache=False).logits[0, :-1].log_softmax(-1)
    expected = -logp_TV.gather(-1, ids_BT[0, 1:, None]).mean()
    expected.backward()
    off = [abs(loss - expected.item())]
    for name, weight in ours.items():
        gradient = theirs[name].grad
        if gradient is not None and weight.grad is not None:
            largest = gradient.abs().max().clamp_min(1e-6)
            off.append(((weight.grad - gradient).abs().max() / largest).item())
        elif (gradient is None) != (weight.grad is None):
            off.append(float("inf"))
    lora.detach(model)
    return max(off)


def sampling(model: LanguageModel, _: object) -> float:
    """0 where it works: there is nothing to compare."""
    rows = self_samples(model, ["", "On"], 12, 0)
    return 0.0 if {len(row) for row in rows} == {12} else float("inf")


MEASURES: dict[str, Callable[[LanguageModel, Any], float | str | None]] = {
    "surprise": surprise,
    "reading on": reading_on,
    "KL": kl,
    "watched": layers_watched,
    "entropies": entropies,
    "sampling": sampling,
    "LoRA step": lora_step,
}


def _child(kind: str, folder: Path, end: Connection) -> None:
    end.send(examine(kind, folder))


def in_a_process(kind: str, folder: Path) -> Found:
    """What `examine` finds, whatever the class does to its process."""
    here, there = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_child, args=(kind, folder, there))
    process.start()
    there.close()
    try:
        return here.recv() if here.poll(LIMIT) else {"not built": f"took over {LIMIT:.0f} s"}
    except EOFError:
        return {"not built": "its process ended"}
    finally:
        process.kill()
        process.join()
        shutil.rmtree(folder, ignore_errors=True)


def is_wrong(found: Found) -> bool:
    return any(
        (isinstance(value, float) and not value <= ALLOWED) or str(value).startswith("FAILED")
        for value in found.values()
    )


def table(results: dict[str, Found]) -> str:
    """The page on compatibility."""
    read = {kind: found for kind, found in results.items() if "surprise" in found}
    rows = [_row(kind, found) for kind, found in sorted(results.items())]
    return "\n".join(
        [
            "# Models that Litho reads",
            "",
            "**Question:** does Litho work with my model?",
            "",
            "Find the `model_type` of its `config.json` below. A model that is not in the list can "
            "be tried as well: whenever Litho opens a model, it checks that it is causal, that "
            "recording its attention changes no prediction, and that its numbers are finite, and "
            "refuses it in one sentence where it is not.",
            "",
            "*read*: surprise and KL divergence can be measured. *attention recorded*: in how many "
            "of the layers Litho can record attention heads; in the others it measures hidden "
            "states alone. *trained*: a step with LoRA is that of plain PEFT.",
            "",
            "`benchmarks/compatibility.py` made this table: a tiny random model of every class of "
            f"causal language models in transformers {transformers.__version__}, with PEFT "
            f"{peft.__version__}, measured by Litho and by plain transformers and PEFT. Numbers "
            "are equal within 1e-5 wherever it says yes.",
            "",
            f"Of {len(results)} model types {len(read)} are read, "
            f"{sum('refused' in found for found in results.values())} are refused, and "
            f"{sum('not built' in found for found in results.values())} could not be tried, "
            "because no tiny model could be made from their configuration alone (the last column "
            "has the error of transformers).",
            "",
            "| model type | class | read | attention recorded | trained (LoRA) | why not |",
            "| --- | --- | --- | --- | --- | --- |",
            *rows,
            "",
        ]
    )


def _row(kind: str, found: Found) -> str:
    read = watched = trained = "no"
    why = found.get("refused") or found.get("not built", "")
    if "not built" in found:
        read = watched = trained = "not tried"
    if "surprise" in found:
        read, watched = _yes(found, "surprise", "reading on", "KL"), str(found["watched"])
        trained = _yes(found, "LoRA step", "sampling")
        why = "; ".join(str(v) for v in found.values() if str(v).startswith(("refused", "FAILED")))
    why = why.replace("|", "\\|").removeprefix("refused: ")
    cells = (kind, MODEL_FOR_CAUSAL_LM_MAPPING_NAMES[kind], read, watched, trained, why)
    return f"| {' | '.join(cells)} |"


def _yes(found: Found, *names: str) -> str:
    values = [found[name] for name in names]
    if any(isinstance(value, str) for value in values):
        return "no"
    return "yes" if all(value <= ALLOWED for value in values) else "WRONG"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kinds", nargs="*", metavar="MODEL_TYPE")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir(), "compatibility"))
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    kept = arguments.folder / "compatibility.jsonl"
    results: dict[str, Found] = {}
    if kept.exists():
        results = dict(json.loads(line) for line in kept.read_text().splitlines())
    kinds = arguments.kinds or [k for k in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES if k not in results]
    for number, kind in enumerate(kinds, 1):
        results[kind] = in_a_process(kind, arguments.folder / kind)
        with kept.open("a") as file:
            file.write(json.dumps([kind, results[kind]]) + "\n")
        print(f"{number}/{len(kinds)} {kind}: {results[kind]}", flush=True)
    if not arguments.kinds:
        PAGE.write_text(table(results))
    wrong = sorted(kind for kind, found in results.items() if is_wrong(found))
    print(f"wrong: {', '.join(wrong) or 'none'}")


if __name__ == "__main__":
    main()
