"""How far predictions reach, and which method a question needs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from litho.core.errors import LithoError
from litho.core.files import refuse_device
from litho.jobs.predict.calibration import FORMAT, Calibration
from litho.jobs.predict.method import FORMER, METHODS, Method

_ENTRIES = TypeAdapter(list[dict[str, Any]])
_CALIBRATIONS = TypeAdapter(list[Calibration])


def read_calibrations(path: Path) -> list[Calibration]:
    """Those of the present format; raises LithoError if the file is none of calibrations."""
    try:
        refuse_device(path)
        entries = _ENTRIES.validate_json(path.read_bytes())
        return _CALIBRATIONS.validate_python(
            [_renamed(entry) for entry in entries if entry.get("format") == FORMAT]
        )
    except (OSError, ValidationError) as error:
        raise LithoError(
            f"{path} holds no calibration (make one with 'litho calibrate'): "
            f"{str(error).splitlines()[0]}"
        ) from None


def _renamed(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry that Litho 0.1 wrote, with the method under its name of today."""
    former = entry.pop("price", None)
    return entry | {"method": FORMER[former]} if former in FORMER else entry


def written_calibrations(calibrations: Sequence[Calibration]) -> bytes:
    """What `read_calibrations` reads, a line each."""
    lines = [calibration.model_dump_json() for calibration in calibrations]
    return ("[\n" + ",\n".join(lines) + "\n]\n").encode()


def shipped_calibrations() -> list[Calibration]:
    """Those for the bundled model and any questions that come with Litho."""
    return read_calibrations(Path(__file__).with_name("shipped.json"))


def needed_method(known: Sequence[Calibration], steps: int) -> Method | None:
    """The lower method whose predictions hold for so many steps; None: none is known to.

    What holds for more steps holds for fewer: errors grow along a training.
    """
    for method in METHODS:
        if any(c.method == method and c.holds and c.steps >= steps for c in known):
            return method
    return None


def advice(
    method: Method, chosen: Calibration | None, needed: Method | None, run_it_seconds: float
) -> list[str]:
    """What to do where predictions at a method cannot be relied on; nothing where they can."""
    if chosen and chosen.holds:
        return []
    if chosen:
        agreed = chosen.agreement.value
        said = (
            "at this recipe and method, predictions agree with what was measured by "
            f"{'an unknown amount' if agreed is None else f'{agreed:.2f} only'}"
        )
    else:
        said = (
            f"no calibration for this model, recipe and method ({method}): estimates without "
            "intervals, and none is trusted; 'litho calibrate' makes one"
        )
    if needed and needed != method:
        return [f"{said}. Take --method {needed}, which reaches this recipe"]
    if chosen:
        minutes = run_it_seconds / 60
        return [f"{said}: run it, which takes about {minutes:.0f} minutes ('litho ensemble')"]
    return [said]
