"""The report of `litho trails graph`."""

from litho.core.runs import RunDirectory
from litho.jobs.trails.result import GraphResult
from litho.show.figures.graph import Scale, graph_picture
from litho.show.graph import preference_sentence, relied_sentence, title, visible
from litho.show.page import render
from litho.show.say import say

SHOWN = 8  # edges of each table


def page(run: RunDirectory) -> str:
    """The pictures, one beneath the other, each with its strongest edges and what it is worth."""
    result = GraphResult(**run.read_json("metrics.json"))
    scale = Scale.of(result.graphs)
    readings = [
        {
            "title": title(reading),
            "preferred": preference_sentence(reading, result.answers),
            "picture": graph_picture(reading, result.answers, scale),
            "relied": relied_sentence(reading),
            "words": [visible(token.text) for token in reading.tokens],
            "edges": reading.edges[:SHOWN],
            "kept": reading.kept,
        }
        for reading in result.graphs
    ]
    name = say("{first} or {second}", first=result.answers[0], second=result.answers[1])
    return render(
        "trails_graph.html.j2",
        run,
        f"Litho trails: {name}",
        {},
        result=result,
        readings=readings,
        drawn=len(result.graphs[0].edges),
    )
