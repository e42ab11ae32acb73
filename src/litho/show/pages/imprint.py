"""The report of `litho imprint`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from safetensors.numpy import load_file

from litho.core.runs import RunDirectory
from litho.core.stats import Estimate
from litho.jobs.imprint.history import Step, steps_of
from litho.jobs.imprint.result import IMPRINT, MIN_GAIN, ArmMetrics, ImprintResult
from litho.show.figures.base import Figure
from litho.show.figures.layers import depth_figure, token_map
from litho.show.figures.training import (
    anchor_figure,
    checks_of,
    climb_figure,
    curve_figure,
    rhythm_figure,
)
from litho.show.page import render
from litho.show.say import counted, say, to_say
from litho.show.tokens import BOTH, tokens_of
from litho.show.wording import drift_sentences, same_imprint_sentence
from litho.text.pages import Page, pages_in
from litho.text.variants import PresentationPlan, Variant

MEANINGS = to_say(
    {
        "printed": "The model answers questions about the text that it was never trained on, "
        "and stayed within its drift budget elsewhere.",
        "memorised": "The model can continue the text, but falls short on other words or hard "
        "questions.",
        "not printed": "The text is not in the model, or got in at too high a cost to the rest.",
        "unproven": "There is not enough evidence for a verdict.",
    }
)


def page(run: RunDirectory) -> str:
    """The verdict and everything behind it: numbers, curves, the text, probes, presentations."""
    result = ImprintResult(**run.read_json("metrics.json"))
    tokens = run.read_rows("tokens.parquet")
    steps = steps_of(run, IMPRINT)
    depth = run.read_json("depth.json") if (run.path / "depth.json").exists() else None
    data: dict[str, Any] = {"tokens": tokens_of(tokens, BOTH)}
    data |= _curves(run, result, steps)
    data["figure-map"] = token_map(
        load_file(run.path / "maps.safetensors")["change_LT"], say("relative change")
    )
    if depth:
        data["figure-depth"] = depth_figure(depth["pull"], depth["trained"])
    pages = pages_in(run.read_json("inputs.json"))
    printed = range(len(result.earlier), len(pages))
    name = pages[-1].name if len(printed) == 1 else counted(len(printed), "page")
    return render(
        "imprint.html.j2",
        run,
        f"Litho: {name}",
        data,
        name=name,
        result=result,
        min_gain=MIN_GAIN,
        meaning=MEANINGS[result.verdict],
        headline=_headline(result),
        same_imprint=[
            same_imprint_sentence(control.drift_at_same_imprint, result.drift.retention)
            for control in result.controls.values()
            if control.drift_at_same_imprint
        ],
        elsewhere=drift_sentences(result.drift),
        kinds=_by_drift(result.drift.by_kind),
        how_probes=run.read_json("baseline.json")["how_probes"],
        probes=run.read_rows("probes.parquet"),
        rungs=_rungs(steps),
        depth=depth,
        neighbours=run.read_rows("neighbours.parquet"),
        plans=_plans(run, pages, printed, tokens),
    )


@dataclass(frozen=True)
class _Plan:
    """The versions of a page, each with the reason if it was refused."""

    page: str
    shown: list[tuple[Variant, str | None]]
    refused: list[tuple[Variant, str | None]]
    tokens: list[str]  # of the page itself


def _plans(
    run: RunDirectory,
    pages: Sequence[Page],
    printed: Sequence[int],
    tokens: Sequence[dict[str, Any]],
) -> list[_Plan]:
    plans = []
    for number in printed:
        file = "plan.json" if len(printed) == 1 else f"plan-{number + 1}.json"
        plan = PresentationPlan(**run.read_json(file))
        plans.append(
            _Plan(
                pages[number].name,
                [(variant, None) for variant in plan.variants],
                [(refusal.variant, refusal.reason) for refusal in plan.refused],
                [row["text"] for row in tokens if row.get("page", 0) == number],
            )
        )
    return plans


def _by_drift(kinds: Mapping[str, Estimate]) -> list[tuple[str, Estimate]]:
    """Kinds of writing, those that drifted most first."""
    return sorted(kinds.items(), key=lambda kind: -(kind[1].value or 0.0))


def _curves(run: RunDirectory, result: ImprintResult, steps: Sequence[Step]) -> dict[str, Figure]:
    """The figures along the presentations."""
    arms = {arm: checks_of(steps_of(run, arm)) for arm in (IMPRINT, *result.controls)}
    figures = {
        "figure-imprint": curve_figure(
            arms, say("imprint on rewordings"), lambda c: c.imprint["gen"]
        ),
        "figure-drift": curve_figure(
            arms,
            say("drift, nats per token"),
            lambda c: c.drift_retention,
            logarithmic=True,
            limit=result.budget,
        ),
        "figure-anchor": anchor_figure(arms[IMPRINT]),
    }
    if shown := [step.shown for step in steps if step.shown]:
        figures["figure-rhythm"] = rhythm_figure(shown)
    if rungs := _rungs(steps):
        figures["figure-climb"] = climb_figure(rungs)
    return figures


def _rungs(steps: Sequence[Step]) -> list[Step]:
    """Presentations of the ladder."""
    return [step for step in steps if step.rung is not None]


def _headline(result: ImprintResult) -> list[tuple[str, int, list[Estimate]]]:
    """(label, digits, values of the run and of each control) for the table at the top."""
    arms: list[ArmMetrics] = [result, *result.controls.values()]
    first = [arm.spill_first for arm in arms if arm.spill_first]
    rows = to_say(
        [
            ("imprint: its own words", 2, [arm.imprint["mem"] for arm in arms]),
            ("imprint: rewordings", 2, [arm.imprint["gen"] for arm in arms]),
            ("imprint: hard", 2, [arm.imprint["hard"] for arm in arms]),
            ("drift on unrelated text, nats per token", 4, [arm.drift.retention for arm in arms]),
            ("spill into unrelated openings, nats per token", 2, [arm.spill for arm in arms]),
            ("spill of the words' first tokens, nats", 2, first),
            ("neighbour facts unchanged", 2, [arm.locality for arm in arms]),
            ("imprint: chat questions", 2, [arm.chat.imprint for arm in arms if arm.chat]),
            ("chat questions right", 2, [arm.chat.accuracy["after"] for arm in arms if arm.chat]),
        ]
    )
    return [(say(label), digits, values) for label, digits, values in rows if values]
