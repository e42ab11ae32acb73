"""Roles of a school that is over."""

from pathlib import Path
from threading import Event as Flag
from typing import TYPE_CHECKING, cast

from litho.api.arguments import Progress, device_given, folder_given, settings_given
from litho.api.runs import run_job
from litho.jobs.roles.config import RolesConfig, RolesSpec
from litho.jobs.spec import Device

if TYPE_CHECKING:
    from litho.jobs.roles.result import RolesResult


def roles(
    run: Path,
    *,
    out: Path | None = None,
    device: str | Device = "auto",
    config: RolesConfig | None = None,
    progress: Progress | None = None,
    cancel: Flag | None = None,
    **settings: object,
) -> "RolesResult":
    """Train an adapter for each role of a school, and say what each can do, and all in turn.

    `run`: of `school`. Raises LithoError if it is none, nobody speaks in it, or anything given is
    unusable.
    """
    from litho.jobs.school.finished import FinishedSchool

    spec = RolesSpec(
        school=str(FinishedSchool.opened(run).path),
        device=device_given(device),
        config=settings_given(RolesConfig, config, settings),
    )
    folder = folder_given(out, run.name, "roles")
    return cast("RolesResult", run_job("roles", spec, folder, None, progress, cancel))
