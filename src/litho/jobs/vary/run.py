"""Runs of `litho vary`: variants of a text, the ladder up to it, the layers it pulls at."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from litho.core.reporter import Reporter
from litho.core.runs import RunDirectory, whole_or_nothing
from litho.jobs.reading import open_readable, reading_manifest
from litho.jobs.vary.config import VaryConfig
from litho.jobs.vary.cost import vary_cost
from litho.jobs.vary.result import (
    RefusedVariant,
    SceneCliff,
    SceneRung,
    VariantResult,
    VaryResult,
)
from litho.learn.depth import layers_pulled
from litho.learn.records import Depth
from litho.measure.readability import foreign_notice
from litho.measure.scenes import split_scenes
from litho.measure.scorer import ModelScorer
from litho.measure.volatility import Budget
from litho.model.loaded import LanguageModel
from litho.present.ladder import plan_ladder
from litho.present.variants import marked_rows, plan_presentations
from litho.text import markup
from litho.text.operators.choice import chosen_operators
from litho.text.variants import Ladder, PresentationPlan, Variant


def vary_text(
    source: str, name: str, model_name: str, config: VaryConfig, out: Path, reporter: Reporter
) -> RunDirectory:
    """Variants, ladder and depth of a text with or without marks, measured in float32."""
    document = markup.parse(source)
    text = markup.plain(document)
    model = open_readable(model_name, text)
    scenes = split_scenes(model, text)
    operators = list(chosen_operators(config.operators))
    marked = marked_rows(document, scenes)
    with whole_or_nothing(RunDirectory.create(out)) as run:
        lengths = [len(model.tokens(scene)) for scene in scenes]
        cost = vary_cost(model, lengths, config.count, "restatement" in operators, config.ladder)
        reporter.stage(f"making variants ({cost.described()})", config.count)
        plan = plan_presentations(
            model,
            scenes,
            ModelScorer(model),
            config.count,
            config.max_mean_kl,
            config.max_surprise,
            config.seed,
            reporter.advance,
            marked,
            operators,
        )
        ladders = _ladders(model, scenes, config, reporter) if config.ladder else []
        reporter.stage("seeing which layers the text pulls at")
        depth = layers_pulled(model, [model.encode(scene) for scene in scenes], config.seed)
        notices = foreign_notice(model, text, config.seed)
        manifest = reading_manifest("vary", model, name) | config.model_dump()
        run.write_yaml("manifest.yaml", manifest)
        run.write_json("plan.json", plan.model_dump())
        run.write_json("ladders.json", [ladder.model_dump() for ladder in ladders])
        run.write_json("tokens.json", [p for scene in scenes for p in model.pieces(scene)])
        result = _summary(str(run.final_path), plan, ladders, depth, notices)
        run.write_json("metrics.json", result.model_dump())
    return run


def _ladders(
    model: LanguageModel, scenes: list[str], config: VaryConfig, reporter: Reporter
) -> list[Ladder]:
    budget = Budget(config.max_mean_kl, config.step_surprise, config.step_tokens)
    found = []
    for number, scene in enumerate(scenes, 1):
        part = f", scene {number} of {len(scenes)}" if len(scenes) > 1 else ""
        begin = partial(reporter.stage, f"climbing to the text{part}")
        ladder = plan_ladder(model, scene, budget, begin, reporter.advance)
        found.append(ladder)
    return found


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
