"""The report of `litho evolve`."""

from litho.core.runs import RunDirectory
from litho.jobs.evolve.result import OBJECTIVES, EvolveResult
from litho.show.figures.evolve import family_figure, lineage
from litho.show.page import origin_of, render


def page(run: RunDirectory) -> str:
    """What was found first, then the family."""
    result = EvolveResult(**run.read_json("metrics.json"))
    return render(
        "evolve.html.j2",
        run,
        f"Litho evolve: {origin_of(run).settings['text_name']}",
        {"figure-family": family_figure(result.family)},
        result=result,
        objectives=OBJECTIVES,
        entrants=[*result.finalists, *result.baselines.values()],
        lineage=lineage(result.best.id, result.family),
    )
