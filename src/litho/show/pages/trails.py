"""The reports of `litho trails print` and `litho trails test`."""

from typing import Any

from litho.core.runs import RunDirectory
from litho.jobs.imprint.history import steps_of
from litho.jobs.trails.result import (
    ADAPTER,
    LOST,
    SELECTIVE,
    CaptureResult,
    FormResult,
    Neighbour,
    PrintResult,
    TrailMap,
)
from litho.show.figures.trails import (
    CELL_NAMES,
    attention_curve,
    cell_curves,
    depth_figure,
    drift_curve,
    kappa_figure,
    map_figure,
)
from litho.show.page import origin_of, render
from litho.show.say import say, to_say
from litho.show.wording import cell

MEANINGS = to_say(
    {
        "trail": "New words and a new wording are carried along, near-misses are not, other trails "
        "are as they were, and the model stayed within its drift budget.",
        "wording": "New words and a new wording are carried along, but not all that a trail needs "
        "was shown.",
        "form": "New words are put through the trained wordings, but not through a new one.",
        "memorised": "Only the trained words are put through it.",
        "rut": "It is followed where it should not be: near-misses pull along, or another trail "
        "broke.",
        "nothing": "New words are not put through it beyond chance.",
    }
)
CHANNELS = to_say({"qk": "queries and keys", "qkvo": "all of attention", "mlp": "the MLPs"})
SHOWN = ("M", "F", "W", "G")  # cells of the table of forms
EXAMPLES = 3
FEW = 5  # neighbours that are listed whether they are broken or not


def print_page(run: RunDirectory) -> str:
    """The verdict, every trail, and what was measured along the way."""
    result = PrintResult(**run.read_json("metrics.json"))
    checks = [step.check for step in steps_of(run, ADAPTER) if step.check]
    data = {"figure-cells": cell_curves(checks), "figure-drift": drift_curve(checks, result.budget)}
    if any(check.attention is not None for check in checks):
        data["figure-attention"] = attention_curve(checks)
    return _page(run, result, data)


def capture_page(run: RunDirectory) -> str:
    """The same of the test alone."""
    return _page(run, CaptureResult(**run.read_json("metrics.json")), {})


def _page(run: RunDirectory, result: PrintResult | CaptureResult, data: dict[str, Any]) -> str:
    data["figure-kappa"] = kappa_figure(result.forms)
    if result.map:
        data["figure-likeness"] = map_figure(result.map)
    if result.depth:
        data["figure-depth"] = depth_figure(result.depth)
    name = origin_of(run).settings["text_name"]
    return render(
        "trails.html.j2",
        run,
        f"Litho trails: {name}",
        data,
        result=result,
        printed=isinstance(result, PrintResult),
        closest=_closest(result.map) if result.map else [],
        watched="figure-attention" in data,
        meaning=MEANINGS[result.verdict],
        meanings=MEANINGS,
        cell_names=CELL_NAMES,
        shown=SHOWN,
        forms=result.forms,
        worst=_worst(result),
        examples=_examples(run, result.forms),
        cell=cell,
        selective=SELECTIVE,
        lost=LOST,
        channels=say(CHANNELS.get(getattr(result, "channels", ""), "all layers")),
    )


def _worst(result: PrintResult | CaptureResult) -> list[Neighbour]:
    """The neighbours that lost most, and all that are broken."""
    ordered = sorted(result.neighbours, key=lambda each: each.change.value or 0.0)
    return [each for number, each in enumerate(ordered) if each.broken or number < FEW]


def _examples(run: RunDirectory, forms: tuple[FormResult, ...]) -> list[dict[str, Any]]:
    """A few pairs of new words of each form, those first in which most went wrong."""
    rows = [row for row in run.read_rows("pairs.parquet") if row["cell"] in ("F", "G")]
    found = []
    for form in forms:
        own = sorted((row for row in rows if row["form"] == form.form), key=lambda row: row["d"])
        found += own[:EXAMPLES]
    return found


def _closest(found: TrailMap) -> list[dict[str, Any]]:
    """The pairs of forms that are most alike, with how alike halves of each of them are."""
    likeness = found.likeness
    pairs = [(i, j) for i in range(len(found.forms)) for j in range(i)]
    pairs.sort(key=lambda pair: likeness[pair[0]][pair[1]], reverse=True)
    return [
        {
            "forms": (found.forms[j], found.forms[i]),
            "likeness": likeness[i][j],
            "halves": (likeness[j][j], likeness[i][i]),
        }
        for i, j in pairs[:FEW]
    ]
