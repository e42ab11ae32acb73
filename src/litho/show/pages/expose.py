"""The report of `litho expose`."""

from typing import Any

from litho.core.runs import RunDirectory
from litho.jobs.expose.result import ExposeResult, Response
from litho.show.figures.doses import dose_figure, dose_layers
from litho.show.page import origin_of, render
from litho.show.say import say, to_say
from litho.show.wording import cell

DOSES = to_say({"context": "presentations in the context", "training": "training steps"})


def page(run: RunDirectory) -> str:
    """Each way of presenting beside its control."""
    result = ExposeResult(**run.read_json("metrics.json"))
    by_name: dict[str, list[Response]] = {}
    for response in result.responses:
        by_name.setdefault(response.experiment, []).append(response)
    alone, injection = result.alone.value, by_name["injection"]
    data: dict[str, Any] = {}
    for name, title in DOSES.items():
        if responses := by_name.get(name):
            data[f"figure-{name}"] = dose_figure(responses, "surprise", say(title), alone)
            data[f"figure-{name}-layers"] = dose_layers(responses, say(title))
    data["figure-injection"] = dose_figure(injection, "surprise", say("strength"), alone)
    data["figure-injection-drift"] = dose_figure(injection, "drift", say("strength"), None)
    return render(
        "expose.html.j2",
        run,
        f"Litho expose: {origin_of(run).settings['text_name']}",
        data,
        result=result,
        injection_layer=injection[0].layers[0] if injection[0].layers else None,
        cell=cell,
    )
