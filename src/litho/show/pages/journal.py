"""The report of `litho journal`."""

from itertools import pairwise

from litho.core.runs import RunDirectory
from litho.jobs.journal.result import JournalResult
from litho.show.figures.journal import spans_figure
from litho.show.page import origin_of, render
from litho.show.say import to_say

TITLES = to_say(
    {
        "loss_jump": "The largest jumps of the loss from one stage to the next",
        "forgetting": "What was forgotten",
        "contradiction": "What a later survey contradicts",
    }
)


def page(run: RunDirectory) -> str:
    """The hardest spans of each kind, and sections by border."""
    result = JournalResult(**run.read_json("metrics.json"))
    kinds = [result.by, *(by for by in result.hardest if by != result.by)]
    return render(
        "journal.html.j2",
        run,
        f"Litho journal: {origin_of(run).settings['text_name']}",
        {"figure-spans": spans_figure(result.hardest[result.by], result.stages)},
        result=result,
        kinds=kinds,
        titles=TITLES,
        borders=list(pairwise(result.stages)),
    )
