"""The result of any command as its command shows it."""

from pathlib import Path

import typer

from litho.cli.bench import show_bench
from litho.cli.calibrate import show_calibrations
from litho.cli.diff import show_diff
from litho.cli.ensemble import show_ensemble
from litho.cli.evolve import show_arrange, show_evolve
from litho.cli.exam import show_exam
from litho.cli.expose import show_expose
from litho.cli.imprint import show_imprint
from litho.cli.journal import show_journal
from litho.cli.map import show_map
from litho.cli.output import check_written
from litho.cli.predict import show_predict
from litho.cli.rewrite import show_reprint, show_rewrite
from litho.cli.roles import show_roles
from litho.cli.school import show_school
from litho.cli.trails import show_capture, show_printed
from litho.cli.trails_graph import show_graph
from litho.cli.unprint import show_unprint
from litho.cli.vary import show_vary
from litho.jobs.arrange.result import ArrangeResult
from litho.jobs.bench.result import BenchResult
from litho.jobs.diff.result import AlignedResult, DiffResult
from litho.jobs.ensemble.result import EnsembleResult
from litho.jobs.evolve.result import EvolveResult
from litho.jobs.exam.result import ExamRun
from litho.jobs.expose.result import ExposeResult
from litho.jobs.imprint.result import ImprintResult, UnprintResult
from litho.jobs.journal.result import JournalResult
from litho.jobs.map.result import MapResult
from litho.jobs.predict.result import CalibrationResult, PredictResult
from litho.jobs.reprint.result import ReprintResult
from litho.jobs.rewrite.result import RewriteResult
from litho.jobs.roles.result import RolesResult
from litho.jobs.school.result import SchoolResult
from litho.jobs.trails.result import CaptureResult, GraphResult, PrintResult
from litho.jobs.vary.result import VaryResult

NEGATIVE = ("memorised", "not printed")
NO_TRAIL = ("memorised", "rut", "nothing")


def show(result: object, as_json: bool, run: Path) -> None:
    """Print the result of any finished run; the exit code is 1 where its verdict is negative.

    Raises LithoError that names the run where standard output cannot be written.
    """
    _print(result, as_json)
    check_written(run)
    negative = isinstance(result, ImprintResult) and result.verdict in NEGATIVE
    if negative or (isinstance(result, PrintResult) and result.verdict in NO_TRAIL):
        raise typer.Exit(1)


def _print(result: object, as_json: bool) -> None:
    match result:
        case ImprintResult():
            show_imprint(result, as_json)
        case UnprintResult():
            show_unprint(result, as_json)
        case MapResult():
            show_map(result, as_json)
        case VaryResult():
            show_vary(result, as_json)
        case DiffResult() | AlignedResult():
            show_diff(result, as_json)
        case ArrangeResult():
            show_arrange(result, as_json)
        case EvolveResult():
            show_evolve(result, as_json)
        case ExamRun():
            show_exam(result, as_json)
        case ExposeResult():
            show_expose(result, as_json)
        case EnsembleResult():
            show_ensemble(result, as_json)
        case PredictResult():
            show_predict(result, as_json)
        case CalibrationResult():
            show_calibrations(result, as_json)
        case BenchResult():
            show_bench(result, as_json)
        case JournalResult():
            show_journal(result, as_json)
        case ReprintResult():
            show_reprint(result, as_json)
        case RewriteResult():
            show_rewrite(result, as_json)
        case RolesResult():
            show_roles(result, as_json)
        case SchoolResult():
            show_school(result, as_json)
        case PrintResult():
            show_printed(result, as_json)
        case CaptureResult():
            show_capture(result, as_json)
        case GraphResult():
            show_graph(result, as_json)
        case _:
            raise TypeError(f"no way to show a {type(result).__name__}")
