"""What happened along the presentations of an imprint, as its ledger has it; no torch."""

from litho.core.runs import RunDirectory
from litho.learn.records import Check, Step
from litho.learn.steps import StepLedger

__all__ = ["Check", "Step", "steps_of"]


def steps_of(run: RunDirectory, arm: str) -> list[Step]:
    """The presentations of an arm in their order."""
    return [Step(**record) for record in StepLedger(run).records(arm)]
