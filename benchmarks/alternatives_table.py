"""The tables of `alternatives.py`."""

from collections.abc import Mapping, Sequence
from statistics import fmean

from alternatives_page import Row
from imprint_texts import over_texts

from litho.core.stats import Estimate
from litho.show.wording import cell
from litho.text.items import IMPRINT_KINDS

COLUMNS = (
    "alternative",
    "stopped at",
    "steps",
    "CPU seconds",
    "tokens a question",
    *(f"I {kind}" for kind in IMPRINT_KINDS),
    "chat right",
    "D_ret",
    "durability",
)
UNTOUCHED = "n/a: weights untouched"


def print_tables(pages: Mapping[str, Sequence[Row]]) -> None:
    """One table a page, with intervals over probes; then means, with intervals over pages."""
    for name, rows in pages.items():
        _print_table(name, [[row] for row in rows])
    if len(pages) > 1:
        groups: dict[tuple[str, str], list[Row]] = {}
        for rows in pages.values():
            for row in rows:
                groups.setdefault((row.alternative, row.stop), []).append(row)
        _print_table("all pages", list(groups.values()))


def _print_table(title: str, groups: Sequence[Sequence[Row]]) -> None:
    print(f"\n{title}\n\n| " + " | ".join(COLUMNS) + " |\n" + "| --- " * len(COLUMNS) + "|")
    for group in groups:
        print("| " + " | ".join(_cells(group)) + " |")


def _cells(group: Sequence[Row]) -> list[str]:
    """A line for rows of one alternative, one a page."""
    first = group[0]
    drift, lasting = [row.drift for row in group], [row.durability for row in group]
    touched = any(drift)
    return [
        first.alternative,
        first.stop or "-",
        _mean([row.steps for row in group]),
        _mean([row.seconds for row in group])
        if first.wall is None
        else f"{_mean([row.wall for row in group])} of a clock",
        _mean([row.tokens for row in group]) + (f", {first.cached} cached" * bool(first.cached)),
        *(cell(_over([row.imprint[kind] for row in group])) for kind in IMPRINT_KINDS),
        cell(_over([row.chat for row in group])),
        cell(_over(drift), 4) if touched else UNTOUCHED,
        _lasting(lasting) if touched else UNTOUCHED,
    ]


def _over(estimates: Sequence[Estimate | None]) -> Estimate | None:
    """Of one page with its own interval, of several their mean."""
    if len(estimates) == 1:
        return estimates[0]
    return over_texts([each.value for each in estimates if each])


def _lasting(values: Sequence[float | None]) -> str:
    if len(values) == 1:
        return "-" if values[0] is None else f"{values[0]:.2f}"
    return cell(over_texts(list(values)))


def _mean(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{fmean(known):.0f}" if known else "-"
