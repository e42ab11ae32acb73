"""Runs of `litho rewrite`: arms, each from the same school, round after round."""

from pathlib import Path
from typing import Any

from litho.core.errors import LithoError
from litho.jobs.cost import Cost
from litho.jobs.models import Models
from litho.jobs.rewrite.config import RewriteSpec
from litho.jobs.rewrite.judges import LENIENT, judge_of, too_lenient
from litho.jobs.rewrite.result import ArmResult, Judged, RewriteResult, RoundResult, Version
from litho.jobs.rewrite.rounds import ANSWERING, Rounds, round_tokens
from litho.jobs.runner import Checked, Context, Job
from litho.jobs.school.cost import checkpoint_bytes, school_cost
from litho.jobs.school.finished import FinishedSchool
from litho.measure.school.records import ExamResult, KindScore
from litho.model.placement import Placement
from litho.text.school.rewriting.pool import tasks

KEPT = 2  # checkpoints of an arm: that of the last round, and the one that is made


def check(spec: RewriteSpec, models: Models) -> Checked:
    """Raises LithoError if the school is none, or leaves nothing to ask, or a judge is none."""
    finished = FinishedSchool.opened(Path(spec.school))
    genome, config, plan = finished.genome, spec.config, finished.school.plan
    if plan is None or plan.world.twin == "fluent":
        raise LithoError(
            f"{genome.id} has no books of a world, in which it is known what is right: rewriting "
            "needs some"
        )
    if not finished.result.exam:
        raise LithoError(
            f"{genome.id} has no exam, by which rounds are compared: add 'tests' to it"
        )
    judge_of(config.judge, config.agree)
    if ANSWERING & set(config.arms) and not tasks(plan, genome.seed):
        raise LithoError(f"{genome.id} leaves nothing to practise: every bridge is closed by a gap")
    finished.checkpoints()
    tokens = round_tokens(finished, config)
    if tokens < genome.train.batch_tokens:
        raise LithoError(
            f"a round of {tokens:,} tokens holds no step of {genome.train.batch_tokens:,}: raise "
            f"share above {config.share}"
        )
    placement = Placement.parse(spec.device.name)
    vocabulary = finished.result.vocabulary
    learner = finished.learner(models, placement)
    whole = school_cost(genome, Path(finished.spec.folder), learner, vocabulary)
    times = config.share * config.rounds * len(config.arms)
    return Checked(
        Cost(seconds=whole.seconds * times, gib=whole.gib),
        {"text_name": genome.id, "tokens_each": tokens},
        disk=len(config.arms)
        * (checkpoint_bytes(learner, KEPT) + config.rounds * 4 * learner.size),
    )


def run_rewrite(context: Context[RewriteSpec]) -> RewriteResult:
    """Do what is left of the rounds of each arm."""
    run, spec = context.run, context.spec
    finished = FinishedSchool.opened(Path(spec.school))
    assert finished.result.exam
    arms: dict[str, ArmResult] = {arm: _arm(context, finished, arm) for arm in spec.config.arms}
    notices = [*context.manifest["notices"], *_warnings(spec, arms)]
    for notice in notices[len(context.manifest["notices"]) :]:
        context.reporter.note(f"note: {notice}")
    return RewriteResult(
        run=str(run.final_path),
        school=str(finished.path),
        rounds=tuple(
            RoundResult(
                version=each.version,
                added=each.added,
                dropped=each.dropped,
                tests=each.exam.tests if each.exam else {},
            )
            for each in arms[spec.config.arms[0]].rounds
        ),
        arms=arms,
        before=finished.result.exam.tests,
        seconds=round(run.seconds, 1),
        notices=tuple(notices),
    )


def _arm(context: Context[RewriteSpec], finished: FinishedSchool, arm: str) -> ArmResult:
    """All rounds of one arm; a round that was done is not done again."""
    run = context.run
    rounds = Rounds(context, finished, arm)
    done: list[Version] = []
    stopped, judge = None, None
    for number in range(1, context.spec.config.rounds + 1):

        def one(number: int = number) -> dict[str, Any]:
            return rounds.round(number)

        said = run.once(f"{arm}-{number}.json", one)
        if stopped := said.get("stopped"):
            context.reporter.note(f"note: {arm}, round {number}: {stopped}")
            judge = Judged(**said["judge"])
            break
        done.append(Version(**said["version"]))
        rounds.past(number, said["checkpoint"])
    last = next((each.exam for each in reversed(done) if each.exam), None)
    before = finished.result.exam
    assert before
    return ArmResult(
        arm=arm,
        rounds=tuple(done),
        stopped=stopped,
        judge=judge,
        tests=last.tests if last else {},
        gained=gained(before, last) if last else {},
        model=str(run.final_path / arm / f"model-{len(done)}") if done else None,
    )


def gained(before: ExamResult, after: ExamResult) -> dict[str, float]:
    """Right answers by kind, after less before; aloud as `KIND spoken`."""
    first, last = accuracies(before.tests), accuracies(after.tests)
    return {name: last[name] - first[name] for name in first if name in last}


def accuracies(tests: dict[str, KindScore]) -> dict[str, float]:
    found = {kind: score.accuracy.value for kind, score in tests.items()}
    aloud = {f"{k} spoken": s.spoken.accuracy.value for k, s in tests.items() if s.spoken}
    return {name: value for name, value in (found | aloud).items() if value is not None}


def _warnings(spec: RewriteSpec, arms: dict[str, ArmResult]) -> list[str]:
    said = [f"{arm}: {each.stopped}" for arm, each in arms.items() if each.stopped]
    for arm, each in arms.items():
        judges = [j for j in (each.judge, *(version.judge for version in each.rounds)) if j]
        if warning := too_lenient(arm, judges):
            said.append(warning)
        wrong = max((j.wrong_accepted or 0.0 for j in judges), default=0.0)
        if wrong > LENIENT:
            said.append(
                f"of the answers that the judge of {arm} accepted in a round, {wrong:.0%} are "
                "wrong by the world"
            )
    return said


JOB = Job("rewrite", RewriteSpec, check, run_rewrite)
