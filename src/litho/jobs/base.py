"""The model into which a run printed, which all that goes on from there needs; no torch."""

from collections.abc import Mapping
from typing import Any

from litho.core.errors import LithoError

CARRYING = ("imprint", "unprint")  # commands whose runs hold pages in an adapter


def same_base(inputs: Mapping[str, Any], manifest: Mapping[str, Any]) -> str:
    """The name of the model that a run printed into. Raises LithoError if it has changed since."""
    from litho.model.sources import locate

    name = str(inputs["model"])
    if locate(name).sha256() != manifest["model"]["sha256"]:
        raise LithoError(
            f"the model {name} is not the one that was printed into: put the old weights back"
        )
    return name
