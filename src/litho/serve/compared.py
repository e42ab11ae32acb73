"""Two finished runs beside each other: what they started from, their numbers, their curves."""

from dataclasses import dataclass
from pathlib import Path
from reprlib import Repr
from typing import Any

from litho.core.errors import LithoError
from litho.core.runs import LEDGER, RunDirectory
from litho.serve.run_files import manifest_of, metrics_of

Cell = tuple[float | None, tuple[float, float] | None]  # a number with its interval
MOST_SETTINGS = 2000
_BRIEF = Repr()
_BRIEF.maxlist, _BRIEF.maxdict, _BRIEF.maxlevel = 20, 10, 3
_BRIEF.maxstring = _BRIEF.maxother = 200
ABOUT_THE_RUN = ("run", "adapter", "adapter_sha256", "seconds")


@dataclass(frozen=True)
class Comparison:
    """What is different, and all numbers that both runs or one of them has."""

    settings: list[tuple[str, str, str]]  # those that differ
    numbers: list[tuple[str, Cell | None, Cell | None]]
    curves: dict[str, list[list[tuple[float, float]]]]  # by quantity, for each run: points


def comparison(run: Path, other: Path) -> Comparison:
    """Raises LithoError if one of the runs cannot be read."""
    first, second = (_flat(_settings(path)) for path in (run, other))
    names = list(dict.fromkeys([*first, *second]))
    differing = [
        (name, first.get(name, "–"), second.get(name, "–"))
        for name in names
        if first.get(name) != second.get(name)
    ]
    mine, yours = (_numbers(metrics_of(path)) for path in (run, other))
    numbers = [(name, mine.get(name), yours.get(name)) for name in dict.fromkeys([*mine, *yours])]
    curves = [_curves(path) for path in (run, other)]
    both = {name: [each.get(name, []) for each in curves] for name in ("imprint", "drift")}
    return Comparison(differing, numbers, {k: v for k, v in both.items() if any(v)})


def _settings(path: Path) -> dict[str, Any]:
    manifest = manifest_of(path)
    left_out = ("expected", "notices", "threads", "machine")
    return {key: value for key, value in manifest.items() if key not in left_out}


def _flat(value: Any) -> dict[str, str]:  # noqa: ANN401  YAML
    """Settings by their path; what is very large, as YAML can make it of little, is cut short."""
    found: dict[str, str] = {}
    waiting = [("", value)]
    for _ in range(MOST_SETTINGS):
        if not waiting:
            break
        name, value = waiting.pop()
        if isinstance(value, dict) and value:
            parts = [(f"{name}.{key}" if name else str(key), item) for key, item in value.items()]
            waiting += reversed(parts)
        else:
            found[name] = value if isinstance(value, str) else _BRIEF.repr(value)
    return found


def _numbers(value: Any, name: str = "") -> dict[str, Cell]:  # noqa: ANN401  JSON
    """Numbers by their path; those with an interval in one piece."""
    if isinstance(value, dict):
        if "value" in value and "ci" in value:
            ci = value["ci"]
            return {name: (value["value"], (ci[0], ci[1]) if ci else None)}
        found: dict[str, Cell] = {}
        for key, item in value.items():
            if name or key not in ABOUT_THE_RUN:
                found |= _numbers(item, f"{name}.{key}" if name else str(key))
        return found
    if isinstance(value, list):
        return {}  # a row a layer, a token, an answer: in the report
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {name: (float(value), None)}
    return {}


def _curves(path: Path) -> dict[str, list[tuple[float, float]]]:
    """Imprint on rewordings and drift along the presentations; nothing of other commands."""
    from litho.jobs.imprint.history import steps_of
    from litho.jobs.imprint.result import IMPRINT

    if not (path / LEDGER).is_file() or manifest_of(path).get("command") != "imprint":
        return {}
    try:
        checks = [step.check for step in steps_of(RunDirectory.opened(path), IMPRINT) if step.check]
    except (LithoError, ValueError):
        return {}
    return {
        "imprint": [
            (float(check.presentations), value)
            for check in checks
            if (value := check.imprint.get("gen")) is not None
        ],
        "drift": [(float(check.presentations), check.drift_retention) for check in checks],
    }
