"""The report of `litho rewrite` on printed pages."""

from litho.core.runs import RunDirectory
from litho.jobs.reprint.result import ReprintResult
from litho.show.figures.reprint import imprint_figure
from litho.show.page import origin_of, render
from litho.show.say import to_say

NAMES = to_say(
    {
        "mem": "its own words",
        "gen": "rewordings",
        "hard": "hard questions",
        "chat": "chat",
        "anchor": "anchors",
        "drift": "drift",
    }
)

DRAWN = ("gen", "hard")


def page(run: RunDirectory) -> str:
    """What each arm knew after each of its rounds, and how its versions were made."""
    result = ReprintResult(**run.read_json("metrics.json"))
    drawn = [kind for kind in DRAWN if result.before[kind].value is not None]
    return render(
        "reprint.html.j2",
        run,
        f"Litho rewrite: {origin_of(run).settings['text_name']}",
        {f"figure-{kind}": imprint_figure(result, kind) for kind in drawn},
        result=result,
        names=NAMES,
        drawn=drawn,
    )
