"""The report of `litho rewrite`."""

from litho.core.runs import RunDirectory
from litho.jobs.rewrite.result import RewriteResult
from litho.show.figures.rewrite import bridged_figure, remembered_figure
from litho.show.page import origin_of, render


def page(run: RunDirectory) -> str:
    """What each arm gained, then its rounds."""
    result = RewriteResult(**run.read_json("metrics.json"))
    kinds = list(dict.fromkeys(kind for arm in result.arms.values() for kind in arm.gained))
    return render(
        "rewrite.html.j2",
        run,
        f"Litho rewrite: {origin_of(run).settings['text_name']}",
        {
            "figure-remembered": remembered_figure(result),
            "figure-bridged": bridged_figure(result),
        },
        result=result,
        kinds=kinds,
        asked={kind: result.before[kind.removesuffix(" spoken")].n for kind in kinds},
    )
