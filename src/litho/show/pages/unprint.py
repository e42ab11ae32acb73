"""The report of `litho unprint`."""

from litho.core.runs import RunDirectory
from litho.jobs.imprint.result import UnprintResult
from litho.show.page import render


def page(run: RunDirectory) -> str:
    """What is left of the page that was taken out, and of the others."""
    result = UnprintResult(**run.read_json("metrics.json"))
    return render("unprint.html.j2", run, f"Litho unprint: {result.page.page}", {}, result=result)
