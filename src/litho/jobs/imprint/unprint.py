"""`litho unprint`: take one of several pages out of an adapter, and measure what is left."""

from pathlib import Path
from typing import Self

from litho.core.errors import LithoError
from litho.core.runs import RunDirectory
from litho.jobs.imprint.baseline import Baseline
from litho.jobs.imprint.onto import SLICES, Carried, Onto
from litho.jobs.imprint.proof import drift_of, page_imprint
from litho.jobs.imprint.result import EarlierResult, UnprintResult
from litho.jobs.models import Models
from litho.jobs.runner import Checked, Context, Job
from litho.jobs.spec import Device, ModelSpec
from litho.measure.printing.drift import retention_blocks, retention_drift
from litho.measure.printing.probes import score
from litho.model.adapters import files, saved, slices
from litho.model.state import State
from litho.text.pages import Page
from litho.text.shipped import shipped_retention

BEFORE, AFTER = "before", "after"  # adapters
RETENTION = 4096  # tokens on which drift is measured, at most


class UnprintSpec(ModelSpec):
    """A run, and which of its pages is taken out."""

    onto: Onto  # what carries the page
    page: Page
    place: int  # of the page among all
    pages: tuple[Page, ...]  # those that stay
    retention: str | None = None

    def adapters(self) -> dict[str, str]:
        return {"adapter": str(Path(self.onto.run) / "adapter")}

    @classmethod
    def of(cls, run: Carried, name: str, device: Device) -> Self:
        """Raises LithoError if there is no such page, or it cannot be taken out alone."""
        place = run.named(name)
        page = run.pages[place]
        if len(run.pages) == 1:
            raise LithoError(
                f"{page.name} is the only page in {run.onto.run}: without it the model is the "
                "base again; use that instead"
            )
        if (page.name,) not in [part.pages for part in run.onto.slices]:
            raise LithoError(
                f"{page.name} shares its part of the adapter with other pages, so that it cannot "
                "be taken out alone: print the pages with keys=text, or one after the other with "
                "--onto"
            )
        pages = tuple(other for other in run.pages if other != page)
        return cls(
            onto=run.onto,
            page=page,
            place=place,
            pages=pages,
            retention=run.retention,
            model=run.model,
            device=device,
        )


def check(spec: UnprintSpec, models: Models) -> Checked:
    """Raises LithoError if the adapter is not the one that was printed."""
    adapter = Path(spec.onto.run) / "adapter"
    if not adapter.is_dir() or files.adapter_sha256(adapter) != spec.onto.adapter_sha256:
        raise LithoError(f"the adapter {adapter} is not the one that was printed there")
    models.load(spec.model)
    return Checked(None, {"text_name": spec.page.name})


def run_unprint(context: Context[UnprintSpec]) -> UnprintResult:
    """Write the adapter without the page, and compare both."""
    run, spec = context.run, context.spec
    printed = Path(spec.onto.run)
    context.reporter.stage("taking the page out")
    start = _first_rank(spec)
    kept = [part for part in spec.onto.slices if part.pages != (spec.page.name,)]
    stop = start + spec.onto.rank - sum(part.rank for part in kept)
    if not (run.path / "adapter").exists():
        slices.without(printed / "adapter", start, stop, run.path / "adapter")
    run.write_json(SLICES, [part.model_dump() for part in kept])
    run.write_json("depth.json", {"trained": list(spec.onto.layers)})
    model = context.models.load(spec.model)
    saved.load(model, BEFORE, printed / "adapter")
    saved.load(model, AFTER, run.path / "adapter")
    baseline = Baseline(**RunDirectory.opened(printed).read_json("baseline.json"))
    run.write_json("baseline.json", baseline.without(spec.place).model_dump())
    context.reporter.stage("measuring what is left")
    asked = baseline.scored.probes
    before, after = (score(State(model, (name,)), asked) for name in (BEFORE, AFTER))
    changes = [
        EarlierResult(
            page=page.name,
            imprint_before=page_imprint(baseline, number, before),
            imprint_after=page_imprint(baseline, number, after),
        )
        for number, page in enumerate(_all_pages(spec))
    ]
    rows = retention_blocks(model, spec.retention or shipped_retention(), RETENTION)
    drifts = retention_drift(model, rows, (BEFORE, AFTER))
    return UnprintResult(
        run=str(run.final_path),
        adapter=str(run.final_path / "adapter"),
        adapter_sha256=files.adapter_sha256(run.path / "adapter"),
        page=changes.pop(spec.place),
        others=tuple(changes),
        drift_before=drift_of(model, rows, drifts[BEFORE]),
        drift=drift_of(model, rows, drifts[AFTER]),
        seconds=round(run.seconds, 1),
    )


def _first_rank(spec: UnprintSpec) -> int:
    """Where the part of the page begins."""
    start = 0
    for part in spec.onto.slices:
        if part.pages == (spec.page.name,):
            return start
        start += part.rank
    raise ValueError(spec.page.name)


def _all_pages(spec: UnprintSpec) -> list[Page]:
    return [*spec.pages[: spec.place], spec.page, *spec.pages[spec.place :]]


JOB = Job("unprint", UnprintSpec, check, run_unprint)
