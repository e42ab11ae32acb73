"""Two states on one text: zeros where nothing changed, definitions elsewhere, onset, null."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from litho.core.errors import LithoError
from litho.learn.micro import train_steps
from litho.measure.inside import chance, difference
from litho.measure.inside.alignment import Stretches, aligned_difference, common_stretches
from litho.measure.inside.behaviour import Behaviour, behaviour, repeated, telling_words
from litho.measure.inside.difference import Difference, own_effects
from litho.measure.inside.effects import DETECTORS, ComparedReadings, judge
from litho.measure.inside.geometry import effective_rank, likeness, linear_cka
from litho.measure.inside.onset import onset
from litho.measure.inside.overlap import common_heads, judge_overlap
from litho.measure.inside.phantom import lost_share
from litho.measure.inside.states import read_state
from litho.model.adapters import lora, updates
from litho.model.loaded import LanguageModel
from litho.model.state import State
from litho.model.watch.capture import blocks, hidden_states
from tests.builders import TEXT, shake


def compare(model: LanguageModel, adapter: str | None) -> Difference:
    base = read_state(State(model), model.encode(TEXT))
    return difference.compare(base, State(model, (adapter,) if adapter else ()))


def test_equal_states_differ_by_exactly_nothing(any_model: LanguageModel) -> None:
    lora.attach(any_model, "x", rank=2, alpha=4, seed=0)  # fresh: B is zero
    for adapter in (None, "x"):
        found = compare(any_model, adapter)
        zeros = [found.kl_T, found.reverse_kl_T, found.relative_LT]
        zeros += [] if found.js_LHT is None else [found.js_LHT]
        assert all(tensor.abs().max() == 0 for tensor in zeros)
        assert torch.equal(found.rank_before_L, found.rank_after_L)
        torch.testing.assert_close(found.cka_L, torch.ones_like(found.cka_L), atol=1e-9, rtol=0)
    base = read_state(State(any_model), any_model.encode(TEXT))
    assert own_effects(base, State(any_model, ("x",))).abs().max() == 0


def test_difference_against_its_definitions(any_model: LanguageModel) -> None:
    shake(any_model)
    found = compare(any_model, "x")
    readings = []
    for adapter in (None, "x"):
        with any_model.state(adapter):
            ids = any_model.encode(TEXT)
            hidden = hidden_states(any_model, ids)
            logits_TV = any_model.network(torch.tensor([ids]), use_cache=False).logits[0]
        # The opening token is none of the text's.
        readings.append((hidden.residual[1][1:], logits_TV[1:].log_softmax(-1)))
    (old, logp), (new, logq) = readings
    torch.testing.assert_close(
        found.kl_T, (logp.exp() * (logp - logq)).sum(-1), atol=1e-5, rtol=1e-4
    )
    torch.testing.assert_close(
        found.reverse_kl_T, (logq.exp() * (logq - logp)).sum(-1), atol=1e-5, rtol=1e-4
    )
    expected = (new - old).norm(dim=-1) / old.norm(dim=-1)
    torch.testing.assert_close(found.relative_LT[0], expected, atol=1e-6, rtol=1e-4)
    assert (found.js_LHT is None) == (any_model.source.name == "tiny:mamba")


def test_cka_and_effective_rank_by_hand() -> None:
    torch.manual_seed(0)
    x = torch.randn(50, 6)
    turned = x @ torch.linalg.qr(torch.randn(6, 6)).Q * 3 + 1
    assert linear_cka(x, turned).item() == pytest.approx(1.0)  # blind to rotation, scale, shift
    y = torch.randn(50, 6)
    gram_x, gram_y = ((m - m.mean(0)) @ (m - m.mean(0)).T for m in (x.double(), y.double()))
    by_gram = (gram_x * gram_y).sum() / (gram_x.norm() * gram_y.norm())
    assert linear_cka(x, y).item() == pytest.approx(by_gram.item())
    assert linear_cka(x, torch.ones(50, 6)).isnan()
    basis = torch.linalg.qr(torch.randn(40, 5)).Q
    assert effective_rank(basis).item() == pytest.approx(5.0)  # five equal singular values
    assert effective_rank(basis.T).item() == pytest.approx(5.0)
    assert effective_rank(torch.outer(torch.rand(9), torch.rand(4))).item() == pytest.approx(
        1, 1e-3
    )
    for few in (x[:4], x):  # in one go, fewer tokens than columns and more
        again = few @ torch.randn(6, 6) + 5
        found = likeness(few, again)
        expected = linear_cka(few, again), effective_rank(few), effective_rank(again)
        torch.testing.assert_close(tuple(found), expected, atol=1e-9, rtol=1e-9)
    assert likeness(x, torch.ones(50, 6)).cka.isnan()


def test_only_the_touched_block_has_an_effect_of_its_own(any_model: LanguageModel) -> None:
    shake(any_model)
    with torch.no_grad():
        for name, parameter in lora.weights(any_model, "x").items():
            if ".1." not in name:
                parameter.zero_()
    touched = any(".1." in name for name in lora.weights(any_model, "x"))
    assert touched and len(blocks(any_model)) == 3
    base = read_state(State(any_model), any_model.encode(TEXT))
    effect_L = own_effects(base, State(any_model, ("x",))).mean(1)
    assert effect_L[1] > 0 and effect_L[0] == effect_L[2] == 0
    # The accumulated difference goes on to the end.
    relative_L = compare(any_model, "x").relative_LT.mean(1)
    assert relative_L[0] == 0 and relative_L[1] > 0 and relative_L[2] > 0
    torch.testing.assert_close(relative_L[1], effect_L[1], atol=1e-6, rtol=1e-4)


def test_random_updates_have_the_norms_that_were_asked_for(any_model: LanguageModel) -> None:
    before = {n: p.clone() for n, p in any_model.network.named_parameters()}
    names = lora.target_modules(any_model)
    kinds = sorted({updates.kind(name) for name in names})
    asked = {kind: 0.5 + number for number, kind in enumerate(kinds)}
    chance.prepare(any_model, rank=2)
    with chance.by_chance(State(any_model), asked, seed=7) as state:
        assert updates.update_norms(any_model, chance.NAME) == pytest.approx(asked, rel=1e-5)
        found = compare(any_model, state.adapters[0])
        assert found.kl_T.max() > 0
        merged = any_model.network.merge_and_unload(adapter_names=[chance.NAME])
    for name in names:  # every layer has its equal part
        norm = (merged.get_submodule(name).weight - before[f"{name}.weight"]).norm().item()
        assert norm == pytest.approx(asked[updates.kind(name)] / 3**0.5, rel=1e-3)


def test_what_a_random_update_does_not_reach_is_spread_over_the_rest(llama: LanguageModel) -> None:
    chance.prepare(llama, rank=2)
    with chance.by_chance(
        State(llama), {"model.embed_tokens": 2.0, "self_attn.q_proj": 1.0}, seed=7
    ):
        norms = updates.update_norms(llama, chance.NAME)
    assert sum(norm**2 for norm in norms.values()) == pytest.approx(5)
    assert norms["mlp.down_proj"] ** 2 == pytest.approx(4 / 7)
    assert norms["self_attn.q_proj"] ** 2 == pytest.approx(4 / 7 + 1)


def test_an_adapter_that_was_merged_already_is_named(llama: LanguageModel) -> None:
    shake(llama)
    updates.check_unmerged(llama, "x")
    llama.network.merge_adapter(["x"])
    with pytest.raises(LithoError, match="contains this adapter already"):
        updates.check_unmerged(llama, "x")


def test_the_distance_of_two_adapters_is_that_of_the_merged_weights(
    make_model: Callable[[str], LanguageModel],
) -> None:
    model = make_model("llama")
    shake(model, "x")
    shake(model, "y", scale=0.2)
    found = updates.update_norms(model, "y", before="x")
    first, second = (
        model.network.get_submodule("base_model.model.model.layers.1.mlp.up_proj").get_delta_weight(
            name
        )
        for name in ("x", "y")
    )
    assert found.keys() == updates.update_norms(model, "x").keys()
    alone = [
        module.get_delta_weight("y") - module.get_delta_weight("x")
        for path, module in model.network.named_modules()
        if path.endswith("mlp.up_proj")
    ]
    assert len(alone) == 3 and torch.equal(alone[1], second - first)
    expected = torch.stack(alone).norm().item()
    assert found["mlp.up_proj"] == pytest.approx(expected, rel=1e-5)
    assert updates.update_norms(model, "x", before="x")["mlp.up_proj"] == 0


def test_a_control_is_trained_and_has_the_norms_of_the_change(llama: LanguageModel) -> None:
    shake(llama, "x")
    before = {name: p.clone() for name, p in lora.weights(llama, "x").items()}
    lora.attach(llama, "control", rank=2, alpha=4, seed=3, layers=[1])
    assert all(".1." in name for name in lora.weights(llama, "control"))
    rows = [llama.encode(TEXT)]
    assert list(train_steps(llama, "control", rows, 3, 1e-2, beside=("x",))) == [1, 2, 3]
    assert all(torch.equal(p, before[name]) for name, p in lora.weights(llama, "x").items())
    # What it does not reach is spread over what it does, as in a random update.
    updates.rescale(llama, "control", {"model.embed_tokens": 7**0.5})
    norms = updates.update_norms(llama, "control")
    assert list(norms.values()) == pytest.approx([1.0] * 7, rel=1e-4)
    updates.rescale(llama, "control", {"self_attn.q_proj": 1.5, "mlp.up_proj": 0.5})
    norms = updates.update_norms(llama, "control")
    assert norms["self_attn.q_proj"] == pytest.approx(1.5, rel=1e-4)
    assert norms["mlp.up_proj"] == pytest.approx(0.5, rel=1e-4)
    assert norms["mlp.down_proj"] == 0
    lora.remove(llama, "control")
    assert llama.adapters == ["x"]


def test_a_shift_that_is_washed_out(llama: LanguageModel) -> None:
    shake(llama, "x")
    ids = llama.encode(TEXT)
    before, after = (read_state(State(llama, names), ids) for names in ((), ("x",)))
    assert lost_share(before, after, after) == pytest.approx(0, abs=1e-9)
    assert lost_share(before, after, before) == pytest.approx(1)
    assert lost_share(before, before, after) == 0  # nothing that could be lost


def test_repetition_and_telling_words(llama: LanguageModel) -> None:
    assert repeated([1, 2, 3, 4, 5, 6]) == repeated([1, 2]) == 0
    assert repeated([1, 2] * 6) == 9 - 2
    base = read_state(State(llama), llama.encode(TEXT))
    words = telling_words(llama, TEXT, base)
    assert len(words) == len(set(words)) == 6 and all(word in TEXT for word in words)
    said = behaviour(State(llama), words, ["Once", "The"])
    assert said == behaviour(State(llama), words, ["Once", "The"])
    louder = Behaviour([value + 0.5 for value in said.spill], said.repeated + 40)
    found = ComparedReadings(base, base, llama, (said, louder)).statistics()
    assert found["spill"] == pytest.approx(0.5)
    rise = 2 * ((said.repeated + 40.375) ** 0.5 - (said.repeated + 0.375) ** 0.5)
    assert found["repetition_loop"] == pytest.approx(rise)


def test_stretches_end_where_both_tokenizers_end_a_token() -> None:
    # "the tower" as the|_tower and as t|he|_to|wer
    found = common_stretches([(0, 3), (3, 9)], [(0, 1), (1, 3), (3, 6), (6, 9)])
    assert found == Stretches([3, 9], [0, 1], [1, 3])
    # Several bytes of one letter end at the same character.
    assert common_stretches([(0, 1), (0, 1), (1, 2)], [(0, 2)]) == Stretches([2], [2], [0])


def test_aligned_surprise_is_the_sum_over_the_tokens(
    make_model: Callable[[str], LanguageModel],
) -> None:
    first, second = (State(make_model(name)) for name in ("llama", "gpt2"))
    found = aligned_difference(first, second, TEXT)
    for state, surprise_S in ((first, found.surprise_first_S), (second, found.surprise_second_S)):
        ids = state.model.encode(TEXT)
        logp = state.model.network(torch.tensor([ids])).logits[0].log_softmax(-1)
        expected = -logp[torch.arange(len(ids) - 1), ids[1:]].sum().item()
        assert surprise_S.sum().item() == pytest.approx(expected, rel=1e-5)
    same = aligned_difference(first, first, TEXT)
    assert same.cka_LM.diagonal().tolist() == pytest.approx([1.0] * 3)


def test_nothing_of_a_random_update_remains(llama: LanguageModel) -> None:
    chance.prepare(llama, rank=2)
    with chance.by_chance(State(llama), {"self_attn.q_proj": 2.5}, seed=7):
        pass
    assert compare(llama, chance.NAME).kl_T.max() == 0


def nulls(count: int, layers: int, seed: int) -> list[list[float]]:
    return np.exp(np.random.default_rng(seed).normal(-3, 0.2, (count, layers))).tolist()


def test_onset_is_the_first_layer_beyond_chance() -> None:
    effects = nulls(1, 30, seed=1)[0]
    effects[12], effects[20] = 0.4, 0.9
    found = onset(effects, nulls(16, 30, seed=2))
    assert found.layer == 12 and found.p < 0.01
    assert found.null_low[12] < 0.05 < found.null_high[12] < 0.4
    silent = onset([0.0] * 30, nulls(16, 30, seed=2))
    assert silent.layer is None and silent.p == 1.0
    with pytest.raises(ValueError, match="too few"):
        onset(effects, nulls(2, 30, seed=2))


def test_blocks_that_the_null_does_not_reach() -> None:
    null = nulls(16, 4, seed=2)
    for each in null:
        each[1] = each[2] = 0.0
    found = onset([0.05, 0.0, 1e-6, 0.05], null)
    assert found.p_by_layer[1] == 1.0 and found.p_by_layer[2] == 0.0 and found.layer == 2
    assert found.null_low[1] == found.null_high[1] == 0.0 < found.null_low[0]
    assert all(np.isfinite(found.p_by_layer))


def test_onset_of_chance_is_reported_at_no_more_than_its_level() -> None:
    hits = [onset(nulls(1, 30, 1000 + i)[0], nulls(16, 30, 5000 + i)).layer for i in range(400)]
    assert sum(layer is not None for layer in hits) <= 12  # 1 % of 400 are 4


def detected(model: LanguageModel, change: Callable[[LanguageModel], State]) -> dict[str, float]:
    ids = model.encode(TEXT)
    before = read_state(State(model), ids)
    assert before.predictions  # computed before weights change in place
    return ComparedReadings(before, read_state(change(model), ids), model).statistics()


def test_detectors_are_still_where_nothing_changed(any_model: LanguageModel) -> None:
    found = detected(any_model, State)
    assert set(found.values()) == {0.0}
    spoken = {"repetition_loop", "spill"}  # where the model is not asked to speak
    missing = set(dict(DETECTORS.items())) - set(found) - spoken
    attention = {"attention_divergence", "sink_shift"}
    assert missing == (attention if any_model.source.name == "tiny:mamba" else set())


def scaled_head(factor: float) -> Callable[[LanguageModel], State]:
    def change(model: LanguageModel) -> State:
        model.network.lm_head.weight.data.mul_(factor)
        return State(model)

    return change


def test_logits_that_flatten_and_sharpen(
    make_model: Callable[[str], LanguageModel],
) -> None:
    flat = detected(make_model("llama"), scaled_head(0.5))
    sharp = detected(make_model("llama"), scaled_head(4.0))
    assert flat["logit_collapse"] == pytest.approx(np.log(2), rel=1e-4)
    assert flat["entropy_collapse"] < 0 < sharp["entropy_collapse"]
    assert flat["overconfidence"] < 0 < sharp["overconfidence"]
    assert flat["attention_divergence"] == sharp["sink_shift"] == 0.0
    assert sharp["end_of_text_damage"] > 0 and sharp["representation_collapse"] == 0.0


def test_representations_that_collapse(llama: LanguageModel) -> None:
    def change(model: LanguageModel) -> State:
        for block in model.network.model.layers:
            block.mlp.down_proj.weight.data[1:] *= 0.01
            block.self_attn.o_proj.weight.data[1:] *= 0.01
            block.mlp.down_proj.weight.data[:1] *= 300
        return State(model)

    found = detected(llama, change)
    assert found["representation_collapse"] > 0.1
    assert found["attention_divergence"] > 0 and found["sink_shift"] > 0


def test_findings_need_to_be_beyond_chance() -> None:
    null = [{"a": value, "b": value} for value in np.linspace(-1, 1, 16).tolist()]
    loud, quiet = judge({"a": 9.0, "b": 0.5}, null)
    assert (loud.name, loud.found, quiet.found) == ("a", True, False)
    assert loud.null[0] < -1 and 1 < loud.null[1] < 9
    with pytest.raises(ValueError, match="too few"):
        judge({"a": 1.0}, null[:2])


def test_a_broken_number_is_named_by_its_place(llama: LanguageModel) -> None:
    llama.network.model.layers[1].mlp.down_proj.weight.data[0, 0] = float("nan")
    with pytest.raises(LithoError, match="NaN or infinity at layer 1, token 0"):
        read_state(State(llama), llama.encode(TEXT))


def test_common_heads(llama: LanguageModel) -> None:
    chance.prepare(llama, rank=2)
    texts = [llama.encode(text) for text in (TEXT, TEXT[::-1])]
    bases = [read_state(State(llama), ids) for ids in texts]
    with chance.by_chance(State(llama), {"self_attn.q_proj": 3.0}, seed=1) as state:
        here, there = (
            ComparedReadings(base, read_state(state, ids), llama)
            for base, ids in zip(bases, texts, strict=True)
        )
    assert common_heads(here, here) == 1.0
    js_T = [
        torch.cat([heads.divergence_HT[:, 1:].mean(-1) for heads in c.heads.values()])
        for c in (here, there)
    ]
    assert len(js_T[0]) == 12  # three layers of four heads, of which the strongest is compared
    assert common_heads(here, there) == float(js_T[0].argmax() == js_T[1].argmax())
    same = ComparedReadings(bases[0], bases[0], llama)
    assert common_heads(same, here) is None
    loud = judge_overlap(0.9, [0.1, 0.2, 0.3, 0.2, 0.1], heads=100)
    quiet = judge_overlap(0.2, [0.1, 0.2, 0.3, 0.2, 0.1], heads=100)
    assert loud.places == 10 and loud.p < 0.01 < quiet.p
