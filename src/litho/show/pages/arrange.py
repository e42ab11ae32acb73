"""The report of `litho evolve` for documents."""

from litho.core.runs import RunDirectory
from litho.jobs.arrange.result import ArrangeResult
from litho.show.figures.arrange import (
    amounts_figure,
    family_figure,
    filter_figure,
    sequence_figure,
)
from litho.show.figures.evolve import lineage
from litho.show.page import origin_of, render
from litho.show.say import say, to_say

ROLES = to_say(
    {
        "evolution": "best of the search",
        "given": "order given",
        "shuffled": "order given, shuffled with each seed",
        "random": "best by chance",
        "amounts": "amounts of the best, shuffled with each seed",
    }
)


def page(run: RunDirectory) -> str:
    """What was found first, then the sequence, the family and the filter."""
    result = ArrangeResult(**run.read_json("metrics.json"))
    given = next(each.sequence for each in result.family if each.id == "given")
    read = {*result.sequence, *given}
    documents = [name for name in result.best.amounts if name in read]
    return render(
        "arrange.html.j2",
        run,
        f"Litho evolve: {origin_of(run).settings['text_name']}",
        {
            "figure-sequence": sequence_figure(result.sequence, given, documents),
            "figure-amounts": amounts_figure(result.sequence, given, documents),
            "figure-family": family_figure(result.family),
            "figure-filter": filter_figure(result.family),
        },
        result=result,
        entrants=[*result.finalists, *result.baselines.values()],
        roles={role: say(name) for role, name in ROLES.items()},
        lineage=lineage(result.best.id, result.family),
    )
