"""What numbers say, in sentences, for the terminal and the report alike."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from litho.show.say import say, to_say

if TYPE_CHECKING:
    from litho.core.stats import Estimate
    from litho.jobs.diff.result import AlignedSurprise, DiffOnset, UnseenText
    from litho.jobs.expose.result import Response
    from litho.jobs.imprint.result import Drift, SameImprint
    from litho.jobs.predict.result import CalibrationSummary, Coverage


def onset_sentence(onset: "DiffOnset") -> str:
    """What the onset says, in one sentence."""
    if onset.layer is None:
        return say(
            "no layer was changed by more than a random update of the same size would change it"
        )
    return say(
        "layer {layer} is the first whose block acts differently by more than a random update of "
        "the same size explains (p = {p}, corrected for the number of layers)",
        layer=onset.layer,
        p=f"{onset.p:.2g}",
    )


def agreement_sentence(calibration: "CalibrationSummary") -> str:
    """How well predictions of this kind agreed with what was measured on other texts."""
    agreement = calibration.agreement
    return say(
        "On {n} texts that were left out, predictions by this method agreed with what was measured "
        "by {agreement} (Spearman over the probes, median over texts); they explained {share} % of "
        "the variance.",
        n=agreement.n,
        agreement=cell(agreement),
        share=f"{100 * calibration.r2:.0f}",
    )


def coverage_sentence(coverage: "Coverage | None") -> str:
    """How far 90 % intervals can be relied on for texts and probes of another kind."""
    if coverage is None:
        return say(
            "The 90 % intervals are for texts and probes like those of the calibration; how many "
            "effects they hold in other kinds was not measured."
        )
    kinds = to_say(
        [
            ("{low} to {high} % by kind of texts", coverage.texts),
            ("{low} to {high} % by kind of probes", coverage.probes),
        ]
    )
    ranges = [
        say(
            sentence,
            low=f"{100 * min(shares.values()):.0f}",
            high=f"{100 * max(shares.values()):.0f}",
        )
        for sentence, shares in kinds
        if shares
    ]
    return say(
        "In kinds that were left out, 90 % intervals held {share} % of the effects ({ranges}).",
        share=f"{100 * coverage.value:.0f}",
        ranges=", ".join(ranges),
    )


def control_sentence(onset: "DiffOnset") -> str | None:
    """What the onset is beyond training on another text; None where that was not looked at."""
    control = onset.control
    if not control:
        return None
    if control.layer is None:
        return say("no layer was changed by more than training on another text would change it")
    return say(
        "beyond what training on another text does, layer {layer} is the first (p = {p})",
        layer=control.layer,
        p=f"{control.p:.2g}",
    )


def unseen_sentence(unseen: "UnseenText") -> str:
    """What the unseen text says, in one sentence."""
    moved = say(
        "on the unseen text the prediction moved by {mean} nats on average",
        mean=f"{unseen.kl.mean:.4f}",
    )
    heads = unseen.heads
    if heads is None:
        return moved
    low, high = (min(100, max(0, round(100 * share))) for share in heads.null)
    return say(
        "{moved}; of the {heads} heads that changed most, {share} % are the same (under random "
        "updates {low} to {high} %, p = {p})",
        moved=moved,
        heads=heads.places,
        share=f"{100 * heads.value:.0f}",
        low=low,
        high=high,
        p=f"{heads.p:.2g}",
    )


def aligned_sentence(aligned: "AlignedSurprise") -> str:
    """How much more or less the second model is surprised."""
    before, after, rise = (cell(e, 4) for e in (aligned.before, aligned.after, aligned.rise))
    return say(
        "surprise a character: {before} nats before, {after} after, a difference of {rise}, over "
        "{stretches} stretches of text",
        before=before,
        after=after,
        rise=rise,
        stretches=aligned.stretches,
    )


def drift_sentences(drift: "Drift") -> list[str]:
    """What text near the page and chat pay, beside the retention text."""
    said = []
    far, near, chat = drift.retention, drift.near, drift.chat
    if near and near.value is not None:
        said.append(
            say(
                "The budget is a promise about text far from the page, where the drift is {far} "
                "nats per token. Text near it, what the untouched model itself writes about the "
                "same kinds of things, pays {near}{times}.",
                far=cell(far, 4),
                near=cell(near, 4),
                times=_times(near, far),
            )
        )
    if chat and chat.value is not None:
        said.append(
            say(
                "In chat, in the untouched model's answers to {n} everyday questions, the drift is "
                "{drift} nats per token.",
                n=chat.n,
                drift=cell(chat, 4),
            )
        )
    if drift.own:
        said.append(
            say(
                "On {n} stretches of your own texts, kept out of training, the drift is {drift} "
                "nats per token.",
                n=drift.own.n,
                drift=cell(drift.own, 4),
            )
        )
    return said


def same_imprint_sentence(same: "SameImprint", drift: "Estimate") -> str:
    """What the control had paid at the run's imprint; `drift`: of the run."""
    imprint = f"{same.imprint:.2f}"
    own = say("This run drifted by {drift}.", drift=cell(drift, 4))
    if same.found == "never" or same.drift is None:
        came = say("it could not be measured along the training")
        if same.best is not None and same.best_drift is not None:
            best, at = f"{same.best:.2f}", f"{same.best_drift:.4f}"
            came = say("at best {best}, at a drift of {drift}", best=best, drift=at)
        never = to_say(
            "The control never reached this run's imprint on rewordings, {imprint}: {came}."
        )
        return f"{say(never, imprint=imprint, came=came)} {own}"
    if same.found == "upper bound":
        past = to_say(
            "The control was past this run's imprint on rewordings, {imprint}, at its first check, "
            "at a drift of {drift}: it reached it for that or less."
        )
        return f"{say(past, imprint=imprint, drift=f'{same.drift:.4f}')} {own}"
    between = ""
    if same.between and same.between[0] < same.between[1]:
        low, high = (f"{each:.4f}" for each in same.between)
        between = f" ({say('{low} and {high} at the checks beside it', low=low, high=high)})"
    paid = to_say(
        "At this run's imprint on rewordings, {imprint}, the control had drifted by "
        "{drift}{between}."
    )
    return f"{say(paid, imprint=imprint, drift=f'{same.drift:.4f}', between=between)} {own}"


def _times(first: "Estimate", second: "Estimate") -> str:
    if not first.value or not second.value:
        return ""
    return ", " + say("{ratio} times as much", ratio=f"{first.value / second.value:.1f}")


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
