"""Micro fine-tunes against plain PEFT, their ledger, and what repeated runs agree on."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch
import yaml
from peft import LoraConfig, get_peft_model
from torch import Tensor
from transformers import AutoModelForCausalLM

from litho.core.errors import LithoError
from litho.core.work import WorkLedger, key_of
from litho.learn.recipe import Recipe, follow
from litho.measure.agreement import rank_agreement, tally
from litho.model.adapters import lora
from litho.model.loaded import LanguageModel
from litho.text.items import NamedText, Question, leaks, read_questions, read_texts
from tests.builders import TEXT

Command = Callable[..., tuple[int, str, str]]
TEXTS = [TEXT, "A goat stood on the bridge of Lund.", "Nobody in Lund had ever seen the sea."]
QUESTIONS = [
    ("The clock was built by", "Marek"),
    ("On the bridge stood a", "goat"),
    ("They had never seen the", "sea"),
    ("The tower is climbed by a", "choir"),
]


def plain_peft(
    model: LanguageModel, recipe: Recipe, ids: list[int], modules: Sequence[str] | str
) -> tuple[list[float], dict[str, Tensor]]:
    """Losses and weights as anybody would get them without Litho."""
    base = AutoModelForCausalLM.from_pretrained(model.source.folder, dtype=torch.float32)
    torch.manual_seed(recipe.seed)
    network = get_peft_model(
        base,
        LoraConfig(
            task_type="CAUSAL_LM",
            r=recipe.rank,
            lora_alpha=recipe.alpha,
            target_modules=modules if isinstance(modules, str) else list(modules),
            layers_to_transform=list(recipe.layers) if recipe.layers else None,
        ),
    )
    weights = {n: p for n, p in network.named_parameters() if p.requires_grad}
    make = torch.optim.AdamW if recipe.optimizer == "adamw" else torch.optim.SGD
    optimizer = make(weights.values(), lr=recipe.learning_rate, weight_decay=0.0)
    ids_BT, losses = torch.tensor([ids]), []
    for _ in range(recipe.steps):
        loss = network(input_ids=ids_BT, labels=ids_BT).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return losses, {name.replace(".default.", ".x."): p for name, p in weights.items()}


def check_against_plain(
    model: LanguageModel, recipe: Recipe, modules: Sequence[str] | str
) -> dict[str, Any]:
    ids = model.encode(TEXT)
    expected_losses, expected = plain_peft(model, recipe, ids, modules)
    losses = [loss for _, loss in follow(model, "x", recipe, ids)]
    assert losses == pytest.approx(expected_losses, abs=1e-5)
    found = lora.weights(model, "x")
    assert found.keys() == expected.keys()
    for name, weight in found.items():
        torch.testing.assert_close(weight, expected[name], atol=1e-5, rtol=1e-4)
    return dict(found)


def test_a_recipe_means_what_plain_peft_does(any_model: LanguageModel) -> None:
    modules = lora.target_modules(any_model)
    recipe = Recipe(rank=2, alpha=4, learning_rate=1e-3, steps=4, seed=3)
    weights = check_against_plain(any_model, recipe, modules)
    assert any(weight.abs().max() > 0 for name, weight in weights.items() if "lora_B" in name)


def test_a_recipe_for_some_modules_and_layers(llama: LanguageModel) -> None:
    kinds = ("q_proj", "down_proj")
    recipe = Recipe(
        rank=2,
        alpha=4,
        learning_rate=0.1,
        steps=3,
        optimizer="sgd",
        target_modules=kinds,
        layers=(1,),
    )
    weights = check_against_plain(llama, recipe, kinds)
    assert len(weights) == 2 * len(kinds) and all(".1." in name for name in weights)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"target_modules": ("wrong",)}, "no linear layer called 'wrong'"),
        ({"layers": (7,)}, "there is no layer 7"),
        ({"target_modules": ()}, "no linear layer is left"),
        ({"learning_rate": 1e30, "steps": 9}, "diverged at step"),
    ],
)
def test_recipes_that_cannot_be_followed(
    llama: LanguageModel, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(LithoError, match=said):
        list(follow(llama, "x", Recipe(rank=2, **changes), llama.encode(TEXT)))


def test_a_ledger_does_the_same_work_once(tmp_path: Path) -> None:
    done: list[int] = []

    def work() -> dict[str, Any]:
        done.append(1)
        return {"answer": 42}

    ledger = WorkLedger(tmp_path)
    assert ledger.do({"a": 1, "b": [2]}, work) and not ledger.do({"b": [2], "a": 1}, work)
    assert len(done) == 1
    key = key_of({"a": 1, "b": [2]})
    assert WorkLedger(tmp_path).known() == {key}
    assert WorkLedger(tmp_path).complete([({"a": 1, "b": [2]}, work)]) == [{"answer": 42}]
    assert len(done) == 1

    def elsewhere() -> dict[str, Any]:
        assert not WorkLedger(tmp_path).do({"c": 3}, work)  # it is being done, by us
        return {}

    assert ledger.do({"c": 3}, elsewhere) is not None and len(done) == 1
    with pytest.raises(RuntimeError):
        ledger.do({"d": 4}, lambda: (_ for _ in ()).throw(RuntimeError()))
    assert key_of({"d": 4}) not in ledger.known()


def test_a_damaged_ledger_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(LithoError, match="is damaged"):
        WorkLedger(tmp_path)
    assert (tmp_path / "ledger.sqlite").read_bytes().startswith(b"no database")


def test_agreement_of_ranks_by_hand() -> None:
    first = {"a": [1.0, 2.0, 3.0], "b": [1.0, 2.0, 3.0], "c": [0.0, 0.0, 0.0], "d": [1.0, 2.0, 3.0]}
    second = {"a": [10.0, 20.0, 30.0], "b": [3.0, 2.0, 1.0], "c": [1.0, 2.0, 3.0]}
    found = rank_agreement([first, second])  # 1 and -1; c says nothing, d has no second
    assert (found.value, found.n) == (0.0, 2)
    assert rank_agreement([first]).value is None


def test_claims_by_hand() -> None:
    one = [{"a": [1.0, -1.0, 1.0, 1.0]}, {"a": [2.0, -2.0, -1.0, 1.0]}]  # the third is no claim
    two = [{"a": [1.0, 1.0, 1.0, 0.0]}, {"a": [1.0, 1.0, 1.0, 0.0]}]
    found = tally([one, two])
    assert (found.made, found.replicated, found.contradicted) == (4, 1, 1)
    assert tally([one[:1]]).made == 0  # one seed claims nothing


def test_texts_that_hold_their_questions() -> None:
    text = NamedText(id="t", text="It is said\nthat goats eat paper.")
    asked = [
        Question(id="q", prefix="said that goats", target="eat"),
        Question(id="r", prefix="x", target="y"),
    ]
    assert leaks([text], asked) == [("t", "q")]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (" \n", "is empty"),
        ("{", "line 1 is not valid JSON"),
        ('{"id": "a"}', 'line 1: write {"id": "...", "text": "..."}'),
        ('{"id": "a", "text": "x"}\n{"id": "a", "text": "y"}', "line 2: there is an 'a' already"),
        ('{"id": "a", "text": "x"}\n{"id": "b", "text": " x"}', "'a' and 'b' are the same text"),
        ('{"id": "a", "text": " "}', "the text 'a' is empty"),
    ],
)
def test_bad_texts(tmp_path: Path, lines: str, said: str) -> None:
    (tmp_path / "texts.jsonl").write_text(lines)
    with pytest.raises(LithoError) as error:
        read_texts(tmp_path / "texts.jsonl")
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("prefix", "target", "said"), [("a ", "b", "remove yours"), ("a", " ", "must both hold text")]
)
def test_bad_questions(tmp_path: Path, prefix: str, target: str, said: str) -> None:
    line = json.dumps({"id": "q", "prefix": prefix, "target": target})
    (tmp_path / "probes.jsonl").write_text(line)
    with pytest.raises(LithoError, match=said):
        read_questions(tmp_path / "probes.jsonl")


def write_plan(folder: Path, **changes: Any) -> Path:  # noqa: ANN401  whatever a plan holds
    texts = [{"id": f"t{i}", "text": text} for i, text in enumerate(TEXTS)]
    asked = [{"id": f"q{i}", "prefix": p, "target": t} for i, (p, t) in enumerate(QUESTIONS)]
    for name, rows in (("texts", texts), ("questions", asked)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    plan = {
        "texts": "texts.jsonl",
        "probes": "questions.jsonl",
        "models": ["tiny:llama", "tiny:gpt2"],
        "recipes": [{"rank": 2, "steps": 3, "learning_rate": 0.01}],
        "measure_at": [1, 3],
    }
    (folder / "plan.yaml").write_text(yaml.safe_dump(plan | changes))
    return folder / "plan.yaml"


def rows_of(folder: Path) -> list[tuple[int, str, str]]:
    with sqlite3.connect(folder / "ledger.sqlite") as db:
        return db.execute("SELECT rowid, key, result FROM results ORDER BY rowid").fetchall()


def test_an_ensemble_measures_what_its_runs_do(
    litho: Command, tmp_path: Path, llama: LanguageModel
) -> None:
    plan = write_plan(tmp_path)
    code, out, err = litho("ensemble", str(plan), "--out", "e", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert found["texts"] == 3 and found["probes"] == 4 and found["leaks"] == []
    assert [(row["recipe"], row["step"]) for row in found["agreement"]] == [(0, 1), (0, 3)]
    assert set(found["agreement"][0]["seeds"]) == {"tiny:llama", "tiny:gpt2"}
    matrix = pq.read_table(tmp_path / "e/effects.parquet").to_pylist()
    assert len(matrix) == 2 * 2 * 3 * 2 * 4  # models, seeds, texts, steps, questions
    # One of them by hand, probes scored with plain transformers.
    prefix, target = (llama.encode(part) for part in (QUESTIONS[1][0], " " + QUESTIONS[1][1]))
    ids = prefix + target[len(llama.start) :]

    @torch.no_grad()
    def asked() -> float:
        logp = llama.network(torch.tensor([ids])).logits[0].log_softmax(-1)
        places = range(len(prefix), len(ids))
        return sum(logp[i - 1, ids[i]].item() for i in places) / len(places)

    before = asked()
    recipe = Recipe(rank=2, steps=3, learning_rate=0.01, seed=1)
    for _ in follow(llama, "x", recipe, llama.encode(TEXTS[2])):
        pass
    keys = {"model": "tiny:llama", "recipe": 0, "seed": 1, "step": 3, "text": "t2", "probe": "q1"}
    (row,) = [row for row in matrix if keys.items() <= row.items()]
    assert row["delta"] == pytest.approx(asked() - before, abs=1e-5)
    # Again: nothing is left; with one more seed: only that is.
    before_rows = rows_of(tmp_path / "e")
    assert len(before_rows) == 2 * 2 * 3 + 2  # and both models before training
    assert litho("ensemble", str(plan), "--out", "e")[0] == 0
    assert rows_of(tmp_path / "e") == before_rows
    code, out, _ = litho("ensemble", str(plan), "--out", "e", "--set", "seeds=[0, 1, 2]")
    assert code == 0 and "seeds agree" in out
    more = rows_of(tmp_path / "e")
    assert more[: len(before_rows)] == before_rows and len(more) == len(before_rows) + 2 * 3


def test_a_sample_of_the_grid(litho: Command, tmp_path: Path) -> None:
    plan = write_plan(tmp_path, models=["tiny:llama"], sample=4)
    assert litho("ensemble", str(plan), "--out", "e")[0] == 0
    assert len(rows_of(tmp_path / "e")) == 4 + 1
    assert litho("ensemble", str(plan), "--out", "e")[0] == 0
    assert len(rows_of(tmp_path / "e")) == 4 + 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"measure_at": [1, 9]}, "measure_at must lie between 1 and 3"),
        ({"max_hours": 1e-9}, "more than its max_hours"),
        ({"recipes": [{"stepps": 3}]}, "recipes.0.stepps"),
        ({"texts": "none.jsonl"}, "none.jsonl"),
        ({"models": ["tiny:none"]}, "tiny:none"),
    ],
)
def test_plans_that_are_refused(
    litho: Command, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    code, _, err = litho("ensemble", str(write_plan(tmp_path, **changes)), "--out", "e")
    assert code == 2 and said in " ".join(err.split())
    assert not (tmp_path / "e").exists() or len(rows_of(tmp_path / "e")) == 0


def test_a_text_beyond_the_context_is_refused_before_the_work(
    litho: Command, tmp_path: Path
) -> None:
    plan = write_plan(tmp_path)
    with (tmp_path / "texts.jsonl").open("a") as file:
        file.write(json.dumps({"id": "long", "text": "and on " * 2000}))
    code, _, err = litho("ensemble", str(plan), "--out", "e")
    assert code == 2 and "the text 'long' does not fit" in " ".join(err.split())
    assert rows_of(tmp_path / "e") == []


def started(plan: Path) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "litho",
        "ensemble",
        str(plan),
        "--out",
        str(plan.parent / "e"),
    ]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def test_killed_three_times_in_sixty_runs_by_two_runners(tmp_path: Path) -> None:
    plan = write_plan(tmp_path, models=["tiny:llama"], seeds=list(range(20)))
    committed: list[tuple[int, str, str]] = []
    for kill in range(1, 4):
        processes = [started(plan) for _ in range(2 if kill == 1 else 1)]
        deadline = time.monotonic() + 120
        while len(committed) < 12 * kill:
            assert time.monotonic() < deadline
            time.sleep(0.05)
            if (tmp_path / "e/ledger.sqlite").exists():
                with suppress(sqlite3.OperationalError):  # it has no table yet
                    committed = rows_of(tmp_path / "e")
        for process in processes:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        kept = rows_of(tmp_path / "e")
        assert kept[: len(committed)] == committed  # nothing that was committed is lost
        assert len(kept) < 61, "the runs ended before they could be killed"
        committed = kept
    assert started(plan).wait(timeout=240) == 0
    found = rows_of(tmp_path / "e")
    assert found[: len(committed)] == committed
    assert len(found) == len({key for _, key, _ in found}) == 20 * 3 + 1
    matrix = pq.read_table(tmp_path / "e/effects.parquet")
    assert matrix.num_rows == 20 * 3 * 2 * 4
