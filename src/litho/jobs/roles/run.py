"""Runs of `litho roles`: adapters are trained, each is tried in every place, and all together."""

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import astuple, dataclass
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

from litho.core.errors import LithoError
from litho.core.stats import Estimate
from litho.jobs.cost import LIBRARIES_GIB, Cost, seconds_per_token
from litho.jobs.genome.build import Build
from litho.jobs.models import Models
from litho.jobs.roles.config import RolesSpec
from litho.jobs.roles.lines import adapters_of, lines_of
from litho.jobs.roles.result import Handover, RolesResult, Single, Trained
from litho.jobs.roles.trying import matrix_row, tried, words
from litho.jobs.runner import Checked, Context, Job
from litho.jobs.school.finished import FinishedSchool
from litho.learn.schooling.voice import Rehearsal, rehearse
from litho.measure.school.loop import attempted, cast_of
from litho.measure.school.voices import POLICIES, Attempted, Cast, Exchange, Policy, exchanges
from litho.model.adapters import lora, saved
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel
from litho.text.school.asked import exam_questions
from litho.text.school.genome import Genome
from litho.text.school.questions import Question, practised_questions
from litho.text.school.scenes import speakers_of
from litho.text.school.training import BASE, SINGLE, RoleAdapter

ADAPTERS = "adapters"
READ_AGAIN = 4  # tokens of a scene for each one that is learned, about; and its backward pass


@dataclass(frozen=True)
class Prepared:
    """A school that is over, as roles need it."""

    genome: Genome
    build: Build
    adapters: dict[str, RoleAdapter]
    questions: list[Question]
    items: list[Attempted]
    cast: Cast


def check(spec: RolesSpec, models: Models) -> Checked:
    """Raises LithoError if the run is no school, or nobody speaks in it."""
    ready = _prepared(spec)
    model = models.load(spec.models()["model"])
    for role in ready.adapters:
        lines_of(ready.build, ready.genome, ready.adapters, [role], model.context, 1, 0)
    count = len(ready.adapters)
    learned = 2 * count * spec.config.tokens * READ_AGAIN * 3
    asked = (count + 2) * (40 * len(ready.questions) + 400 * len(ready.items))
    gib = LIBRARIES_GIB + 4 * model.network.num_parameters() / 2**30
    cost = Cost(seconds=10 + (learned + asked) * seconds_per_token(model), gib=gib)
    notices = []
    if not (ready.genome.loss and ready.genome.loss.right):
        notices.append(
            "no scene says that an attempt is right, so that a critic learns to object always: "
            "raise the school with 'loss: {right: 0.25}' in its genome"
        )
    return Checked(cost, {"text_name": ready.genome.id}, notices)


def run_roles(context: Context[RolesSpec]) -> RolesResult:
    """Each adapter is trained in a stage of its own, and tried in one."""
    run, spec, reporter = context.run, context.spec, context.reporter
    ready, config = _prepared(spec), spec.config
    model = context.models.load(spec.models()["model"])
    trained: dict[str, Trained] = {}
    everyone = list(ready.adapters)
    for number, (name, roles) in enumerate([*((r, [r]) for r in everyone), (SINGLE, everyone)]):
        reporter.stage(f"training {name}", config.tokens * len(roles))
        train = partial(_train, context, ready, model, name, roles, number)
        trained[name] = Trained(**run.once(f"trained-{name}.json", train))
    for name in trained:
        if name not in model.adapters:
            saved.load(model, name, run.path / ADAPTERS / name)
    rows = {
        name: run.once(f"matrix-{name}.json", partial(_row, context, ready, model, name))
        for name in (BASE, *trained)
    }
    matrix = {
        name: {test: Estimate(**found) for test, found in row.items()} for name, row in rows.items()
    }
    several, one = (
        [
            Exchange(**e)
            for e in run.once(f"said-{kind}.json", partial(_said, context, ready, model, kind))
        ]
        for kind in ("roles", SINGLE)
    )
    asked = [each.question for each in ready.items]
    found, alone = tried(asked, several), tried(asked, one)
    run.write_rows("answers.parquet", [*words(asked, several, "roles"), *words(asked, one, SINGLE)])
    difference: dict[Policy, Estimate] = {policy: found.less(alone, policy) for policy in POLICIES}
    return RolesResult(
        run=str(run.final_path),
        school=spec.school,
        roles={name: each for name, each in trained.items() if name != SINGLE},
        cast=astuple(ready.cast),
        matrix={name: row for name, row in matrix.items() if name != SINGLE},
        chance=found.chance(ready.questions),
        asked=dict(Counter(question.kind for question in asked)),
        transitions=dict(found.handovers),
        single=Single(
            trained=trained[SINGLE], matrix=matrix[SINGLE], transitions=dict(alone.handovers)
        ),
        difference=dict(difference),
        said=_concluded(found.handovers, difference),
        seconds=round(run.seconds, 1),
        notices=tuple(context.manifest["notices"]),
    )


