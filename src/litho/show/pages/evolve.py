"""The report of `litho evolve`."""

from litho.core.runs import RunDirectory
from litho.jobs.evolve.result import OBJECTIVES, Bred, EvolveResult
from litho.show.figures.evolve import family_figure
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
        lineage=lineage(result),
    )


def lineage(result: EvolveResult) -> list[Bred]:
    """The best genome and its first parents, the oldest first; nothing if it was not bred."""
    by_name = {each.id: each for each in result.family}
    found: list[Bred] = []
    name: str | None = result.best.id
    while name in by_name:
        found.append(by_name[name])
        name = found[-1].parents[0] if found[-1].parents else None
    return found[::-1]
