"""Predictions of micro fine-tunes: gradients row by row, and what is made of them."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from litho.core.errors import LithoError
from litho.core.stats import Estimate
from litho.jobs.predict import predictor
from litho.jobs.predict.advice import harmful, opposed, redundant, suggested
from litho.jobs.predict.calibration import COVERAGE, FORMAT, Calibration, calibrate
from litho.jobs.predict.coarse import coarse_run, cosines, strides
from litho.jobs.predict.config import Price
from litho.jobs.predict.first_order import bends, first_order
from litho.jobs.predict.fitting import RIDGE, fit, ridge
from litho.jobs.predict.left_out import weights_of
from litho.jobs.predict.predictor import Predictor
from litho.jobs.predict.reach import advice, needed_price, read_calibrations, shipped_calibrations
from litho.learn.recipe import Recipe, follow, leave_gradient, prepare
from litho.measure.printing.probes import score, target_of
from litho.model.adapters import lora
from litho.model.loaded import LanguageModel
from litho.model.read.scoring import Target, logits_at, pad_rows
from litho.model.sources import locate
from litho.model.watch.sample_gradients import sample_gradients
from litho.text.items import NamedText
from tests.builders import QUESTIONS, TEXT, TEXTS, Silent, random_network


@pytest.mark.parametrize("fresh", [True, False])
def test_gradients_of_a_batch_are_those_of_each_row_alone(
    any_model: LanguageModel, fresh: bool
) -> None:
    check_gradients(any_model, fresh)


def test_layers_may_be_given_all_tokens_in_one_row(llama: LanguageModel) -> None:
    llama.network = random_network("opt", ffn_dim=64, word_embed_proj_dim=32)
    check_gradients(llama, fresh=False)


def check_gradients(any_model: LanguageModel, fresh: bool) -> None:
    lora.attach(any_model, "x", 2, 4, seed=0)
    weights = lora.weights(any_model, "x")
    if not fresh:
        torch.manual_seed(0)
        for weight in weights.values():
            weight.data.add_(0.1 * torch.randn_like(weight))
    targets = [target_of(any_model, question) for question in QUESTIONS]
    targets.append(Target(tuple(any_model.encode(TEXT)), 1))
    found = {
        i: gradient
        for group, gradients_NP in sample_gradients(any_model, "x", targets)
        for i, gradient in zip(group, gradients_NP, strict=True)
    }
    assert all(weight.grad is None for weight in weights.values())
    for i, target in enumerate(targets):
        ids = torch.tensor([target.ids])
        logp = any_model.network(input_ids=ids, use_cache=False).logits[0].log_softmax(-1)
        labels = ids[0, target.first :, None]
        logp[target.first - 1 : -1].gather(-1, labels).mean().backward()
        alone = torch.cat(
            [weight.grad.flatten() for weight in weights.values() if weight.grad is not None]
        )
        for weight in weights.values():
            weight.grad = None
        assert torch.allclose(found[i], alone, atol=1e-5)
    lora.detach(any_model)


def test_the_head_reads_only_what_is_asked_for(any_model: LanguageModel) -> None:
    rows = [any_model.encode(TEXT)[:20], any_model.encode(TEXT)[:12]]
    ids_BT, _ = pad_rows(rows, any_model.pad)
    wanted = [(0, 3), (1, 11), (0, 0)]
    with torch.no_grad():
        whole = any_model.network(input_ids=ids_BT).logits
        found = logits_at(any_model, ids_BT, wanted)
    assert torch.allclose(found, torch.stack([whole[b, t] for b, t in wanted]), atol=1e-5)


def targets_of(model: LanguageModel) -> list[Target]:
    return [target_of(model, question) for question in QUESTIONS]


def test_a_coarse_run_takes_the_steps_of_the_optimizer_along_each_gradient(
    llama: LanguageModel,
) -> None:
    recipe, ids = Recipe(learning_rate=1e-2, steps=6), llama.encode(TEXT)
    assert [done for done, _ in follow(llama, "x", recipe, ids, (1, 2, 3))] == [1, 3, 6]
    found = weights_of(llama, "x")
    lora.detach(llama)
    prepare(llama, "x", recipe)
    optimizer = torch.optim.AdamW(lora.weights(llama, "x").values(), lr=1e-2, weight_decay=0.0)
    ids_BT = torch.tensor([ids])
    for stride in (1, 2, 3):
        optimizer.zero_grad()
        with llama.state("x"):
            llama.network(input_ids=ids_BT, labels=ids_BT).loss.backward()
        for _ in range(stride):
            optimizer.step()
    assert torch.allclose(found, weights_of(llama, "x"), atol=1e-5)
    lora.detach(llama)


@pytest.mark.parametrize("silent", [False, True])
def test_coarse_runs_know_how_alike_first_steps_are(llama: LanguageModel, silent: bool) -> None:
    if silent:  # units that no text wakes: some of B has no gradient at all
        llama.network = random_network("opt", ffn_dim=64, word_embed_proj_dim=32)
    recipe = Recipe(learning_rate=1e-2, steps=3)
    texts = [Target(tuple(llama.encode(text.text)), 1) for text in TEXTS]
    expected_TT = first_order(llama, recipe, texts, targets_of(llama), Silent()).cosines_TT
    runs = [coarse_run(llama, recipe, text.text, QUESTIONS) for text in TEXTS]
    found_TT = cosines([run["first_step"] for run in runs])
    pairs = np.triu_indices(len(TEXTS), k=1)
    assert np.ptp(expected_TT[pairs]) > 0.2
    assert np.abs(found_TT - expected_TT).max() < 0.04


def test_calibrations_that_come_with_litho_weigh_what_is_estimated() -> None:
    for found in shipped_calibrations():
        estimates = 1 if found.price == "careful" else 2 + bends(int(str(found.recipe["steps"])))
        assert len(found.weights) == estimates + 1


def test_calibrations_of_an_earlier_format_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    today = shipped_calibrations()[0]
    entries = [today.model_dump(mode="json"), {"price": "careful"}, {"format": FORMAT - 1}]
    path.write_text(json.dumps(entries))
    assert read_calibrations(path) == [today]


def test_strides_cover_the_recipe() -> None:
    assert strides(20) == (1, 3, 4, 4, 4, 4)
    assert all(sum(strides(steps)) == steps for steps in range(1, 40))


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_the_first_order_is_what_a_short_step_does(llama: LanguageModel, optimizer: str) -> None:
    recipe = Recipe(learning_rate=1e-4, steps=1, optimizer=optimizer)
    encoded = [llama.encode(text.text) for text in TEXTS]
    texts = [Target(tuple(ids), 1) for ids in encoded]
    found = first_order(llama, recipe, texts, targets_of(llama), Silent())
    before = np.array(score(llama, QUESTIONS))
    for ids, expected_Q in zip(encoded, found.stretches_KTQ[0], strict=True):
        for _ in follow(llama, "x", recipe, ids):
            pass
        with torch.no_grad():
            measured_Q = np.array(score(llama, QUESTIONS)) - before
        lora.detach(llama)
        assert np.abs(measured_Q - expected_Q).max() < 0.05 * np.abs(measured_Q).max()
    assert len(found.stretches_KTQ) == 1
    assert np.allclose(found.cosines_TT.diagonal(), 1)
    assert np.allclose(found.cosines_TT, found.cosines_TT.T)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_where_the_path_bends_the_gradient_is_that_of_the_moved_adapter(
    llama: LanguageModel, optimizer: str
) -> None:
    """By plain backward passes, and by what short steps from the start do."""
    rate = 1.0 if optimizer == "sgd" else 1e-2
    recipe = Recipe(learning_rate=rate, steps=20, optimizer=optimizer)
    encoded = [llama.encode(text.text) for text in TEXTS[:3]]
    texts = [Target(tuple(ids), 1) for ids in encoded]
    found = first_order(llama, recipe, texts, targets_of(llama), Silent())
    prepare(llama, "x", recipe)
    matrices = [w for path, w in lora.weights(llama, "x").items() if ".lora_B." in path]

    def direction(ids: list[int], moved_P: Tensor) -> Tensor:
        nn.utils.vector_to_parameters(moved_P.clone(), matrices)
        llama.network.zero_grad()
        leave_gradient(llama, "x", recipe, ids, 1)
        gradient_P = torch.cat([-w.grad.flatten() for w in matrices if w.grad is not None])
        return gradient_P if optimizer == "sgd" else gradient_P.sign()

    @torch.no_grad()
    def asked(moved_P: Tensor) -> np.ndarray:
        nn.utils.vector_to_parameters(moved_P, matrices)
        with llama.state("x"):
            return np.array(score(llama, QUESTIONS))

    for number, ids in enumerate(encoded):
        moved_P, first_P = torch.zeros_like(nn.utils.parameters_to_vector(matrices)), None
        for stretch_TQ, length in zip(found.stretches_KTQ, (4, 4, 12), strict=True):
            step_P = direction(ids, moved_P)
            tiny = 3e-2 / step_P.norm().item()
            measured_Q = (asked(tiny * step_P) - asked(-tiny * step_P)) / (2 * tiny) * rate
            off_Q = np.abs(measured_Q - stretch_TQ[number])
            assert off_Q.max() < 0.05 * np.abs(measured_Q).max()
            if first_P is not None:
                assert torch.nn.functional.cosine_similarity(first_P, step_P, dim=0) < 0.99
            first_P = step_P if first_P is None else first_P
            moved_P = moved_P + length * rate * step_P
    straight_TQ, once_TQ, twice_TQ = found.estimates(20)
    first_TQ, second_TQ, third_TQ = found.stretches_KTQ
    assert np.allclose(straight_TQ, 20 * first_TQ)
    assert np.allclose(once_TQ, 4 * first_TQ + 16 * second_TQ)
    assert np.allclose(twice_TQ, 4 * first_TQ + 4 * second_TQ + 12 * third_TQ)


def test_a_path_that_leads_nowhere_is_named(llama: LanguageModel) -> None:
    recipe = Recipe(learning_rate=1e30, steps=9)
    text = Target(tuple(llama.encode(TEXT)), 1)
    with pytest.raises(LithoError, match="diverged at step 4"):
        first_order(llama, recipe, [text], targets_of(llama), Silent())
    assert not llama.adapters


def test_a_coarse_run_of_one_step_is_the_run(llama: LanguageModel) -> None:
    recipe = Recipe(steps=1, learning_rate=1e-2)
    found = coarse_run(llama, recipe, TEXT, QUESTIONS)["answers"]
    for _ in follow(llama, "x", recipe, llama.encode(TEXT)):
        pass
    with torch.no_grad():
        assert found == score(llama, QUESTIONS)
    lora.detach(llama)


def test_a_calibration_finds_weights_and_its_intervals_cover_unseen_texts() -> None:
    chance = np.random.default_rng(0)
    estimates_TQF = chance.normal(size=(120, 40, 2))
    true_TQ = estimates_TQF @ [2.0, -0.5] + 0.3
    measured_TQ = true_TQ + chance.standard_t(4, true_TQ.shape) * (0.1 + 0.2 * np.abs(true_TQ))
    found = calibrate("cheap", "", {}, None, "float32", estimates_TQF[:60], measured_TQ[:60])
    assert np.allclose(found.weights, [2.0, -0.5, 0.3], atol=0.05)
    predicted_TQ, half_TQ = found.predict(estimates_TQF[60:])
    covered = (np.abs(measured_TQ[60:] - predicted_TQ) <= half_TQ).mean()
    assert abs(covered - COVERAGE) < 0.03
    small = np.abs(predicted_TQ) < 0.3
    assert half_TQ[small].mean() < half_TQ[~small].mean()


def test_a_calibration_for_its_own_questions_knows_their_usual_effects() -> None:
    chance = np.random.default_rng(0)
    estimates_TQF = chance.normal(size=(90, 40, 1))
    usual_Q = chance.normal(size=40)
    measured_TQ = estimates_TQF[..., 0] + usual_Q + chance.normal(0, 0.1, (90, 40))
    for questions, agreement, error in ((None, 0.8, 1.0), ("hash", 0.98, 0.12)):
        found = calibrate(
            "cheap", "", {}, questions, "float32", estimates_TQF[:60], measured_TQ[:60]
        )
        assert found.agreement.value is not None and abs(found.agreement.value - agreement) < 0.15
        predicted_TQ, half_TQ = found.predict(estimates_TQF[60:])
        errors_TQ = np.abs(predicted_TQ - measured_TQ[60:])
        assert np.sqrt(np.square(errors_TQ).mean()) == pytest.approx(error, rel=0.3)
        assert abs((errors_TQ <= half_TQ).mean() - COVERAGE) < 0.04


def test_ridge_regression_between_texts_is_that_between_inputs() -> None:
    chance = np.random.default_rng(0)
    inputs_TE, outputs_TQ = chance.normal(size=(20, 50)), chance.normal(size=(20, 4))
    inner_EE = inputs_TE.T @ inputs_TE
    regular_EE = inner_EE + RIDGE * np.trace(inner_EE) / 20 * np.eye(50)
    expected_EQ = np.linalg.solve(regular_EE, inputs_TE.T @ outputs_TQ)
    assert np.allclose(ridge(inputs_TE, outputs_TQ), expected_EQ)
    assert not ridge(np.zeros((20, 50)), outputs_TQ).any()


def test_what_is_said_of_one_question_helps_with_others() -> None:
    chance = np.random.default_rng(0)
    measured_TQ = chance.normal(size=(90, 3)) @ chance.normal(size=(3, 40))
    estimates_TQF = (measured_TQ + chance.normal(0, 2, (90, 40)))[..., None]
    found = fit(estimates_TQF[:60], measured_TQ[:60], own=True)
    assert found.ridge_EQ is not None
    alone = dataclasses.replace(found, ridge_EQ=np.zeros_like(found.ridge_EQ))
    errors = [
        np.square(each.predict(estimates_TQF[60:]) - measured_TQ[60:]).mean()
        for each in (found, alone)
    ]
    assert errors[0] < 0.8 * errors[1]


def test_the_lower_price_that_reaches_a_recipe_is_named() -> None:
    def known(price: Price, steps: int, agreement: float) -> Calibration:
        estimates_TQF = np.random.default_rng(0).normal(size=(12, 9, 1))
        made = calibrate(
            price, "", {"steps": steps}, None, "float32", estimates_TQF, estimates_TQF[..., 0]
        )
        return made.model_copy(update={"agreement": Estimate(value=agreement, ci=None, n=12)})

    reach = [known("cheap", 8, 0.8), known("cheap", 20, 0.4), known("careful", 20, 0.95)]
    assert [needed_price(reach, steps) for steps in (1, 8, 9, 20, 21)] == [
        "cheap", "cheap", "careful", "careful", None,
    ]  # fmt: skip
    assert "Take --price careful" in advice("cheap", reach[1], "careful", 60)[0]
    assert "run it, which takes about 1 minutes" in advice("cheap", reach[1], None, 60)[0]
    assert "Take --price cheap" in advice("careful", None, "cheap", 60)[0]
    assert not advice("careful", reach[2], "careful", 60)


def test_what_was_worked_out_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def predictor(steps: int) -> Predictor:
        recipe = Recipe(learning_rate=1e-2, steps=steps)
        return Predictor(locate("tiny:llama"), recipe, TEXTS, QUESTIONS, tmp_path, Silent())

    careful, cheap = predictor(4).predict("careful", []), predictor(9).predict("cheap", [])
    assert careful.effects_TQ.shape == (len(TEXTS), len(QUESTIONS))
    for name in ("coarse_run", "first_order"):
        monkeypatch.setattr(
            f"litho.jobs.predict.predictor.{name}", lambda *_: pytest.fail("was kept")
        )
    assert np.array_equal(predictor(4).predict("careful", []).effects_TQ, careful.effects_TQ)
    assert np.array_equal(predictor(9).predict("cheap", []).effects_TQ, cheap.effects_TQ)
    assert not np.allclose(predictor(4).predict("cheap", []).effects_TQ, cheap.effects_TQ)


def test_a_text_that_does_not_fit_is_named(tmp_path: Path) -> None:
    text = [NamedText(id="endless", text=TEXT * 200)]
    found = Predictor(locate("tiny:llama"), Recipe(), text, QUESTIONS, tmp_path, Silent())
    with pytest.raises(LithoError, match="'endless' has"):
        found.predict("cheap", [])


def test_advice_names_harm_and_repetition_and_keeps_the_rest() -> None:
    effects_TQ = np.array([[0.5, 0.1], [0.4, 0.1], [-0.9, 0.2], [0.0, 0.05]])
    half_TQ = np.full((4, 2), 0.3)
    names, asked = ["a", "b", "c", "d"], ["p", "q"]
    (harm,) = harmful(names, asked, effects_TQ, effects_TQ + half_TQ < 0)
    assert (harm.text, harm.probes, harm.delta) == ("c", ["p"], -0.9)
    (pull,) = opposed(names, asked, effects_TQ, np.abs(effects_TQ) > half_TQ)
    assert (pull.probe, pull.raised_by, pull.lowered_by) == ("p", "a", "c")
    cosines_TT = np.eye(4)
    cosines_TT[0, 1] = cosines_TT[1, 0] = 0.25
    (pair,) = redundant(names, cosines_TT)
    assert pair.texts == ("a", "b") and pair.cosine == 0.25
    assert suggested(names, effects_TQ, [pair]) == ["a", "d"]


def test_repetition_is_what_is_more_alike_than_the_others_are() -> None:
    names = [str(i) for i in range(6)]
    cosines_TT = np.full((6, 6), 0.5)  # as on a model that moves the same way for every text
    cosines_TT[1, 4] = cosines_TT[4, 1] = 0.7
    (pair,) = redundant(names, cosines_TT)
    assert pair.texts == ("1", "4")


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    """Texts, probes, a plan and a recipe in a folder."""
    folder = tmp_path / "collection"
    folder.mkdir()
    for name, entries in (("texts", TEXTS), ("probes", QUESTIONS)):
        lines = "".join(entry.model_dump_json() + "\n" for entry in entries)
        (folder / f"{name}.jsonl").write_text(lines)
    recipe = "{learning_rate: 0.01, steps: 3}"
    (folder / "recipe.yaml").write_text(recipe)
    (folder / "plan.yaml").write_text(
        f"texts: texts.jsonl\nprobes: probes.jsonl\nmodels: ['tiny:llama']\nseeds: [0]\n"
        f"recipes: [{recipe}]\n"
    )
    return folder


def test_predictions_have_intervals_once_they_are_calibrated(
    collection: Path, litho: Callable[..., tuple[int, str, str]]
) -> None:
    files = [str(collection / name) for name in ("texts.jsonl", "probes.jsonl")]
    recipe = ["--recipe", str(collection / "recipe.yaml"), "--model", "tiny:llama", "--json"]
    _, shown, _ = litho("predict", *files, *recipe, "--out", str(collection / "plain"))
    said = json.loads(shown)
    assert len(said["effects"]) == len(TEXTS) * len(QUESTIONS)
    assert not any(effect["trusted"] or effect["interval"] for effect in said["effects"])
    assert "no calibration" in said["notices"][0] and said["cost"]["seconds"] > 0
    out = str(collection / "runs")
    for price in ("cheap", "careful"):
        plan = str(collection / "plan.yaml")
        assert litho("calibrate", plan, "--out", out, "--price", price)[0] == 0
        again = ["--calibration", f"{out}/calibration.json", "--price", price]
        _, shown, _ = litho("predict", *files, *recipe, *again, "--out", str(collection / price))
        said = json.loads(shown)
        for effect in said["effects"]:
            low, high = effect["interval"]
            assert low < effect["delta"] < high
        assert said["calibration"]["price"] == price
        assert {line["probes"] for line in said["reach"]} == {"any", "these"}
        page = (collection / price / "report.html").read_text()
        assert "agreed with" in page and "figure-checked" in page
    _, shown, _ = litho("predict", *files, *recipe[:-1], "--out", str(collection / "careful"))
    assert "mean effect" in shown and "running it" in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--price", "free"], "there is no price 'free'"),
        (["--calibration", "recipe.yaml"], "holds no calibration"),
        (["--set", "steps=0"], "setting 'steps'"),
    ],
)
def test_bad_input_is_named_and_leaves_nothing(
    collection: Path, litho: Callable[..., tuple[int, str, str]], arguments: list[str], message: str
) -> None:
    arguments = [str(collection / a) if a.endswith(".yaml") else a for a in arguments]
    files = [str(collection / name) for name in ("texts.jsonl", "probes.jsonl")]
    code, _, said = litho("predict", *files, "--out", str(collection / "x"), *arguments)
    assert code == 2 and message in said
    assert not (collection / "x").exists()


def test_a_probe_that_stands_in_a_text_is_flagged(
    collection: Path, litho: Callable[..., tuple[int, str, str]]
) -> None:
    files = [str(collection / name) for name in ("texts.jsonl", "probes.jsonl")]
    _, shown, _ = litho(
        "predict", *files, "--model", "tiny:llama", "--out", str(collection / "x"), "--json"
    )
    said = json.loads(shown)
    assert {"text": "0", "probe": "0"} in said["leaks"]
    assert any("measure memory" in notice for notice in said["notices"])


@pytest.mark.parametrize("fast", ["bfloat16", "float32"])
def test_small_effects_and_machines_without_bfloat16_are_given_full_precision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fast: str
) -> None:
    monkeypatch.setattr(predictor, "training_dtype", lambda: fast)
    for rate, expected in ((1e-7, "float32"), (0.1, fast)):
        recipe = Recipe(learning_rate=rate, steps=4)
        found = Predictor(locate("tiny:llama"), recipe, TEXTS, QUESTIONS, tmp_path, Silent())
        assert found._precise_enough() == expected


def test_predictions_do_not_depend_on_the_other_texts(tmp_path: Path) -> None:
    def effects(texts: list[NamedText], folder: str) -> np.ndarray:
        recipe = Recipe(learning_rate=1e-2, steps=4)
        source, path = locate("tiny:llama"), tmp_path / folder
        found = Predictor(source, recipe, texts, QUESTIONS, path, Silent())
        return found.predict("careful", []).effects_TQ

    assert np.allclose(effects(TEXTS[:6], "many")[2], effects(TEXTS[2:3], "one")[0], atol=1e-5)


def test_too_few_texts_are_refused_before_anything_is_run(
    collection: Path, litho: Callable[..., tuple[int, str, str]]
) -> None:
    lines = (collection / "texts.jsonl").read_text().splitlines(keepends=True)
    (collection / "texts.jsonl").write_text("".join(lines[:4]))
    plan, out = str(collection / "plan.yaml"), collection / "x"
    code, _, said = litho("calibrate", plan, "--out", str(out))
    assert code == 2 and "4 texts and 4 probes are too few" in said and not out.exists()


def test_a_folder_of_something_else_is_not_overwritten(
    collection: Path, litho: Callable[..., tuple[int, str, str]]
) -> None:
    out = collection / "runs"
    assert litho("ensemble", str(collection / "plan.yaml"), "--out", str(out))[0] == 0
    files = [str(collection / name) for name in ("texts.jsonl", "probes.jsonl")]
    code, _, said = litho("predict", *files, "--model", "tiny:llama", "--out", str(out))
    assert code == 2 and "holds something else than a prediction" in said
