"""What numbers say, in sentences, for the terminal and the report alike."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from litho.core.stats import Estimate
    from litho.jobs.diff.result import AlignedSurprise, DiffOnset, UnseenText
    from litho.jobs.expose.result import Response
    from litho.jobs.imprint.result import Drift, SameImprint
    from litho.jobs.predict.result import CalibrationSummary, Coverage


def onset_sentence(onset: "DiffOnset") -> str:
    """What the onset says, in one sentence."""
    if onset.layer is None:
        return "no layer was changed by more than a random update of the same size would change it"
    return (
        f"layer {onset.layer} is the first whose block acts differently by more than a random "
        f"update of the same size explains (p = {onset.p:.2g}, corrected for the number of "
        "layers)"
    )


def agreement_sentence(calibration: "CalibrationSummary") -> str:
    """How well predictions of this kind agreed with what was measured on other texts."""
    agreement = calibration.agreement
    return (
        f"On {agreement.n} texts that were left out, predictions by this method agreed "
        f"with what was measured by {cell(agreement)} (Spearman over the probes, median over "
        f"texts); they explained {100 * calibration.r2:.0f} % of the variance."
    )


def coverage_sentence(coverage: "Coverage | None") -> str:
    """How far 90 % intervals can be relied on for texts and probes of another kind."""
    if coverage is None:
        return (
            "The 90 % intervals are for texts and probes like those of the calibration; how many "
            "effects they hold in other kinds was not measured."
        )
    kinds = [("texts", coverage.texts), ("probes", coverage.probes)]
    ranges = [
        f"{100 * min(shares.values()):.0f} to {100 * max(shares.values()):.0f} % by kind of {name}"
        for name, shares in kinds
        if shares
    ]
    return (
        f"In kinds that were left out, 90 % intervals held {100 * coverage.value:.0f} % of the "
        f"effects ({', '.join(ranges)})."
    )


def control_sentence(onset: "DiffOnset") -> str | None:
    """What the onset is beyond training on another text; None where that was not looked at."""
    control = onset.control
    if not control:
        return None
    if control.layer is None:
        return "no layer was changed by more than training on another text would change it"
    return (
        f"beyond what training on another text does, layer {control.layer} is the first "
        f"(p = {control.p:.2g})"
    )


def unseen_sentence(unseen: "UnseenText") -> str:
    """What the unseen text says, in one sentence."""
    moved = f"on the unseen text the prediction moved by {unseen.kl.mean:.4f} nats on average"
    heads = unseen.heads
    if heads is None:
        return moved
    low, high = (min(100, max(0, round(100 * share))) for share in heads.null)
    return (
        f"{moved}; of the {heads.places} heads that changed most, {100 * heads.value:.0f} % "
        f"are the same (under random updates {low} to {high} %, p = {heads.p:.2g})"
    )


def aligned_sentence(aligned: "AlignedSurprise") -> str:
    """How much more or less the second model is surprised."""
    before, after, rise = (cell(e, 4) for e in (aligned.before, aligned.after, aligned.rise))
    return (
        f"surprise a character: {before} nats before, {after} after, a difference of {rise}, over "
        f"{aligned.stretches} stretches of text"
    )


def drift_sentences(drift: "Drift") -> list[str]:
    """What text near the page and chat pay, beside the retention text."""
    said = []
    far, near, chat = drift.retention, drift.near, drift.chat
    if near and near.value is not None:
        said.append(
            f"The budget is a promise about text far from the page, where the drift is "
            f"{cell(far, 4)} nats per token. Text near it, what the untouched model itself writes "
            f"about the same kinds of things, pays {cell(near, 4)}{_times(near, far)}."
        )
    if chat and chat.value is not None:
        said.append(
            f"In chat, in the untouched model's answers to {chat.n} everyday questions, the drift "
            f"is {cell(chat, 4)} nats per token."
        )
    if drift.own:
        said.append(
            f"On {drift.own.n} stretches of your own texts, kept out of training, the drift is "
            f"{cell(drift.own, 4)} nats per token."
        )
    return said


def same_imprint_sentence(same: "SameImprint", drift: "Estimate") -> str:
    """What the control had paid at the run's imprint; `drift`: of the run."""
    said = f"this run's imprint on rewordings, {same.imprint:.2f}"
    own = f"This run drifted by {cell(drift, 4)}."
    if same.found == "never" or same.drift is None:
        came = "it could not be measured along the training"
        if same.best is not None and same.best_drift is not None:
            came = f"at best {same.best:.2f}, at a drift of {same.best_drift:.4f}"
        return f"The control never reached {said}: {came}. {own}"
    if same.found == "upper bound":
        return (
            f"The control was past {said}, at its first check, at a drift of {same.drift:.4f}: it "
            f"reached it for that or less. {own}"
        )
    between = ""
    if same.between and same.between[0] < same.between[1]:
        between = " ({:.4f} and {:.4f} at the checks beside it)".format(*same.between)
    return f"At {said}, the control had drifted by {same.drift:.4f}{between}. {own}"


def _times(first: "Estimate", second: "Estimate") -> str:
    if not first.value or not second.value:
        return ""
    return f", {first.value / second.value:.1f} times as much"


def pairs_of(responses: "Sequence[Response]") -> "list[tuple[Response, Response]]":
    """Every response to the text with that to its control."""
    by_dose: dict[tuple[object, ...], list[Response]] = {}
    for response in responses:
        key = (response.experiment, response.dose, response.layers)
        by_dose.setdefault(key, []).append(response)
    return [(own, control) for own, control in by_dose.values()]


def cell(estimate: "Estimate | None", digits: int = 2) -> str:
    """`0.91 [0.80, 0.99]`, for a table."""
    if estimate is None or estimate.value is None:
        return "-"
    interval = ""
    if estimate.ci:
        interval = f" [{estimate.ci[0]:.{digits}f}, {estimate.ci[1]:.{digits}f}]"
    return f"{estimate.value:.{digits}f}{interval}"
