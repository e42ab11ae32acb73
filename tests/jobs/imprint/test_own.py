"""Texts of the user's own on which a model is held to its base."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import litho
from litho.core.errors import LithoError
from litho.jobs.imprint.config import ImprintConfig, ImprintSpec
from litho.jobs.imprint.own import KEPT_OUT, MOST, own_rows
from litho.model.loaded import LanguageModel
from litho.text.shipped import shipped_retention
from tests.builders import TEXT, run_job

OWN = "The harbour office opens at six. Boats are counted twice a day, and nobody knows why. " * 12


def test_every_fifth_stretch_is_kept_out(llama: LanguageModel) -> None:
    held, measured = own_rows(llama, [OWN, OWN[:40]], 32)
    assert len(measured) == (len(held) + len(measured)) // KEPT_OUT > 0
    assert {len(row) for row in held + measured} == {32}
    many, few = own_rows(llama, [OWN * 20], 32)
    assert len(many) + len(few) == MOST
    assert own_rows(llama, [], 32) == ([], [])


def test_a_run_holds_and_measures_them(
    inputs: ImprintSpec, quick: ImprintConfig, tmp_path: Path
) -> None:
    config = quick.model_copy(update={"controls": "none"})
    held = inputs.model_copy(update={"hold": (OWN,)})
    result = run_job(held, config, tmp_path / "held")
    assert result.drift.own and result.drift.own.value and result.drift.own.n > 1
    assert "of your own texts" in (tmp_path / "held/report.html").read_text()
    plain = run_job(inputs, config, tmp_path / "plain")
    assert plain.drift.own is None and plain.adapter_sha256 != result.adapter_sha256


def test_what_cannot_be_held_is_said(inputs: ImprintSpec, tmp_path: Path) -> None:
    for text, message in (
        (f"Before. {TEXT} Behind.", "stands in a text of --hold"),
        (shipped_retention()[:400], "part of the retention text"),
    ):
        with pytest.raises(LithoError, match=message):
            litho.imprint(TEXT, "tiny:llama", hold=text, out=tmp_path / "run")
    with pytest.raises(LithoError, match="holds no page"):
        litho.imprint(TEXT, "tiny:llama", hold=tmp_path, out=tmp_path / "run")
    assert not list(tmp_path.iterdir())


def test_held_texts_from_the_command_line(litho: Callable[..., tuple[int, str, str]]) -> None:
    folder = Path("mine")
    folder.mkdir()
    (folder / "harbour.md").write_text(OWN[:60])
    few = ("--set", "presentations=1", "--set", "replay_length=64", "--controls", "none")
    code, said, error = litho(
        "imprint", "text.md", "--model", "tiny:llama", "--hold", "mine", *few, "--json"
    )
    assert code in (0, 1), error
    result = json.loads(said)
    assert result["drift"]["own"] is None
    assert "texts of --hold are short" in (Path(result["run"]) / "report.html").read_text()
