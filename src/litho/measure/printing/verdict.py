"""The verdict on a run: printed, memorised, not printed or unproven, with its reasons."""

from collections.abc import Mapping
from typing import Literal

from litho.core.records import Record
from litho.core.stats import Estimate
from litho.measure.printing.imprint import MIN_GAIN

Verdict = Literal["printed", "memorised", "not printed", "unproven"]

UNDERSTOOD = 0.6  # least imprint on rewordings to be called printed
UNDERSTOOD_HARD = 0.4  # least imprint on hard probes, where there are any
MEMORISED = 0.5  # least imprint on the text's own words to be called memorised
SURE = 0.25  # least lower end of the interval of the imprint on rewordings


class Judgement(Record):
    """A verdict and the reasons for it, as sentences for a reader."""

    verdict: Verdict
    reasons: tuple[str, ...]


def judge(
    imprint: Mapping[str, Estimate],
    drift: Estimate,
    budget: float,
    control: tuple[Mapping[str, Estimate], Estimate] | None,
) -> Judgement:
    """Decide from the imprint by kind, the drift on retention text and the control's numbers.

    "printed": rewordings are answered (value >= `UNDERSTOOD`, interval above `SURE`), hard
    probes too (value >= `UNDERSTOOD_HARD`), and the drift is within the budget. "memorised":
    only the text's own words are. "unproven": no control, or too few probes to tell.
    """
    reasons = [_imprint_reason(imprint), _drift_reason(drift, budget)]
    if control is None:
        reasons.append("No control was trained, so nothing shows that the method did it.")
        return Judgement(verdict="unproven", reasons=tuple(reasons))
    reasons.append(_control_reason(imprint, drift, *control))
    gen, hard, mem = (imprint[kind] for kind in ("gen", "hard", "mem"))
    if gen.value is None or gen.ci is None:
        reasons.append(
            f"Fewer than two reworded probes gain more than {MIN_GAIN} nat from the open book: "
            "too few to tell understanding from memorising."
        )
        return Judgement(verdict="unproven", reasons=tuple(reasons))
    understood = gen.value >= UNDERSTOOD and gen.ci[0] >= SURE
    solved = hard.value is None or hard.value >= UNDERSTOOD_HARD
    within = drift.value is not None and drift.value <= budget
    if understood and solved and within:
        return Judgement(verdict="printed", reasons=tuple(reasons))
    if not within:
        reasons.append("The model paid more than the budget: that is not a print.")
        return Judgement(verdict="not printed", reasons=tuple(reasons))
    if not understood:
        reasons.append(
            f"Rewordings are not answered surely enough (needed: {UNDERSTOOD}, and an interval "
            f"above {SURE})."
        )
    if not solved:
        reasons.append(f"Hard probes are not answered (needed: {UNDERSTOOD_HARD}).")
    memorised = mem.value is not None and mem.value >= MEMORISED
    return Judgement(verdict="memorised" if memorised else "not printed", reasons=tuple(reasons))


def _imprint_reason(imprint: Mapping[str, Estimate]) -> str:
    names = {"mem": "its own words", "gen": "rewordings", "hard": "hard questions"}
    parts = [
        f"{names[kind]} {number(e)}" if e.value is not None else f"{names[kind]} not measurable"
        for kind, e in imprint.items()
    ]
    return "Imprint (0: nothing learned, 1: as good as reading the text): " + "; ".join(parts) + "."


def _drift_reason(drift: Estimate, budget: float) -> str:
    return f"Drift on unrelated text: {number(drift, 4)} nats per token; the budget was {budget}."


def _control_reason(
    imprint: Mapping[str, Estimate],
    drift: Estimate,
    control_imprint: Mapping[str, Estimate],
    control_drift: Estimate,
) -> str:
    times = ""
    if drift.value and control_drift.value is not None:
        times = f", {control_drift.value / drift.value:.1f} times as much"
    return (
        "The control, plain LoRA on duplicates of the text, reached "
        f"{number(control_imprint['gen'])} on rewordings (this run: {number(imprint['gen'])}) "
        f"and drifted by {number(control_drift, 4)}{times}."
    )


def number(estimate: Estimate, digits: int = 2) -> str:
    """`0.91 (0.80 to 0.99)`."""
    if estimate.value is None:
        return "not measurable"
    text = f"{estimate.value:.{digits}f}"
    if estimate.ci:
        text += f" ({estimate.ci[0]:.{digits}f} to {estimate.ci[1]:.{digits}f})"
    return text
