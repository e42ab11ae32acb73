"""`litho calibrate`: predictions fitted to an ensemble."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from litho.cli.console import Bars, print_json, results
from litho.cli.options import (
    BitsOption,
    ClusterOption,
    DeviceOption,
    DtypeOption,
    JsonOption,
    MethodOption,
    PriceOption,
    ProcessesOption,
    SetOption,
    SharedOutOption,
    chosen_device,
    chosen_method,
)

if TYPE_CHECKING:
    from litho.jobs.predict.result import CalibrationResult


def calibrate(
    plan: Annotated[Path, typer.Argument(help="The plan of an ensemble: YAML.")],
    out: SharedOutOption,
    method: MethodOption = None,
    price: PriceOption = None,
    cluster: ClusterOption = None,
    processes: ProcessesOption = 1,
    settings: SetOption = None,
    device: DeviceOption = "auto",
    dtype: DtypeOption = None,
    bits: BitsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fit predictions to the runs of an ensemble, so that others come with intervals."""
    from litho import api
    from litho.cli.shown import show
    from litho.jobs.ensemble.config import read_plan
    from litho.jobs.predict.config import CALIBRATION

    chosen = chosen_method(method, price)
    spec = read_plan(plan, settings or [])
    with Bars() as bars:
        result = api.calibrate(
            spec,
            out,
            method=chosen,
            cluster=cluster,
            processes=processes,
            device=chosen_device(device, dtype, bits),
            progress=bars,
        )
    show(result, as_json, out)
    if not as_json:
        results.print(f"calibration  {out / CALIBRATION}", soft_wrap=True)


def show_calibrations(result: "CalibrationResult", as_json: bool) -> None:
    """Print how well each fit predicts."""
    from litho.show.wording import cell

    if as_json:
        print_json(result)
        return
    table = Table(show_edge=False)
    names = ("learning rate", "steps", "probes", "agreement", "variance explained", "held")
    for column in names:
        table.add_column(column, justify="right")
    for fit in result.root:
        rate, probes = fit.recipe["learning_rate"], "these" if fit.questions else "any"
        held = f"{100 * fit.coverage.value:.0f} %" if fit.coverage else "-"
        agreed = cell(fit.agreement)
        table.add_row(f"{rate:g}", str(fit.steps), probes, agreed, f"{fit.r2:.2f}", held)
    results.print(table)
