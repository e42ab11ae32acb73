"""The report of `litho vary`."""

from litho.core.runs import RunDirectory
from litho.jobs.vary.result import VaryResult
from litho.show.figures.ladder import ladder_figure
from litho.show.figures.layers import depth_figure
from litho.show.page import origin_of, render
from litho.text.variants import PresentationPlan


def page(run: RunDirectory) -> str:
    """Where the text pulls, the ladder up to it, the versions that were made and refused."""
    plan = PresentationPlan(**run.read_json("plan.json"))
    result = VaryResult(**run.read_json("metrics.json"))
    data = {"figure-depth": depth_figure(result.depth.pull, result.depth.layers)}
    if result.ladder:
        data["figure-ladder"] = ladder_figure(result.ladder)
    return render(
        "vary.html.j2",
        run,
        f"Litho vary: {origin_of(run).settings['text_name']}",
        data,
        result=result,
        plan=plan,
        shown=[(variant, None) for variant in plan.variants],
        refused=[(refusal.variant, refusal.reason) for refusal in plan.refused],
        parent_tokens=run.read_json("tokens.json"),
    )
