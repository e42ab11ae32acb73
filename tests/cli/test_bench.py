"""The comparison from the command line."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from litho.jobs.bench.parts import ARMS
from tests.builders import PROSE, case, rows_of

SMALL = (
    "model=tiny:llama dtype=float32 texts=1 sweep_texts=1 seeds=1 ablation_seeds=1 presentations=2",
    "checks=[1] learning_rates=[0.01] kl_weights=[10.0] samples=4 unseen=2 sample_tokens=16",
    "retention_tokens=64 durable=[] words=null",
)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command that compares two arms without ablations, in the smallest."""
    chosen = {name: ARMS[name] for name in ("duplicates", "plan")}
    monkeypatch.setattr("litho.jobs.bench.tournament.ARMS", chosen)
    monkeypatch.setattr("litho.jobs.bench.tournament.ABLATIONS", {})
    rows = []
    for name in ("one", "two"):
        asked = case(name)
        row = {"id": name, "train_context": asked.text, "paraphrases": list(asked.paraphrases)}
        for kind, key in (("mem", "mem"), ("gen", "gen"), ("hard", "hard_gen")):
            row[f"{key}_input"] = [p.prefix for p in asked.probes if p.kind == kind]
            row[f"{key}_target"] = [p.target for p in asked.probes if p.kind == kind]
        rows.append(row)
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "prose.md").write_text(PROSE)
    settings = [word for pair in " ".join(SMALL).split() for word in ("--set", pair)]
    return ["bench", "lithography", "texts.jsonl", "--retention", "prose.md", *settings]


def trials(folder: Path) -> list[tuple[str, str]]:
    """What the ledger holds, in the order in which it was done."""
    with closing(sqlite3.connect(folder / "ledger.sqlite")) as db:
        return db.execute("SELECT specification, result FROM results ORDER BY rowid").fetchall()


def test_a_comparison_is_shown_and_gone_on_with(
    litho: Callable[..., tuple[int, str, str]], command: list[str]
) -> None:
    code, out, err = litho(*command, "--out", "x", "--only", "duplicates", "--json")
    assert code == 0, err
    assert [arm["arm"] for arm in json.loads(out)] == ["duplicates"]
    done = rows_of(Path("x"))
    assert done
    code, out, err = litho(*command, "--out", "x", "--json")
    assert code == 0, err
    found = {arm["arm"]: arm for arm in json.loads(out)}
    assert found.keys() == {"duplicates", "plan"}
    assert json.loads(out) == json.loads(Path("x/metrics.json").read_text())
    assert found["plan"]["more_drift"]["value"] == 0
    assert found["duplicates"]["drift"]["value"] > 0
    whole = rows_of(Path("x"))
    assert len(whole) > len(done) and whole[: len(done)] == done  # nothing was done twice
    code, out, err = litho(*command, "--out", "x", "--so-far")
    assert code == 0 and out.strip() == Path("x/table.md").read_text().strip(), err
    assert [line.split("|")[1].strip() for line in out.strip().splitlines()[2:]] == list(found)
    assert rows_of(Path("x")) == whole
    assert litho("report", "x")[0] == 0 and "duplicates" in Path("x/report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("photography", "unknown benchmark 'photography' (choose from lithography)"),
        ("--protocol slow", "unknown protocol 'slow' (choose from quick, full)"),
        ("--only miracle", "unknown arm 'miracle'"),
        ("--set nonsense=1", "unknown setting 'nonsense'"),
        ("--set texts=9", "texts with paraphrases are needed"),
    ],
)
def test_what_cannot_be_compared_leaves_nothing(
    litho: Callable[..., tuple[int, str, str]], command: list[str], arguments: str, message: str
) -> None:
    first, *rest = arguments.split()
    if first.startswith("--"):
        command = [*command, first, *rest]
    else:
        command = [command[0], first, *command[2:]]
    code, out, err = litho(*command, "--out", "x")
    assert (code, out) == (2, "") and message in err
    assert not Path("x").exists()


def test_a_comparison_with_other_settings_leaves_the_finished_one(
    litho: Callable[..., tuple[int, str, str]], command: list[str]
) -> None:
    assert litho(*command, "--out", "x", "--only", "duplicates")[0] == 0
    before = kept(Path("x"))
    code, _, err = litho(*command, "--out", "x", "--set", "seeds=2")
    assert code == 2 and "choose another --out" in err
    assert kept(Path("x")) == before and litho("report", "x")[0] == 0


def test_a_comparison_so_far_writes_nothing(
    litho: Callable[..., tuple[int, str, str]], command: list[str]
) -> None:
    assert litho(*command, "--out", "x", "--only", "duplicates")[0] == 0
    before = kept(Path("x"))
    code, out, err = litho(*command, "--out", "x", "--so-far")
    assert code == 0 and "duplicates" in out, err
    assert kept(Path("x")) == before
    code, _, err = litho(*command, "--out", "y", "--so-far")
    assert code == 2 and "y holds no comparison" in err and not Path("y").exists()


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_the_precision_is_that_of_the_option(
    litho: Callable[..., tuple[int, str, str]], command: list[str], dtype: str
) -> None:
    place = command.index("dtype=float32")
    del command[place - 1 : place + 1]
    only = ("--only", "duplicates", "--out", "x", "--dtype", dtype)
    code, _, err = litho(*command, *only)
    if dtype == "float16":
        assert code == 2 and "choose --dtype bfloat16 or float32" in err
        return
    assert code == 0, err
    manifest = yaml.safe_load(Path("x/manifest.yaml").read_text())
    assert manifest["placement"]["dtype"] == manifest["config"]["dtype"] == dtype
    assert rows_of(Path("x"))


def kept(folder: Path) -> dict[str, bytes]:
    """What a report is made from."""
    names = ("inputs.json", "manifest.yaml", "metrics.json", "trials.json")
    return {name: (folder / name).read_bytes() for name in names}
