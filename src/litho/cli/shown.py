"""The result of any command as its command shows it."""

from litho.cli.bench import show_bench
from litho.cli.calibrate import show_calibrations
from litho.cli.diff import show_diff
from litho.cli.ensemble import show_ensemble
from litho.cli.expose import show_expose
from litho.cli.imprint import show_imprint
from litho.cli.map import show_map
from litho.cli.predict import show_predict
from litho.cli.vary import show_vary
from litho.jobs.bench.result import BenchResult
from litho.jobs.diff.result import AlignedResult, DiffResult
from litho.jobs.ensemble.result import EnsembleResult
from litho.jobs.expose.result import ExposeResult
from litho.jobs.imprint.result import ImprintResult
from litho.jobs.map.result import MapResult
from litho.jobs.predict.result import CalibrationResult, PredictResult
from litho.jobs.vary.result import VaryResult


def show(result: object, as_json: bool) -> None:
    """Print the result of a run whose command is not known beforehand."""
    match result:
        case ImprintResult():
            show_imprint(result, as_json)
        case MapResult():
            show_map(result, as_json)
        case VaryResult():
            show_vary(result, as_json)
        case DiffResult() | AlignedResult():
            show_diff(result, as_json)
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
        case _:
            raise TypeError(f"no way to show a {type(result).__name__}")
