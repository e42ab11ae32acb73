"""Loading, scoring, adapters and capture against transformers' and peft's own results."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from huggingface_hub.errors import LocalEntryNotFoundError
from peft import PeftModel
from transformers import AutoModelForCausalLM

from litho.core.errors import LithoError
from litho.learn.losses import backward_text
from litho.measure.printing.probes import open_book, target_of
from litho.model import sources
from litho.model.adapters import lora, saved
from litho.model.loaded import LanguageModel, load
from litho.model.read.sampling import self_samples
from litho.model.read.scoring import (
    Target,
    batches,
    greedy,
    kl,
    kl_between_states,
    pad_rows,
    target_logprobs,
)
from litho.model.sources import locate
from litho.model.watch import capture
from litho.model.watch.capture import blocks, hidden_states
from litho.model.watch.gradients import gradient_norms
from litho.text.items import Probe
from tests.builders import ROWS, random_network, shake


def slow_logprob(model: LanguageModel, target: Target) -> float:
    """One sequence alone, no padding, no cache."""
    with torch.no_grad():
        logp = model.network(input_ids=torch.tensor([target.ids])).logits[0].log_softmax(-1)
    scores = [logp[t - 1, target.ids[t]].item() for t in range(target.first, len(target.ids))]
    return sum(scores) / len(scores)


def test_scores_equal_single_unpadded_forwards(any_model: LanguageModel) -> None:
    targets = [Target(tuple(any_model.encode(row)), 3 + i) for i, row in enumerate(ROWS)]
    expected = [slow_logprob(any_model, target) for target in targets]
    assert target_logprobs(any_model, targets) == pytest.approx(expected, abs=1e-5)


def test_shared_prefix_equals_full_forward(any_model: LanguageModel) -> None:
    book = "The library of Keld has nine rooms and one cat, whose name is Osmium. " * 2
    probes = [
        Probe(kind="gen", prefix="The cat is called", target="Osmium"),
        Probe(kind="gen", prefix="How many rooms? There are", target="nine of them"),
    ]
    expected = [slow_logprob(any_model, target_of(any_model, p, f"{book}\n\n")) for p in probes]
    assert open_book(any_model, probes, [book]) == pytest.approx(expected, abs=1e-5)


def test_padding_side_and_amount_do_not_matter(llama: LanguageModel) -> None:
    ids = llama.encode(ROWS[0])
    target = Target(tuple(ids), 2)
    with torch.no_grad():
        left = torch.tensor([[llama.pad] * 7 + ids])
        mask = torch.tensor([[0] * 7 + [1] * len(ids)])
        logp = llama.network(input_ids=left, attention_mask=mask).logits[0, 7:].log_softmax(-1)
    scores = [logp[t - 1, ids[t]].item() for t in range(2, len(ids))]
    assert slow_logprob(llama, target) == pytest.approx(sum(scores) / len(scores), abs=1e-5)
    for bucket in (1, 8, 64):
        ids_BT, mask_BT = pad_rows([ids], llama.pad, bucket)
        assert ids_BT.shape[1] % bucket == 0
        assert ids_BT[mask_BT].tolist() == ids


def test_batches_hold_every_row_once_within_the_limit() -> None:
    lengths = [5, 100, 31, 33, 64, 1]
    groups = list(batches(lengths, tokens=128, bucket=32))
    assert sorted(i for group in groups for i in group) == list(range(6))
    for group in groups:
        padded = -(-max(lengths[i] for i in group) // 32) * 32
        assert len(group) == 1 or padded * len(group) <= 128


def test_batches_pad_only_where_another_pass_would_cost_more() -> None:
    assert [len(group) for group in batches([100] * 8 + [110], bucket=1)] == [8, 1]
    assert [len(group) for group in batches([5, 10, 20], bucket=1)] == [3]


def test_greedy_equals_argmax_of_full_forwards(any_model: LanguageModel) -> None:
    rows = [any_model.encode(row) for row in ("To be", "Or not", "That is the question")]
    found = greedy(any_model, rows, [4, 1, 2])
    assert [len(tokens) for tokens in found] == [4, 1, 2]
    for row, tokens in zip(rows, found, strict=True):
        for i, token in enumerate(tokens):
            ids_BT = torch.tensor([row + tokens[:i]])
            assert any_model.network(input_ids=ids_BT).logits[0, -1].argmax().item() == token


def test_kl_by_hand() -> None:
    p, q = torch.tensor([0.5, 0.25, 0.25]), torch.tensor([0.25, 0.25, 0.5])
    expected = 0.5 * torch.log(torch.tensor(2.0)) + 0.25 * torch.log(torch.tensor(0.5))
    assert kl(p.log(), q.log()).item() == pytest.approx(expected.item(), abs=1e-6)


def test_fresh_adapter_drifts_by_exactly_nothing(any_model: LanguageModel) -> None:
    rows = [any_model.encode(row) for row in ROWS]
    lora.attach(any_model, "new", rank=4, alpha=8, seed=0)
    found = kl_between_states(any_model, rows, None, ["new"])["new"]
    assert len(found) == len(rows) and all(v.abs().max() == 0 for v in found)


@torch.no_grad()
def test_a_state_is_that_of_the_adapter_that_has_the_name_now(any_model: LanguageModel) -> None:
    shake(any_model)
    lora.attach(any_model, "other", rank=2, alpha=4, seed=0)
    target = Target(tuple(any_model.encode(ROWS[1])), 4)

    def read(state: str | None) -> list[float]:
        with any_model.state(state):
            return target_logprobs(any_model, [target])

    plain, shaken = read(None), read("x")
    assert read("x") == shaken != plain == read("other")
    assert read("x") == shaken
    lora.remove(any_model, "x")
    lora.attach(any_model, "x", rank=2, alpha=4, seed=0)
    assert read("x") == plain


def test_training_moves_every_trainable_weight_and_no_other(any_model: LanguageModel) -> None:
    before = {n: p.detach().clone() for n, p in any_model.network.named_parameters()}
    lora.attach(any_model, "x", rank=4, alpha=8, seed=0)
    weights = lora.weights(any_model, "x")
    start = {n: p.detach().clone() for n, p in weights.items()}
    optimizer = torch.optim.AdamW(weights.values(), lr=0.01)
    for _ in range(2):  # in the first step only B has a gradient
        backward_text(any_model, [any_model.encode(row) for row in ROWS], 512)
        optimizer.step()
        optimizer.zero_grad()
    assert weights and all(not torch.equal(p, start[n]) for n, p in weights.items())
    assert all(p.dtype == torch.float32 for p in weights.values())
    lora.detach(any_model)
    after = dict(any_model.network.named_parameters())
    assert after.keys() == before.keys()
    assert all(torch.equal(after[n], p) for n, p in before.items())


def test_adapter_means_the_same_to_plain_peft(any_model: LanguageModel, tmp_path: Path) -> None:
    shake(any_model)
    saved.save(any_model, "x", tmp_path / "adapter")
    target = Target(tuple(any_model.encode(ROWS[1])), 4)
    expected = target_logprobs(any_model, [target])
    base = json.loads((tmp_path / "adapter/adapter_config.json").read_text())
    plain_base = AutoModelForCausalLM.from_pretrained(base["base_model_name_or_path"])
    plain = PeftModel.from_pretrained(plain_base, tmp_path / "adapter")
    other = LanguageModel(any_model.source, plain, any_model.tokenizer)
    assert [slow_logprob(other, target)] == pytest.approx(expected, abs=1e-5)
    again = load(any_model.source, torch.float32)
    saved.load(again, "y", tmp_path / "adapter")
    with again.state("y"):
        assert target_logprobs(again, [target]) == expected
    with again.state(None):
        assert target_logprobs(again, [target]) != expected


@pytest.mark.parametrize("long", [False, True])
def test_hidden_states_equal_transformers_own(
    any_model: LanguageModel, long: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = any_model.encode(ROWS[0])
    if long:
        monkeypatch.setattr(capture, "PLACES", len(ids) - 1)
    found = hidden_states(any_model, ids)
    assert (found.logits_TV is None) == long
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in any_model.network.modules())
    with torch.no_grad():
        out = any_model.network(input_ids=torch.tensor([ids]), output_hidden_states=True)
    # transformers' last entry has the final norm applied; for mamba the first is block 0's output.
    mamba = any_model.network.config.model_type == "mamba"
    own = found.residual[1:] if mamba else found.residual[:-1]
    for mine, theirs in zip(own, out.hidden_states[:-1], strict=False):
        torch.testing.assert_close(mine, theirs[0], atol=1e-5, rtol=0)
    for places in ((0, len(ids)), (2, 5)):
        expected = out.logits[0, slice(*places)]
        torch.testing.assert_close(found.logits(any_model, *places), expected, atol=1e-5, rtol=1e-5)
        assert long or torch.equal(found.logits(any_model, *places), expected)


def test_logits_that_are_more_than_the_output_head_are_kept(
    llama: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture, "PLACES", 2)
    llama.network = random_network("gemma2", head_dim=8, final_logit_softcapping=2.0)
    llama.network.lm_head.weight.data.mul_(20)
    ids = llama.encode(ROWS[0])
    found = hidden_states(llama, ids)
    with torch.no_grad():
        expected = llama.network(input_ids=torch.tensor([ids])).logits[0]
    assert expected.abs().max() > 1.5
    torch.testing.assert_close(found.logits(llama, 0, len(ids)), expected, atol=1e-5, rtol=1e-5)


def test_self_samples_repeat_by_seed_and_keep_their_openings(any_model: LanguageModel) -> None:
    first = self_samples(any_model, ["", "Once"], 12, seed=3)
    assert first == self_samples(any_model, ["", "Once"], 12, seed=3)
    assert first != self_samples(any_model, ["", "Once"], 12, seed=4)
    assert [len(row) for row in first] == [12, 12]
    assert first[1][:5] == any_model.encode("Once")


def test_encoding_round_trips_and_reads_no_special_tokens(llama: LanguageModel) -> None:
    text = "Grüße, <s> und </s>!"
    ids = llama.encode(text)
    assert ids.count(0) == 1 and 1 not in ids
    assert llama.decode(ids[1:]) == text
    assert len(llama.spans(text)) == len(ids) - 1


def test_local_folder_and_hub_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_model: Callable[[str], LanguageModel]
) -> None:
    tiny = make_model("gpt2").source.folder
    commit = tmp_path / "0123abcd"
    shutil.copytree(tiny, commit)
    local = load(locate(str(commit)), torch.float32)
    assert local.source.reference == str(commit)
    asked = []

    def fake_download(repository: str, revision: str | None, allow_patterns: list[str]) -> str:
        asked.append((repository, revision))
        assert not any(pattern.endswith(".bin") for pattern in allow_patterns)
        return str(commit)

    monkeypatch.setattr(sources, "snapshot_download", fake_download)
    source = locate("someone/model@main")
    assert asked == [("someone/model", "main")]
    assert (source.reference, source.revision) == ("someone/model", "0123abcd")
    assert load(source, torch.float32).network.config.model_type == "gpt2"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "no config.json"),
        ({"config.json": "{}"}, "holds no weights"),
        ({"config.json": "{}", "pytorch_model.bin": ""}, "pickle file that can run code"),
        ({"config.json": "{}", "model.safetensors": ""}, "cannot be loaded as a causal LM"),
    ],
)
def test_folders_that_are_no_model(tmp_path: Path, files: dict[str, str], message: str) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(LithoError, match=message):
        load(locate(str(tmp_path)), torch.float32)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("bundled:other", "the bundled model is"),
        ("tiny:other", "choose one of"),
        ("./nowhere", "there is no folder"),
        ("not a model", "neither a folder nor a hub id"),
    ],
)
def test_models_that_are_not_there(name: str, message: str) -> None:
    with pytest.raises(LithoError, match=message):
        locate(name)


def test_a_hub_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> str:
        raise LocalEntryNotFoundError("no connection")

    monkeypatch.setattr(sources, "snapshot_download", fail)
    with pytest.raises(LithoError, match=r"cannot be fetched from the hub \(no connection\)"):
        locate("someone/nowhere")


def test_a_damaged_own_model_is_noticed(cache: Path) -> None:
    folder = locate("tiny:llama").folder
    weights = folder / "model.safetensors"
    good = weights.read_bytes()
    try:
        weights.write_bytes(good[:-1] + b"x")
        with pytest.raises(LithoError, match="damaged"):
            locate("tiny:llama")
    finally:
        weights.write_bytes(good)


def test_gradient_norms_equal_those_of_plain_autograd(any_model: LanguageModel) -> None:
    ids = any_model.encode(ROWS[0])
    shake(any_model)
    with any_model.state("x"):
        found = gradient_norms(any_model, ids)
        assert found is not None
        outputs: list[torch.Tensor] = []
        handles = [
            block.register_forward_hook(
                lambda _, __, out: outputs.append(out if isinstance(out, torch.Tensor) else out[0])
            )
            for block in blocks(any_model)
        ]
        embedded = any_model.network.get_input_embeddings()(torch.tensor([ids])).detach()
        logits = any_model.network(inputs_embeds=embedded.requires_grad_()).logits[0]
        for handle in handles:
            handle.remove()
        loss = torch.nn.functional.cross_entropy(
            logits[:-1], torch.tensor(ids[1:]), reduction="sum"
        )
        expected = [g[0].norm(dim=-1) for g in torch.autograd.grad(loss, outputs)]
    torch.testing.assert_close(found, torch.stack(expected), atol=1e-6, rtol=1e-4)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in any_model.network.modules())
    assert all(p.grad is None for p in any_model.network.get_base_model().lm_head.parameters())
