"""The weights of a run's models and adapters: those that its manifest names, and those of today."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from litho.core.errors import LithoError
from litho.jobs.spec import Spec
from litho.model.adapters.files import WEIGHTS, adapter_sha256
from litho.model.sources import locate


def check_models(spec: Spec, manifest: Mapping[str, Any]) -> None:
    """Raises LithoError if a model or adapter has other weights than when the run was started."""
    for other in changed(spec, manifest):
        raise LithoError(
            f"the {other} is not the one that this run was started with: start a new run, or put "
            "the old weights back"
        )


def changed(spec: Spec, manifest: Mapping[str, Any]) -> list[str]:
    """The models and adapters of a run whose weights are not those that its manifest names."""
    return [
        f"model {name}"
        for role, name in spec.models().items()
        if locate(name).sha256() != manifest[role]["sha256"]
    ] + [
        f"adapter {found['folder']}"
        for role, found in adapters_of(spec).items()
        if found != manifest.get("adapters", {}).get(role)
    ]


def adapters_of(spec: Spec) -> dict[str, Any]:
    """The adapters of a specification for a manifest; one that is not there has no hash."""
    return {
        role: {
            "folder": folder,
            "sha256": adapter_sha256(Path(folder)) if (Path(folder) / WEIGHTS).is_file() else None,
        }
        for role, folder in spec.adapters().items()
    }
