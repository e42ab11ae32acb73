"""Bad input and errors: one sentence, nothing left behind."""

import errno
import os
import signal
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
import typer

from litho import api
from litho.cli import process
from litho.cli.main import guarded
from litho.core.errors import LithoError
from tests.builders import GOOD_PROBE

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
        ("imprint", "give either a PAGE"),
        ("imprint text.md --resume run", "give either a PAGE"),
        ("imprint missing.md", "missing.md cannot be read"),
        ("imprint .", "binary.md is a binary file"),
        ("imprint /dev/zero", "it is a device"),
        ("imprint text.md --config /dev/zero", "it is a device"),
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
        ("imprint text.md --budget 0.02 --set budget=0.01", "--budget and --set budget=0.01"),
        ("imprint text.md --controls none --set controls=duplicates", "--controls and --set"),
        ("vary text.md --volatility 1 --set max_mean_kl=2", "--volatility and --set"),
        ("vary text.md --ladder --set ladder=false", "--ladder and --set ladder=false"),
        ("diff text.md --after tiny:gpt2 --behaviour --set behaviour=false", "--behaviour and"),
        ("imprint text.md --out some.partial", "name for unfinished runs"),
        ("imprint --resume half --budget 1", "only --json goes with it"),
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
    (tmp_path / "half.partial" / "manifest.yaml").write_text("command: imprint")
    (tmp_path / "truncated").mkdir()
    (tmp_path / "truncated" / "config.json").write_text('{"model_type": "llama"}')
    (tmp_path / "truncated" / "model.safetensors").write_bytes(b"short")
    (tmp_path / "pickled" / "config.json").write_text("{}")
    (tmp_path / "pickled" / "pytorch_model.bin").write_text("")
    before = sorted(tmp_path.rglob("*"))
    words = arguments.split()
    if words[0] in ("imprint", "map", "vary", "expose") and not {"--model", "--resume"} & {*words}:
        words += ["--model", "tiny:llama"]
    code, out, err = litho(*words)
    assert code == 2
    assert out == ""
    *progress, sentence = err.splitlines()
    assert sentence.startswith("litho: ") and message in sentence and "Traceback" not in err
    assert all(line.startswith("[00:") for line in progress)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (KeyboardInterrupt(), 3, "stopped"),
        (OSError(errno.ENOSPC, "No space left on device"), 2, "the disk is full"),
        (RuntimeError("database or disk is full"), 2, "the disk is full"),
        (RuntimeError("odd"), 2, "unexpected RuntimeError: odd"),
        (MemoryError(), 2, "the memory is not enough"),
        (PermissionError(errno.EROFS, "Read-only file system", "x"), 2, "x cannot be used (Read-"),
        (SystemExit(1), 2, "unexpected SystemExit"),
        (LithoError("two\n  lines"), 2, "litho: two lines"),
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


def test_the_version(litho: Callable[..., tuple[int, str, str]]) -> None:
    assert litho("--version")[:2] == (0, f"litho {version('litho')}\n")


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (KeyboardInterrupt(), 3, "litho: stopped: the same command begins again"),
        (EOFError("half a file"), 2, "unexpected EOFError: half a file"),
    ],
)
def test_what_typer_would_swallow(
    litho: Callable[..., tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    code: int,
    message: str,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(api, "map", fail)
    found, out, err = litho("map", "text.md")
    assert (found, out) == (code, "") and message in err


def test_a_damaged_run_names_its_file(
    litho: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    assert litho("map", "text.md", "--model", "tiny:llama", "--out", "run")[0] == 0
    for name in ("tokens.parquet", "metrics.json"):
        (tmp_path / "run" / name).write_text("{")
        code, _, err = litho("report", "run")
        assert code == 2 and f"run/{name} is damaged" in err
    (tmp_path / "run" / "metrics.json").write_text("[]")
    code, _, err = litho("report", "run")
    assert code == 2 and "a file in run is damaged or of another version" in err
    (tmp_path / "run" / "manifest.yaml").write_text("command: map")
    (tmp_path / "run" / "metrics.json").unlink()
    (tmp_path / "run").rename(tmp_path / "run.partial")
    code, _, err = litho("resume", "run")
    assert code == 2 and "damaged or of another version" in err
    assert (tmp_path / "run.partial" / "manifest.yaml").is_file()


def test_an_error_that_a_library_makes_of_a_signal_is_a_stop(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def importing() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except KeyboardInterrupt:
            raise ModuleNotFoundError("could not import a model") from None

    monkeypatch.setattr(process, "_heard", [])
    before = signal.signal(signal.SIGTERM, process._stop)
    try:
        assert guarded(importing) == 3
    finally:
        signal.signal(signal.SIGTERM, before)
    assert "litho: stopped" in capsys.readouterr().err
