"""How far predictions reach, and which price a question needs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import TypeAdapter, ValidationError

from litho.core.errors import LithoError
from litho.jobs.predict.calibration import FORMAT, Calibration
from litho.jobs.predict.config import Price

_ENTRIES = TypeAdapter(list[dict[str, Any]])
_CALIBRATIONS = TypeAdapter(list[Calibration])


def read_calibrations(path: Path) -> list[Calibration]:
    """Those of the present format; raises LithoError if the file is none of calibrations."""
    try:
        entries = _ENTRIES.validate_json(path.read_bytes())
        return _CALIBRATIONS.validate_python([e for e in entries if e.get("format") == FORMAT])
    except (OSError, ValidationError) as error:
        raise LithoError(
            f"{path} holds no calibration (make one with 'litho calibrate'): "
            f"{str(error).splitlines()[0]}"
        ) from None


def written_calibrations(calibrations: Sequence[Calibration]) -> bytes:
    """What `read_calibrations` reads, a line each."""
    lines = [calibration.model_dump_json() for calibration in calibrations]
    return ("[\n" + ",\n".join(lines) + "\n]\n").encode()


def shipped_calibrations() -> list[Calibration]:
    """Those for the bundled model and any questions that come with Litho."""
    return read_calibrations(Path(__file__).with_name("shipped.json"))


def needed_price(known: Sequence[Calibration], steps: int) -> Price | None:
    """The lower price whose predictions hold for so many steps; None: none is known to.

    What holds for more steps holds for fewer: errors grow along a training.
    """
    for price in get_args(Price):
        if any(c.price == price and c.holds and c.steps >= steps for c in known):
            return price
    return None


def advice(
    price: Price, chosen: Calibration | None, needed: Price | None, run_it_seconds: float
) -> list[str]:
    """What to do where predictions at a price cannot be relied on; nothing where they can."""
    if chosen and chosen.holds:
        return []
    if chosen:
        agreed = chosen.agreement.value
        said = (
            "at this recipe and price, predictions agree with what was measured by "
            f"{'an unknown amount' if agreed is None else f'{agreed:.2f} only'}"
        )
    else:
        said = (
            f"no calibration for this model, recipe and price ({price}): estimates without "
            "intervals, and none is trusted; 'litho calibrate' makes one"
        )
    if needed and needed != price:
        return [f"{said}. Take --price {needed}, which reaches this recipe"]
    if chosen:
        minutes = run_it_seconds / 60
        return [f"{said}: run it, which takes about {minutes:.0f} minutes ('litho ensemble')"]
    return [said]
