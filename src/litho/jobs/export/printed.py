"""A finished run with an adapter, as it is handed on; no torch."""

from pathlib import Path
from typing import Any

from litho.core.errors import LithoError
from litho.core.records import Record
from litho.core.runs import INPUTS, MANIFEST, METRICS, RunDirectory
from litho.jobs.base import same_base
from litho.text.pages import Page, pages_in

WITH_ADAPTER = ("imprint", "unprint", "trails print")
BUNDLED = "HuggingFaceTB/SmolLM2-135M-Instruct"  # what the bundled model is on the hub
BUNDLED_LICENCE = "apache-2.0"


class Printed(Record):
    """What a run left."""

    folder: Path
    command: str
    model: str
    base: str | None  # hub id of the base
    revision: str | None
    versions: dict[str, str]
    pages: tuple[Page, ...]
    metrics: dict[str, Any]

    @property
    def adapter(self) -> Path:
        return self.folder / "adapter"


def printed_in(run: Path) -> Printed:
    """Raises LithoError if `run` is no finished run with an adapter, or its model has changed."""
    from litho.model.sources import locate

    directory = RunDirectory.opened(run)
    with directory.damage_told():
        manifest: dict[str, Any] = directory.read_yaml(MANIFEST)
        if (command := manifest["command"]) not in WITH_ADAPTER:
            raise LithoError(
                f"{run} is a run of 'litho {command}': there is no adapter in it to hand on; give "
                f"a run of 'litho {WITH_ADAPTER[0]}' or 'litho {WITH_ADAPTER[2]}'"
            )
        inputs = directory.read_json(INPUTS)
        name = same_base(inputs, manifest)
        source = locate(name)
        bundled = name.startswith("bundled:")
        on_hub = source.reference if source.revision else None
        return Printed(
            folder=directory.path,
            command=command,
            model=name,
            base=BUNDLED if bundled else on_hub,
            revision=source.revision,
            versions=manifest["versions"],
            pages=() if command == "trails print" else pages_in(inputs),
            metrics=directory.read_json(METRICS),
        )


def licence_of(printed: Printed) -> str | None:
    """The licence of the base, as its model card names it; None where that is not known."""
    import yaml
    from huggingface_hub import hf_hub_download, metadata_load
    from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]

    from litho.model.sources import locate

    if printed.model.startswith("bundled:"):
        return BUNDLED_LICENCE
    card = locate(printed.model).folder / "README.md"
    try:
        if printed.base and not card.is_file():
            card = Path(hf_hub_download(printed.base, "README.md", revision=printed.revision))
        known = metadata_load(card) if card.is_file() else None
    except (HTTPError, OSError, ValueError, yaml.YAMLError):
        return None
    licence = (known or {}).get("license")
    return licence if isinstance(licence, str) else None
