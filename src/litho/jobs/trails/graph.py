"""Runs of `litho trails graph`: from token to output, in one context, before and after."""

from pathlib import Path
from typing import Literal

from litho.core.errors import LithoError
from litho.jobs.models import Models
from litho.jobs.runner import Checked, Context, Job
from litho.jobs.trails.config import GraphSpec
from litho.jobs.trails.result import GraphReading, GraphResult
from litho.measure.trails.graph import Asking, asking, check_graph, graph
from litho.model.adapters import files, saved
from litho.model.loaded import LanguageModel
from litho.model.state import State

_ADAPTER = "tested"
Text = Literal["context", "near-miss"]


def check(spec: GraphSpec, models: Models) -> Checked:
    """Raises LithoError if a context, the adapter or the model is unusable."""
    notices: list[str] = []
    if spec.adapter:
        files.rank(Path(spec.adapter))
        notices = files.notices(Path(spec.adapter))
    model = models.load(spec.model)
    check_graph(model, _asked(spec, model)["context"])
    return Checked(None, {"adapter": spec.adapter}, notices)


def _asked(spec: GraphSpec, model: LanguageModel) -> dict[Text, Asking]:
    asked: dict[Text, Asking] = {"context": asking(model, spec.context, spec.answers)}
    if spec.near_miss is not None:
        asked["near-miss"] = asking(model, spec.near_miss, spec.answers)
        if asked["near-miss"].row == asked["context"].row:
            raise LithoError("the near-miss is the context itself: change a premise in it")
        if asked["near-miss"].tokens != asked["context"].tokens:
            raise LithoError(
                "the answers begin with other tokens behind the near-miss than behind the "
                "context: let both end with the same word"
            )
    return asked


def run_graph(context: Context[GraphSpec]) -> GraphResult:
    """Every context in both states."""
    run, spec, reporter = context.run, context.spec, context.reporter
    model = context.models.load(spec.model)
    states = {"before": State(model)}
    if spec.adapter:
        saved.load(model, _ADAPTER, Path(spec.adapter))
        states["after"] = State(model, (_ADAPTER,))
    asked = _asked(spec, model)
    reporter.stage("following what flows where", len(asked) * len(states))
    graphs: list[GraphReading] = []
    for text, each in asked.items():
        for name, state in states.items():
            found = graph(state, each)
            graphs.append(GraphReading(text=text, state=name, **dict(found)))
            reporter.advance(len(graphs))
    return GraphResult(
        run=str(run.final_path),
        context=spec.context,
        near_miss=spec.near_miss,
        answers=spec.answers,
        adapter=spec.adapter,
        graphs=tuple(graphs),
        notices=tuple(context.manifest["notices"]),
    )


JOB = Job("trails graph", GraphSpec, check, run_graph)
