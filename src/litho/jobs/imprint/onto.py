"""A finished run whose adapter carries pages, onto which others are printed; no torch."""

from pathlib import Path
from typing import Any

from litho.core.errors import LithoError
from litho.core.records import Record
from litho.core.runs import INPUTS, MANIFEST, METRICS, RunDirectory
from litho.jobs.base import CARRYING, same_base
from litho.text.pages import Page, pages_in

SLICES = "slices.json"


class Slice(Record):
    """A part of an adapter's rank and the pages that are printed there, by name."""

    pages: tuple[str, ...]
    rank: int


class Onto(Record):
    """The adapter onto which pages are printed."""

    run: str  # its folder
    adapter_sha256: str
    slices: tuple[Slice, ...]
    layers: tuple[int, ...]  # blocks that it is in
    drift: float | None  # on the retention text, nats per token

    @property
    def rank(self) -> int:
        return sum(part.rank for part in self.slices)

    @property
    def pages(self) -> int:
        """How many it carries."""
        return sum(len(part.pages) for part in self.slices)


class Carried(Record):
    """What a finished run carries."""

    onto: Onto
    model: str
    pages: tuple[Page, ...]
    retention: str | None

    def onto_model(self, name: str) -> Onto:
        """To print onto. Raises LithoError if the model of that name is another one."""
        from litho.model.sources import locate

        if locate(name).sha256() != locate(self.model).sha256():
            raise LithoError(
                f"{self.onto.run} was printed into {self.model}, not into {name}: leave --model out"
            )
        return self.onto

    def named(self, name: str) -> int:
        """The place of a page, which may be named without its ending.

        Raises LithoError if the run has no such page.
        """
        places = [i for i, page in enumerate(self.pages) if page.name == name] or [
            i for i, page in enumerate(self.pages) if Path(page.name).stem == name
        ]
        if len(places) != 1:
            known = ", ".join(page.name for page in self.pages)
            raise LithoError(f"the run carries no page {name!r}: it carries {known}")
        return places[0]


def carried(run: Path) -> Carried:
    """What a run carries.

    Raises LithoError if it is unfinished or no imprint, or its model is not what it was.
    """
    from litho.model.adapters.files import rank

    directory = RunDirectory.opened(run)
    with directory.damage_told():
        manifest: dict[str, Any] = directory.read_yaml(MANIFEST)
        if (command := manifest["command"]) not in CARRYING:
            raise LithoError(f"{run} is a run of 'litho {command}': no page was printed there")
        inputs, metrics = directory.read_json(INPUTS), directory.read_json(METRICS)
        pages, name = pages_in(inputs), same_base(inputs, manifest)
        slices = [Slice(pages=tuple(page.name for page in pages), rank=rank(run / "adapter"))]
        if (directory.path / SLICES).exists():  # runs of earlier versions have none
            slices = [Slice(**part) for part in directory.read_json(SLICES)]
        return Carried(
            onto=Onto(
                run=str(directory.path.absolute()),
                adapter_sha256=metrics["adapter_sha256"],
                slices=tuple(slices),
                layers=tuple(directory.read_json("depth.json")["trained"]),
                drift=metrics["drift"]["retention"]["value"],
            ),
            model=name,
            pages=pages,
            retention=inputs.get("retention"),
        )