def _prepared(spec: RolesSpec) -> Prepared:
    finished = FinishedSchool.opened(Path(spec.school))
    genome, school = finished.genome, finished.school
    speakers = speakers_of(genome)
    if not speakers:
        raise LithoError(f"nobody speaks in {spec.school}: its genome plays no scenes")
    if school.plan is None:
        raise LithoError(f"{spec.school} has no world, whose questions roles are tried with")
    most = spec.config.questions
    every = exam_questions(school)
    count: dict[str, int] = {}
    kept = []
    for question in every:
        count[question.kind] = count.get(question.kind, 0) + 1
        if count[question.kind] <= most:
            kept.append(question)
    items = attempted(school.plan, [*practised_questions(school.plan), *kept], most)
    if not items:
        raise LithoError(f"{spec.school} has no question over two facts, which roles could try")
    scenes = [scene.roles for scene in genome.scenes if scene.kind == "repair"]
    cast = cast_of(scenes[0] if scenes else None)
    return Prepared(
        genome,
        finished.build,
        adapters_of(genome, speakers),
        kept,
        items,
        cast,
    )


def _train(
    context: Context[RolesSpec],
    ready: Prepared,
    model: LanguageModel,
    name: str,
    roles: list[str],
    number: int,
) -> dict[str, Any]:
    config, run = context.spec.config, context.run
    tokens = config.tokens * len(roles)
    lines = lines_of(
        ready.build, ready.genome, ready.adapters, roles, model.context, tokens, config.seed
    )
    rank = sum(ready.adapters[role].rank for role in roles)
    with lora.restored(model):
        lora.attach(model, name, AdapterSpec(rank, seed=config.seed * 1000 + number))
        plan = Rehearsal(tokens, config.rows, config.rate, config.seed)
        unfinished = run.path / "rehearsal.safetensors"
        done = rehearse(model, name, lines, plan, unfinished, context.reporter, run.tick)
        saved.save(model, name, run.path / ADAPTERS / name)
        unfinished.unlink(missing_ok=True)
        weights = sum(weight.numel() for weight in lora.weights(model, name).values())
    return Trained(
        adapter=str(run.final_path / ADAPTERS / name),
        rank=rank,
        weights=weights,
        documents=len(lines),
        tokens=done.tokens,
        read=round(done.step * config.rows * fmean(len(each.ids) for each in lines)),
        loss=fmean(done.losses[-max(1, len(done.losses) // 10) :]),
        before=done.losses[0],
    ).model_dump(mode="json")


def _row(
    context: Context[RolesSpec], ready: Prepared, model: LanguageModel, name: str
) -> dict[str, Any]:
    context.reporter.stage(f"trying {name}")
    with model.state(None if name == BASE else name):
        row = matrix_row(model, ready.questions, ready.items, ready.cast)
    return {test: found.model_dump(mode="json") for test, found in row.items()}


def _said(
    context: Context[RolesSpec], ready: Prepared, model: LanguageModel, kind: str
) -> list[dict[str, Any]]:
    context.reporter.stage(f"letting {kind} speak in turn")
    state = _states(model, ready) if kind != SINGLE else lambda _: model.state(SINGLE)
    asked = [each.question.question for each in ready.items]
    return [each.model_dump(mode="json") for each in exchanges(model, asked, ready.cast, state)]


def _states(
    model: LanguageModel, ready: Prepared
) -> Callable[[str], AbstractContextManager[object]]:
    """The adapter of a role; who has none speaks as the school's model."""
    return lambda role: model.state(role if role in ready.adapters else None)


def _concluded(handovers: dict[Policy, Handover], difference: dict[Policy, Estimate]) -> str:
    """One sentence: what hand-overs gain, and whether several voices beat one."""
    best = max(POLICIES[1:], key=lambda policy: handovers[policy].gain.value or 0.0)
    gain, less = handovers[best].gain, difference[best]
    return f"{_gained(best, gain)}; {_against(less)}."


def _gained(policy: str, gain: Estimate) -> str:
    low, high = gain.ci or (gain.value or 0.0,) * 2
    value = f"{gain.value or 0.0:+.2f} [{low:+.2f}, {high:+.2f}]"
    if low > 0:
        return f"Handing over by {policy} gains {value} right answers over the student alone"
    return f"No hand-over is shown to gain anything (the best, by {policy}: {value})"


def _against(less: Estimate) -> str:
    low, high = less.ci or (less.value or 0.0,) * 2
    value = f"{less.value or 0.0:+.2f} [{low:+.2f}, {high:+.2f}]"
    if low > 0:
        return f"adapters of their own are better than one for all roles by {value}"
    if high < 0:
        return f"one adapter for all roles is better than adapters of their own ({value})"
    return f"between adapters of their own and one for all roles no difference is shown ({value})"


JOB = Job("roles", RolesSpec, check, run_roles)
