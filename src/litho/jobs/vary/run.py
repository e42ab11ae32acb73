"""Runs of `litho vary`: variants of a text, the ladder up to it, the layers it pulls at."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from litho.core.reporter import Reporter
from litho.core.runs import RunDirectory
from litho.jobs.models import Models
from litho.jobs.runner import Checked, Context, Job
from litho.jobs.vary.config import VaryConfig, VarySpec
from litho.jobs.vary.cost import vary_cost
from litho.jobs.vary.result import RefusedVariant, SceneCliff, SceneRung, VariantResult, VaryResult
from litho.learn.depth import layers_pulled
from litho.learn.records import Depth
from litho.measure.readability import check_readable, foreign_notice, reading_notices
from litho.measure.scenes import check_text, split_scenes
from litho.measure.scorer import ModelScorer
from litho.measure.volatility import Budget
from litho.model.loaded import LanguageModel
from litho.present.ladder import plan_ladder
from litho.present.variants import marked_rows, plan_presentations
from litho.text import markup
from litho.text.operators.choice import chosen_operators
from litho.text.variants import Ladder, PresentationPlan, Variant


def check(spec: VarySpec, models: Models) -> Checked:
    """Raises LithoError if the text or its marks cannot be used with the model."""
    config = spec.config
    operators = chosen_operators(config.operators)
    document = markup.parse(spec.source)
    text = markup.plain(document)
    model = models.load(spec.model)
    check_text(model, text)
    check_readable(model, text)
    scenes = split_scenes(model, text)
    marked_rows(document, scenes)
    lengths = [len(model.tokens(scene)) for scene in scenes]
    cost = vary_cost(model, lengths, config.count, "restatement" in operators, config.ladder)
    return Checked(cost, {"text_name": spec.text_name})


def run_vary(context: Context[VarySpec]) -> VaryResult:
    """Variants, ladder and depth of a text with or without marks, measured in float32."""
    run, config, reporter = context.run, context.spec.config, context.reporter
    document = markup.parse(context.spec.source)
    text = markup.plain(document)
    model = context.models.load(context.spec.model)
    scenes = split_scenes(model, text)
    run.write_json("tokens.json", [p for scene in scenes for p in model.pieces(scene)])

    def plan() -> dict[str, Any]:
        reporter.stage("making variants", config.count)
        return plan_presentations(
            model,
            scenes,
            ModelScorer(model),
            config.count,
            config.max_mean_kl,
            config.max_surprise,
            config.seed,
            reporter.advance,
            marked_rows(document, scenes),
            list(chosen_operators(config.operators)),
        ).model_dump()

    def depth() -> dict[str, Any]:
        reporter.stage("seeing which layers the text pulls at")
        rows = [model.encode(scene) for scene in scenes]
        return layers_pulled(model, rows, config.seed).model_dump()

    planned = PresentationPlan(**run.once("plan.json", plan))
    ladders = _ladders(run, model, scenes, config, reporter) if config.ladder else []
    pulled = Depth(**run.once("depth.json", depth))
    notices = [
        *markup.brackets_notice(context.spec.source),
        *reading_notices(model, text, scenes),
        *foreign_notice(model, text, config.seed),
    ]
    return _summary(str(run.final_path), planned, ladders, pulled, notices)


def _ladders(
    run: RunDirectory,
    model: LanguageModel,
    scenes: list[str],
    config: VaryConfig,
    reporter: Reporter,
) -> list[Ladder]:
    """A ladder a scene, each a stage of the run."""
    budget = Budget(config.max_mean_kl, config.step_surprise, config.step_tokens)

    def climb(number: int, scene: str) -> dict[str, Any]:
        part = f", scene {number} of {len(scenes)}" if len(scenes) > 1 else ""
        begin = partial(reporter.stage, f"climbing to the text{part}")
        return plan_ladder(model, scene, budget, begin, reporter.advance).model_dump()

    return [
        Ladder(**run.once(f"ladder-{number}.json", partial(climb, number, scene)))
        for number, scene in enumerate(scenes, 1)
    ]


def _summary(
    run: str,
    plan: PresentationPlan,
    ladders: list[Ladder],
    depth: Depth,
    notices: Sequence[str],
) -> VaryResult:
    return VaryResult(
        run=run,
        variants=tuple(map(_variant, plan.variants)),
        refused=tuple(
            RefusedVariant(text=r.variant.text, operator=r.variant.operator, reason=r.reason)
            for r in plan.refused
        ),
        ladder=tuple(
            SceneRung(scene=scene, **rung.model_dump())
            for scene, ladder in enumerate(ladders)
            for rung in ladder.rungs
        ),
        cliffs=tuple(
            SceneCliff(scene=scene, **cliff.model_dump())
            for scene, ladder in enumerate(ladders)
            for cliff in ladder.cliffs
        ),
        depth=depth,
        notices=tuple(notices),
    )


def _variant(variant: Variant) -> VariantResult:
    assert variant.volatility is not None
    return VariantResult(
        text=variant.text,
        operator=variant.operator,
        diff=tuple((edit.start, edit.end, edit.new) for edit in variant.diff),
        volatility=variant.volatility,
    )


JOB = Job("vary", VarySpec, check, run_vary)
