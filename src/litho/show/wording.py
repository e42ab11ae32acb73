"""What numbers say, in sentences, for the terminal and the report alike."""

from typing import Any

from litho.core.stats import Estimate


def onset_sentence(onset: dict[str, Any]) -> str:
    """What the onset says, in one sentence."""
    if onset["layer"] is None:
        return "no layer was changed by more than a random update of the same size would change it"
    return (
        f"layer {onset['layer']} is the first whose block acts differently by more than a random "
        f"update of the same size explains (p = {onset['p']:.2g}, corrected for the number of "
        "layers)"
    )


def leak_sentence(leaks: list[dict[str, str]]) -> str | None:
    """What probes that stand in a text mean; None if there are none."""
    if not leaks:
        return None
    return (
        f"{len(leaks)} probes stand word by word in a text, the first of them "
        f"{leaks[0]['probe']} in {leaks[0]['text']}: they measure memory"
    )


def agreement_sentence(calibration: dict[str, Any]) -> str:
    """How well predictions of this kind agreed with what was measured on other texts."""
    found = Estimate(**calibration["agreement"])
    return (
        f"On {found.n} texts that were left out one by one, predictions at this price agreed with "
        f"what was measured by {cell(found)} (Spearman over the probes, median over texts); they "
        f"explained {100 * calibration['r2']:.0f} % of the variance."
    )


def control_sentence(onset: dict[str, Any]) -> str | None:
    """What the onset is beyond training on another text; None where that was not looked at."""
    control = onset.get("control")
    if not control:
        return None
    if control["layer"] is None:
        return "no layer was changed by more than training on another text would change it"
    return (
        f"beyond what training on another text does, layer {control['layer']} is the first "
        f"(p = {control['p']:.2g})"
    )


def unseen_sentence(unseen: dict[str, Any]) -> str:
    """What the unseen text says, in one sentence."""
    moved = f"on the unseen text the prediction moved by {unseen['kl']['mean']:.4f} nats on average"
    heads = unseen["heads"]
    if heads is None:
        return moved
    low, high = (max(0, round(100 * share)) for share in heads["null"])
    return (
        f"{moved}; of the {heads['places']} heads that changed most, {100 * heads['value']:.0f} % "
        f"are the same (under random updates {low} to {high} %, p = {heads['p']:.2g})"
    )


def aligned_sentence(aligned: dict[str, Any]) -> str:
    """How much more or less the second model is surprised."""
    before, after, rise = (interval(aligned[key], 4) for key in ("before", "after", "rise"))
    return (
        f"surprise a character: {before} nats before, {after} after, a difference of {rise}, over "
        f"{aligned['stretches']} stretches of text"
    )


def interval(estimate: dict[str, Any], digits: int = 2) -> str:
    """A value with its 95 % interval."""
    numbers = [estimate["value"], *(estimate["ci"] or ())]
    value, *bounds = (f"{number:.{digits}f}" for number in numbers)
    return f"{value} [{', '.join(bounds)}]" if bounds else value


def pairs_of(responses: list[dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Every response to the text with that to its control."""
    found: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for response in responses:
        layers = tuple(response["layers"] or ())
        found.setdefault((response["experiment"], response["dose"], layers), []).append(response)
    return [(own, control) for own, control in found.values()]


def cell(estimate: Estimate, digits: int = 2) -> str:
    """`0.91 [0.80, 0.99]`, for a table."""
    if estimate.value is None:
        return "-"
    interval = ""
    if estimate.ci:
        interval = f" [{estimate.ci[0]:.{digits}f}, {estimate.ci[1]:.{digits}f}]"
    return f"{estimate.value:.{digits}f}{interval}"
