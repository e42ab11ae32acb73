"""A control beside the imprint: also what it had paid where it knew as much; no torch."""

from litho.core.runs import RunDirectory
from litho.jobs.imprint.history import steps_of
from litho.jobs.imprint.result import ArmMetrics, ControlMetrics
from litho.measure.printing.curve import drift_at


def control_metrics(
    run: RunDirectory, arm: str, metrics: ArmMetrics, imprint: float | None
) -> ControlMetrics:
    """The numbers of a control; `imprint`: that of the run on rewordings, at its end."""
    checks = [step.check for step in steps_of(run, arm) if step.check]
    curve = [(check.imprint["gen"], check.drift_retention) for check in checks]
    same = None if imprint is None else drift_at(curve, imprint)
    return ControlMetrics(**(metrics.model_dump() | {"drift_at_same_imprint": same}))
