"""What numbers say, in sentences, for the terminal and the report alike."""

from typing import Any


def onset_sentence(onset: dict[str, Any]) -> str:
    """What the onset says, in one sentence."""
    if onset["layer"] is None:
        return "no layer was changed by more than a random update of the same size would change it"
    return (
        f"layer {onset['layer']} is the first whose block acts differently by more than a random "
        f"update of the same size explains (p = {onset['p']:.2g}, corrected for the number of "
        "layers)"
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
