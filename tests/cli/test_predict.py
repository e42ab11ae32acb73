"""Predictions and calibrations from the command line."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from litho.jobs.predict.method import FORMER
from tests.builders import QUESTIONS, TEXTS


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
        assert said["calibration"]["method"] == FORMER[price]
        assert {line["probes"] for line in said["reach"]} == {"any", "these"}
        page = (collection / price / "report.html").read_text()
        assert "agreed with" in page and "figure-checked" in page
    _, shown, _ = litho("predict", *files, *recipe[:-1], "--out", str(collection / "careful"))
    assert "mean effect" in shown and "running it" in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--method", "free"], "unknown method 'free'"),
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


@pytest.mark.parametrize(
    ("name", "entry", "message"),
    [
        ("texts", {"id": "endless", "text": "On and on it went. " * 200}, "'endless' has"),
        ("probes", {"id": "e", "prefix": "On and on" * 400, "target": "it"}, "the model reads"),
    ],
)
@pytest.mark.parametrize("command", ["predict", "ensemble", "calibrate"])
def test_what_is_longer_than_the_context_is_named_and_leaves_nothing(
    collection: Path,
    litho: Callable[..., tuple[int, str, str]],
    command: str,
    name: str,
    entry: dict[str, str],
    message: str,
) -> None:
    with (collection / f"{name}.jsonl").open("a") as file:
        file.write(json.dumps(entry) + "\n")
    files = [str(collection / name) for name in ("texts.jsonl", "probes.jsonl")]
    given = [*files, "--model", "tiny:llama"]
    if command != "predict":
        given = [str(collection / "plan.yaml")]
    code, _, said = litho(command, *given, "--out", str(collection / "x"))
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
    assert code == 2 and "holds a run of 'litho ensemble'" in said


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("inputs.json", "{}", "holds files, but no run of Litho: choose another --out"),
        ("manifest.yaml", "name: mine", "is of no run of Litho: choose another --out"),
        ("manifest.yaml", "command: predict", "inputs.json is missing"),
    ],
)
def test_a_folder_of_the_users_own_is_left_alone(
    collection: Path,
    litho: Callable[..., tuple[int, str, str]],
    name: str,
    content: str,
    said: str,
) -> None:
    files = [str(collection / file) for file in ("texts.jsonl", "probes.jsonl")]
    (collection / "own").mkdir()
    (collection / "own" / name).write_text(content)
    out = str(collection / "own")
    code, _, err = litho("predict", *files, "--model", "tiny:llama", "--out", out)
    assert code == 2 and said in " ".join(err.split()) and "report it" not in err
    assert (collection / "own" / name).read_text() == content
    assert {path.name for path in (collection / "own").iterdir()} <= {name, ".lock"}
