"""Reports: one HTML file a run, made from nothing but the files of the run."""

from pathlib import Path

from litho.core.errors import LithoError
from litho.core.runs import RunDirectory
from litho.show.pages import (
    align,
    arrange,
    bench,
    calibrate,
    diff,
    ensemble,
    evolve,
    exam,
    expose,
    imprint,
    journal,
    map,
    predict,
    reprint,
    rewrite,
    roles,
    school,
    school_live,
    trails,
    trails_graph,
    unprint,
    vary,
)
from litho.show.say import speaking

_PAGES = {
    "align": align.page,
    "bench": bench.page,
    "calibrate": calibrate.page,
    "diff": diff.page,
    "ensemble": ensemble.page,
    "evolve": evolve.page,
    "evolve documents": arrange.page,
    "exam": exam.page,
    "expose": expose.page,
    "imprint": imprint.page,
    "journal": journal.page,
    "map": map.page,
    "predict": predict.page,
    "rewrite": rewrite.page,
    "rewrite pages": reprint.page,
    "roles": roles.page,
    "school": school.page,
    "trails graph": trails_graph.page,
    "trails print": trails.print_page,
    "trails test": trails.capture_page,
    "unprint": unprint.page,
    "vary": vary.page,
}
_LIVE = {"school": school_live.write}  # of runs that go on
# A file that only they have, for runs of earlier versions, which noted no command.
_TELLING = {"trials.jsonl": "bench", "trials.json": "bench", "effects.parquet": "ensemble"}


def write_report(run: RunDirectory, language: str | None = None) -> Path:
    """Write `report.html` of a run whose numbers are all there; before that, its live page.

    Raises LithoError on a folder that no command of Litho wrote, and on an unknown language.
    """
    with speaking(language):
        return _written(run)


def _written(run: RunDirectory) -> Path:
    live = _LIVE.get(_kind(run))
    if not run.has_metrics and live:
        return live(run)
    run.write_text("report.html", _page(run))
    if live:
        live(run)
    return run.path / "report.html"


def page_of(run: RunDirectory, language: str | None = None) -> str:
    """The report of a run as HTML. Raises LithoError as `write_report` does."""
    with speaking(language):
        return _page(run)


def _page(run: RunDirectory) -> str:
    return _PAGES[_kind(run)](run)


def _kind(run: RunDirectory) -> str:
    """The command that made a run; of models built differently, `diff` has a page of its own."""
    if not (run.path / "manifest.yaml").is_file():
        for name, kind in _TELLING.items():
            if (run.path / name).is_file():
                return kind
        raise LithoError(f"{run.path} is no run of Litho: there is no manifest.yaml in it")
    command = str(run.read_yaml("manifest.yaml")["command"])
    if command == "diff" and "aligned" in run.read_json("metrics.json"):
        return "align"
    if command not in _PAGES:
        raise LithoError(f"{run.path} was made by an unknown command {command!r}: update Litho")
    return command
