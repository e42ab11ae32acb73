"""What the runs of an ensemble say together: do seeds agree, do models, and which claims hold."""

from collections.abc import Sequence

from litho.jobs.ensemble.config import EnsemblePlan
from litho.jobs.ensemble.fine_tunes import RunEffect
from litho.jobs.ensemble.result import Agreement, EnsembleResult, Leak, MeasuredEffect
from litho.measure.agreement import Effects, rank_agreement, tally
from litho.text.items import NamedText, Question, leaks


def summary(
    run: str,
    plan: EnsemblePlan,
    texts: Sequence[NamedText],
    questions: Sequence[Question],
    effects: Sequence[RunEffect],
) -> EnsembleResult:
    """The result of all runs of a plan, or of those of its sample."""
    return EnsembleResult(
        run=run,
        texts=len(texts),
        probes=len(questions),
        agreement=agreement(plan, effects),
        leaks=leaks_of(texts, questions),
    )


def leaks_of(texts: Sequence[NamedText], questions: Sequence[Question]) -> tuple[Leak, ...]:
    """Where a text holds a question with its answer."""
    return tuple(Leak(text=text, probe=probe) for text, probe in leaks(texts, questions))


def rows(effects: Sequence[RunEffect], questions: Sequence[Question]) -> list[MeasuredEffect]:
    """The matrix, one row for each run, number of steps and question."""
    return [
        MeasuredEffect(
            model=effect.run.model,
            recipe=effect.run.number,
            seed=effect.run.recipe.seed,
            step=effect.step,
            text=effect.run.text.id,
            probe=question.id,
            delta=delta,
        )
        for effect in effects
        for question, delta in zip(questions, effect.deltas, strict=True)
    ]


def agreement(plan: EnsemblePlan, effects: Sequence[RunEffect]) -> tuple[Agreement, ...]:
    """For each recipe and number of steps: agreement of seeds and of models, and the claims."""
    return tuple(
        _agreement_at(plan, number, step, effects)
        for number, recipe in enumerate(plan.recipes)
        for step in plan.steps_of(recipe)
    )


def _agreement_at(
    plan: EnsemblePlan, number: int, step: int, effects: Sequence[RunEffect]
) -> Agreement:
    here = [e for e in effects if (e.run.number, e.step) == (number, step)]
    by_model = [_by_seed(plan, here, model) for model in plan.models]
    means = [_mean(seeds) for seeds in by_model]
    seeds_agree = zip(plan.models, map(rank_agreement, by_model), strict=True)
    return Agreement(
        recipe=number,
        step=step,
        seeds=dict(seeds_agree),
        models=rank_agreement(means),
        claims=tally(by_model),
    )


def _by_seed(plan: EnsemblePlan, effects: Sequence[RunEffect], model: str) -> list[Effects]:
    own = [e for e in effects if e.run.model == model]
    return [{e.run.text.id: e.deltas for e in own if e.run.recipe.seed == s} for s in plan.seeds]


def _mean(seeds: Sequence[Effects]) -> Effects:
    """Over the seeds that a text was trained with."""
    by_text = {
        text: [each[text] for each in seeds if text in each] for each in seeds for text in each
    }
    return {
        text: [sum(column) / len(column) for column in zip(*each, strict=True)]
        for text, each in by_text.items()
    }
