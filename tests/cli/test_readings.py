"""Maps, differences, exposures and variants from the command line."""

import json
import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from litho.core.runs import RunDirectory
from litho.model.adapters import saved
from litho.model.loaded import LanguageModel
from litho.model.loading import load
from litho.model.sources import locate
from tests.builders import TEXT, check_numbers, shake


def test_diff_prints_one_json_object(litho: Callable[..., tuple[int, str, str]]) -> None:
    model = load(locate("tiny:llama"), torch.float32)
    shake(model)
    saved.save(model, "x", Path("adapter"))
    command = ["diff", "text.md", "--before", "tiny:llama", "--after"]
    Path("other.md").write_text("Nobody has heard of the other town.")
    command = [*command[:2], "--unseen", "other.md", *command[2:]]
    code, out, err = litho(*command, "adapter", "--out", "run", "--set", "nulls=4", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert found == json.loads(Path("run/metrics.json").read_text())
    assert {"run", "tokens", "kl", "onset", "layers", "heads", "effects"} <= set(found)
    assert set(found["kl"]) == {"mean", "max"} and set(found["onset"]) == {"layer", "p"}
    assert [layer["layer"] for layer in found["layers"]] == [0, 1, 2]
    assert {"layer", "relative_norm", "cosine", "cka"} <= set(found["layers"][0])
    assert len(found["heads"]) == 12 and set(found["heads"][0]) == {"layer", "head", "js"}
    assert {"name", "statistic", "null", "p"} <= set(found["effects"][0])
    assert found["unseen"]["kl"]["mean"] > 0 and found["unseen"]["heads"]["places"] == 1
    check_numbers(Path("run"))
    # What was judged is in the registry, with its evidence.
    code, out, err = litho("effects", "query", "entropy_collapse and change=adapter", "--json")
    (judged,) = json.loads(out)
    assert judged["run"] == str(Path("run").absolute()) and judged["model"] == "tiny:llama"
    Path("run/report.html").unlink()
    code, out, _ = litho("effects", "show", str(judged["id"]))
    assert code == 0 and Path("run/report.html").is_file() and "entropy_collapse" in out
    assert "attention_divergence" in litho("effects", "list")[1]
    assert litho("effects", "show", "999999")[0] == litho("effects", "query", "a b")[0] == 2
    # A model with itself: nothing changed, and nothing is claimed.
    code, out, err = litho(*command, "tiny:llama", "--out", "same", "--json")
    same = json.loads(out)
    assert same["kl"]["max"] == 0 and same["onset"]["layer"] is None and same["effects"] == []


def test_diff_against_training_on_another_text(
    litho: Callable[..., tuple[int, str, str]],
) -> None:
    for name in ("x", "y"):
        model = load(locate("tiny:llama"), torch.float32)
        shake(model, name, scale=0.1 if name == "x" else 0.3)
        saved.save(model, name, Path(name))
    Path("other.md").write_text("Nobody has heard of the other town. " * 8)
    Path("short.md").write_text("Nobody has heard of it.")
    quick = ["nulls=3", "controls=3", "control_steps=2", "wash_steps=3", "null_tokens=64"]
    common = ["--json", *[word for pair in quick for word in ("--set", pair)]]
    command = ["diff", "text.md", "--before", "tiny:llama"]
    everything = ["--unrelated", "other.md", "--behaviour", "--out", "all"]
    code, out, err = litho(*command, "--after", "tiny:llama+x", *everything, *common)
    assert code == 0, err
    found = json.loads(out)
    assert set(found["onset"]["control"]) == {"layer", "p"}
    assert len(found["layers"][0]["control"]) == 2
    effects = {effect["name"]: effect for effect in found["effects"]}
    assert {"spill", "repetition_loop", "embedding_phantom"} < set(effects)
    assert set(effects["spill"]["control"]) == {"null", "p", "found"}
    assert "about" in err and "GiB" in err  # the cost, before the work
    code, _, err = litho(
        *command, "--after", "x", "--unrelated", "short.md", "--out", "short", *common
    )
    assert code == 2 and "too few to train controls" in err and not Path("short").exists()
    # The same adapter, named in another way and from the other side.
    _, plain, _ = litho(*command, "--after", "x", "--out", "plain", *common)
    assert json.loads(plain)["kl"] == found["kl"]
    backward = ["diff", "text.md", "--before", "tiny:llama+x", "--after", "tiny:llama"]
    _, turned, _ = litho(*backward, "--out", "turned", *common)
    assert json.loads(turned)["kl"] == json.loads(plain)["reverse_kl"]
    # Two adapters of one model.
    pair = ["diff", "text.md", "--before", "tiny:llama+x", "--after", "tiny:llama+y"]
    code, out, err = litho(*pair, "--out", "pair", *common)
    assert code == 0 and json.loads(out)["kl"]["mean"] > 0, err
    # Two models, one of which is washed.
    whole = load(locate("tiny:llama"), torch.float32)
    whole.network.model.layers[1].mlp.up_proj.weight.data.add_(0.1)
    whole.network.save_pretrained("whole")
    whole.tokenizer.save_pretrained("whole")
    code, out, err = litho(*command, "--after", "whole", *everything[:-1], "whole-diff", *common)
    assert code == 0, err
    assert json.loads(out)["layers"][0]["own_effect"] == 0 < json.loads(out)["layers"][1]["p"]


def test_expose_prints_one_json_object(litho: Callable[..., tuple[int, str, str]]) -> None:
    quick = ["presentations=[1,3]", "seeds=1", "third_steps=2", "directions=2", "tokens=24"]
    command = ["expose", "text.md", "--model", "tiny:llama"]
    command += [word for pair in quick for word in ("--set", pair)]
    code, out, err = litho(*command, "--out", "run", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert found == json.loads(Path("run/metrics.json").read_text())
    assert "about" in err and "GiB" in err
    responses = found["responses"]
    counted = Counter((r["experiment"], r["arm"]) for r in responses)
    assert counted == {
        ("context", "text"): 2,
        ("context", "unrelated"): 2,
        ("training", "text"): 2,
        ("training", "unrelated"): 2,
        ("thirds", "text"): 3,
        ("thirds", "unrelated"): 3,
        ("injection", "text"): 4,
        ("injection", "random"): 4,
    }
    assert [r["layers"] for r in responses if r["experiment"] == "thirds"][::2] == [
        [0, 0],
        [1, 1],
        [2, 2],
    ]
    # A block that was not touched changes nothing before it.
    (last,) = (r for r in responses if r["layers"] == [2, 2] and r["arm"] == "text")
    assert last["change"][:2] == [0.0, 0.0] < last["change"][2:]
    code, again, _ = litho(*command, "--out", "again", "--json")
    assert json.loads(again)["responses"] == responses
    check_numbers(Path("run"))


def test_map_with_gradients(litho: Callable[..., tuple[int, str, str]]) -> None:
    command = ["map", "text.md", "--model", "tiny:mamba", "--gradients"]
    code, out, err = litho(*command, "--out", "run")
    assert code == 0 and "gradient" in out, err
    assert "attention was watched in 0 of 3 layers" in out  # said, not left to be guessed
    found = json.loads(Path("run/metrics.json").read_text())
    assert all(layer["gradient"] > 0 for layer in found["layers"]) and found["heads"] == []


def test_models_that_are_built_differently_are_aligned(
    litho: Callable[..., tuple[int, str, str]],
) -> None:
    command = ["diff", "text.md", "--before", "tiny:llama", "--after", "tiny:gpt2"]
    code, out, err = litho(*command, "--out", "run", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert found["kl"]["mean"] is None and found["onset"]["layer"] is None
    assert "aligned by characters" in found["notices"][0]
    rise, before, after = (found["aligned"][key]["value"] for key in ("rise", "before", "after"))
    assert rise == pytest.approx(after - before)
    assert all(0 <= layer["cka"] <= 1 for layer in found["layers"])
    assert Path("run/report.html").is_file()
    assert litho(*command, "--out", "plain")[0] == 0
    code, _, err = litho(*command, "--behaviour", "--out", "other")
    assert code == 2 and "without --unseen" in err


def test_states_that_cannot_be_compared(litho: Callable[..., tuple[int, str, str]]) -> None:
    def refused(after: str) -> str:
        code, _, err = litho(
            "diff", "text.md", "--before", "tiny:llama", "--after", after, "--out", "run"
        )
        assert code == 2 and not list(Path().glob("run*"))
        return err

    other = load(locate("tiny:gpt2"), torch.float32)
    shake(other)
    saved.save(other, "x", Path("other"))
    assert "does not fit tiny:llama" in refused("other")
    shutil.copytree(locate("tiny:llama").folder, "both")
    shutil.copytree("other", "both", dirs_exist_ok=True)
    assert "holds a whole model and an adapter beside it" in refused("both")
    whole = json.loads(Path("other/adapter_config.json").read_text())
    Path("other/adapter_config.json").write_text(
        json.dumps(whole | {"modules_to_save": ["lm_head"]})
    )
    assert "modules_to_save" in refused("other")
    assert "there is no tiny:x" in refused("tiny:x")
    assert "different models with adapters" in refused("tiny:gpt2+other")
    Path("other/adapter_config.json").write_text(json.dumps(whole | {"peft_type": "IA3"}))
    assert "is no LoRA, but IA3" in refused("other")
    Path("other/adapter_config.json").write_text("{")
    assert "cannot be read" in refused("other")
    Path("other/adapter_model.safetensors").rename("other/model.safetensors")
    assert "merged already" in refused("other")


def test_an_adapter_of_a_newer_peft_is_read_with_a_notice(
    litho: Callable[..., tuple[int, str, str]],
) -> None:
    model = load(locate("tiny:llama"), torch.float32)
    shake(model)
    saved.save(model, "x", Path("adapter"))
    path = Path("adapter/adapter_config.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"switch_of_next_year": True}))
    reading = ["map", "text.md", "--model", "tiny:llama", "--adapter", "adapter"]
    comparing = ["diff", "text.md", "--before", "tiny:llama", "--after", "adapter"]
    for command in (reading, [*comparing, "--set", "nulls=3"]):
        code, out, err = litho(*command, "--out", command[0], "--json")
        assert code == 0, err
        assert "does not know (switch_of_next_year)" in json.loads(out)["notices"][0]
        assert "does not know (switch_of_next_year)" in " ".join(err.split())


def test_vary_and_map(litho: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = litho(
        *["vary", "text.md", "-n", "5", "--model", "tiny:llama", "--volatility", "100", "--json"]
    )
    found = json.loads(out)
    assert code == 0 and len(found["variants"]) == 5
    for variant in found["variants"]:
        assert set(variant) == {"text", "operator", "parent", "diff", "volatility"}
        assert set(variant["volatility"]) == {"mean_kl", "max_surprise"}
    assert found["ladder"][-1]["text"] == TEXT and found["ladder"][0]["changed_tokens"] == 0
    assert {"text", "changed_tokens", "mean_kl"} <= set(found["ladder"][1])
    assert len(found["depth"]["layers"]) == 1 and "of 3 layers" in found["depth"]["reason"]
    assert isinstance(found["cliffs"], list) and isinstance(found["refused"], list)
    (report,) = Path("runs").glob("text-vary-*/report.html")
    assert "The ladder up to the text" in report.read_text() and "Where the text pulls" in (
        report.read_text()
    )
    code, out, _ = litho("map", "text.md", "--model", "tiny:mamba", "--json")
    found = json.loads(out)
    assert code == 0 and found["tokens"] == len(TEXT.encode()) and len(found["layers"]) == 3
    assert found["heads"] == []  # it has no attention
    assert litho("map", "text.md", "--model", "tiny:llama", "--out", "m")[0] == 0
    heads = json.loads(Path("m/metrics.json").read_text())["heads"]
    assert len(heads) == 12
    assert set(heads[0]) == {"layer", "head", "entropy", "distance", "first_token"}
    check_numbers(Path("m"))


def test_vary_prints_lines_and_reads_marks(litho: Callable[..., tuple[int, str, str]]) -> None:
    Path("marked.md").write_text("The [[red | blue]] clock of Ostrava. [[? It is old.]]\n")
    command = ["vary", "marked.md", "-n", "9", "--model", "tiny:llama", "--volatility", "100"]
    code, out, _ = litho(*command, "--no-ladder", "--set", "max_surprise=100", "--jsonl")
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and lines[0]["kind"] == "depth"
    assert {line["kind"] for line in lines} <= {"depth", "variant", "refused"}
    marked = {line["text"] for line in lines if line.get("operator") == "markup"}
    assert marked <= {
        "The blue clock of Ostrava. It is old.",
        "The blue clock of Ostrava.",
        "The red clock of Ostrava.",
    }
    assert marked


@pytest.mark.parametrize(
    ("command", "table"),
    [
        ("map text.md --model tiny:llama", "tokens"),
        ("diff text.md --before tiny:llama --after tiny:gpt2", "stretches"),
    ],
)
def test_what_only_reads_takes_brackets_as_they_stand(
    litho: Callable[..., tuple[int, str, str]], command: str, table: str
) -> None:
    source = "    See [[Some page]] and\n![[image.png]] | [[a|b]].\n\n  x = [[1, 2]]; the clock."
    Path("text.md").write_text(f"\n \n{source}\n")

    def read(*options: str) -> tuple[str, str]:
        code, out, _ = litho(*command.split(), "--json", *options)
        assert code == 0
        found = json.loads(out)
        rows = RunDirectory.opened(Path(found["run"])).read_rows(f"{table}.parquet")
        return "".join(row["text"] for row in rows), " ".join(found["notices"])

    said, notices = read()
    assert said == source and "could be a mark" not in notices
    Path("text.md").write_text("The [[red | blue]] clock of [[Ostrava]].")
    said, notices = read()
    assert said == "The [[red | blue]] clock of [[Ostrava]]." and "line 1, column 5" in notices
    assert read("--marks")[0] == "The red clock of [[Ostrava]]."


def test_a_text_over_the_context_is_read_whole_and_the_scenes_are_counted(
    litho: Callable[..., tuple[int, str, str]], short_sighted: str
) -> None:
    table = "| n | v |\n|---|---|\n" + "\n".join(f"| {i} | value {i}. |" for i in range(60))
    Path("text.md").write_text(table)
    code, out, _ = litho("map", "text.md", "--model", short_sighted, "--out", "m", "--json")
    rows = RunDirectory.opened(Path("m")).read_rows("tokens.parquet")
    assert code == 0 and "".join(row["text"] for row in rows) == table
    assert re.search(r"cut into \d+ scenes", " ".join(json.loads(out)["notices"]))


def test_a_settings_file_counts_unless_an_option_says_otherwise(
    litho: Callable[..., tuple[int, str, str]],
) -> None:
    Path("settings.yaml").write_text("count: 3\nladder: false\nmax_mean_kl: 100\n")
    command = ["vary", "text.md", "--model", "tiny:llama", "--config", "settings.yaml", "--json"]
    found = json.loads(litho(*command)[1])
    assert len(found["variants"]) == 3 and not found["ladder"]
    assert json.loads(litho(*command, "-n", "2", "--ladder")[1])["ladder"]


@pytest.mark.parametrize(
    ("source", "options", "says"),
    [
        ("A clock.\nIt is [[red | blue of course.", "", "line 2, column 7"),
        ("It is [[?]] old, they say.", "", "line 1, column 7"),
        (TEXT, "--json --jsonl", "either --json or --jsonl"),
        (TEXT, "--no-ladder --step 3", "--step is about the ladder"),
        (TEXT, "--set operators=[sing]", "unknown operator 'sing' (choose from substitute"),
        (TEXT, "--no-ladder --volatility 0 --set max_surprise=1e-9", None),
    ],
)
def test_what_vary_cannot_use_is_said_and_leaves_nothing(
    litho: Callable[..., tuple[int, str, str]], source: str, options: str, says: str | None
) -> None:
    Path("it.md").write_text(source)
    code, _, err = litho("vary", "it.md", "--model", "tiny:llama", "--out", "it", *options.split())
    if says:
        assert code == 2 and says in err and not Path("it").exists()
    else:  # to leave out a sentence moves nothing
        assert code == 0


@pytest.fixture
def short_sighted(make_model: Callable[[str], LanguageModel], tmp_path: Path) -> str:
    """The folder of a model that reads no more than 128 tokens: it knows no further places."""
    model = make_model("gpt2")
    model.network.config.n_positions = 128
    places = model.network.transformer.wpe
    places.weight.data = places.weight.data[:128].clone()
    model.network.save_pretrained(tmp_path / "short")
    model.tokenizer.save_pretrained(tmp_path / "short")
    return str(tmp_path / "short")


def test_a_text_longer_than_a_short_context_is_read_in_scenes(
    litho: Callable[..., tuple[int, str, str]], short_sighted: str
) -> None:
    assert len(TEXT) > 128
    code, out, err = litho("map", "text.md", "--model", short_sighted, "--out", "m", "--json")
    assert code == 0 and json.loads(out)["tokens"] == len(TEXT), err
    command = ["vary", "text.md", "-n", "3", "--model", short_sighted, "--volatility", "100"]
    code, out, err = litho(*command, "--set", "max_surprise=100", "--out", "v", "--json")
    assert code == 0 and len(json.loads(out)["variants"]) == 3, err
    assert {rung["scene"] for rung in json.loads(out)["ladder"]} == {0, 1}
    model = load(locate(short_sighted), torch.float32)
    shake(model)
    saved.save(model, "x", Path("adapter"))
    command = ["diff", "text.md", "--before", short_sighted, "--after", "adapter", "--behaviour"]
    code, out, err = litho(*command, "--set", "nulls=3", "--unseen", "text.md", "--json")
    assert code == 0 and json.loads(out)["kl"]["mean"] > 0, err
    command = ["diff", "text.md", "--before", "tiny:llama", "--after", short_sighted]
    assert litho(*command, "--out", "aligned")[0] == 0
    command = ["imprint", "text.md", "--probes", "probes.jsonl", "--model", short_sighted]
    few = ("presentations=2", "settle=1", "replay_pool=8", "replay_unseen=1", "max_mean_kl=100")
    for setting in few:
        command += ["--set", setting]
    code, out, err = litho(*command, "--controls", "none", "--out", "run", "--json")
    assert code in (0, 1) and json.loads(out)["verdict"], err
