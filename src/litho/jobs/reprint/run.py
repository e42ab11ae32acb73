"""Runs of `litho rewrite` on printed pages: arms, each from the same imprint, round after round."""

from collections.abc import Sequence
from pathlib import Path

from litho.core.errors import LithoError
from litho.core.stats import Estimate
from litho.jobs.cost import Cost
from litho.jobs.imprint.baseline import Baseline
from litho.jobs.imprint.job import ImprintJob
from litho.jobs.models import Models
from litho.jobs.reprint.config import ReprintSpec
from litho.jobs.reprint.judges import judge_of
from litho.jobs.reprint.printed import ADAPTER, Printed
from litho.jobs.reprint.result import ArmResult, ReprintResult, RoundResult, Tests, Version
from litho.jobs.reprint.rounds import REWRITE, Rounds
from litho.jobs.reprint.training import measured
from litho.jobs.rewrite.judges import too_lenient
from litho.jobs.runner import Checked, Context, Job
from litho.model.sources import locate

LEAST_GAIN = 0.01  # of the anchor's imprint, that is worth another round


def check(spec: ReprintSpec, models: Models) -> Checked:
    """Raises LithoError if there is no such imprint, or nothing that could be rewritten."""
    printed, config = Printed.opened(Path(spec.printed)), spec.config
    imprint = spec.inputs.config
    if spec.inputs.onto:
        raise LithoError(
            "a run that was made with --onto cannot be rewritten: print its pages together"
        )
    if imprint.ignore_largest:
        raise LithoError("printing on would fill what ignore_largest left out: print without it")
    judge_of(config)
    models.load(spec.model)
    share = config.presentations / max(1, printed.result.presentations)
    times = share * config.rounds * len(config.arms)
    pages = spec.inputs.pages
    return Checked(
        Cost(seconds=printed.result.seconds * times, gib=printed.gib),
        {"text_name": pages[0].name if len(pages) == 1 else f"{len(pages)} pages"},
    )


def run_reprint(context: Context[ReprintSpec]) -> ReprintResult:
    """Do what is left of the rounds of each arm."""
    run, spec = context.run, context.spec
    job = ImprintJob(
        run, spec.inputs, spec.inputs.config, locate(spec.model), context.models, context.reporter
    )
    if not (run.path / ADAPTER).is_dir():
        Printed.opened(Path(spec.printed)).keep_in(run.path, run.path / ADAPTER)
    _check_asked(spec, job)
    before = _before(job)
    arms = dict[str, ArmResult]()
    for arm in spec.config.arms:
        rounds = len(next(iter(arms.values())).rounds) if arms else None
        arms[arm] = _arm(spec, job, arm, before, rounds)
    first = arms[spec.config.arms[0]]
    notices = [*context.manifest["notices"], *(said := list(_warnings(arms)))]
    for notice in said:
        context.reporter.note(f"note: {notice}")
    return ReprintResult(
        run=str(run.final_path),
        printed=spec.printed,
        budget=spec.inputs.config.budget,
        rounds=tuple(
            RoundResult(version=v.version, added=v.added, dropped=v.dropped, tests=v.tests)
            for v in first.rounds
        ),
        arms=arms,
        before=before,
        seconds=round(run.seconds, 1),
        notices=tuple(notices),
    )


def _check_asked(spec: ReprintSpec, job: ImprintJob) -> None:
    """Raises LithoError if there is nothing to ask that the report does not ask."""
    if REWRITE not in spec.config.arms:
        return
    tasks, refused = Rounds(spec, job, REWRITE).tasks(job.model())
    if not tasks:
        kept = f": the report asks for all {sum(refused.values())} facts" if refused else ""
        raise LithoError(
            f"no question with a known answer can be made from these pages{kept}; choose "
            "--set judge=book, which also asks what the model made up itself"
        )


def _before(job: ImprintJob) -> Tests:
    def measure() -> dict[str, dict[str, object]]:
        baseline = Baseline(**job.run.read_json("baseline.json"))
        found = measured(job, baseline, job.run.path / ADAPTER)
        return {name: each.model_dump(mode="json") for name, each in found.items()}

    return {name: Estimate(**each) for name, each in job.run.once("before.json", measure).items()}


def _arm(
    spec: ReprintSpec, job: ImprintJob, arm: str, before: Tests, exactly: int | None
) -> ArmResult:
    """Rounds until one gains nothing, or `exactly` so many; one that was done is not done again."""
    rounds, done, stopped = Rounds(spec, job, arm), list[Version](), None
    for number in range(1, (spec.config.rounds if exactly is None else exactly) + 1):

        def one(number: int = number) -> dict[str, object]:
            return rounds.round(number)

        said = job.run.once(f"{arm}-{number}.json", one)
        if stopped := said.get("stopped"):
            break
        done.append(Version(**said))
        rounds.past(number)
        if exactly is None and number < spec.config.rounds and not gained(before, done):
            stopped = f"round {number} gained nothing on the anchors, rewordings that are not shown"
            break
    if stopped:
        job.reporter.note(f"note: {arm}: {stopped}")
    chosen = best(before, done)
    tests = done[chosen - 1].tests if chosen else before
    return ArmResult(
        arm=arm,
        rounds=tuple(done),
        stopped=stopped,
        best=chosen,
        adapter=done[chosen - 1].adapter if chosen else str(job.run.final_path / ADAPTER),
        tests=tests,
        gained=_differences(before, tests),
    )


def _anchor(tests: Tests) -> float | None:
    return tests["anchor"].value


def gained(before: Tests, done: Sequence[Version]) -> bool:
    """Whether the last round raised the anchor above all before; also where there is none."""
    *earlier, last = (_anchor(tests) for tests in (before, *(each.tests for each in done)))
    known = [value for value in earlier if value is not None]
    return last is None or not known or last >= max(known) + LEAST_GAIN


def best(before: Tests, done: Sequence[Version]) -> int:
    """The round with the highest anchor, 0 for none of them; without anchors the last."""
    values = [_anchor(tests) for tests in (before, *(each.tests for each in done))]
    if any(value is None for value in values):
        return len(done)
    return max(range(len(values)), key=lambda i: values[i] or 0.0)


def _differences(before: Tests, after: Tests) -> dict[str, float]:
    found = {}
    for name, each in after.items():
        first = before[name].value
        if each.value is not None and first is not None:
            found[name] = each.value - first
    return found


def _warnings(arms: dict[str, ArmResult]) -> list[str]:
    said = [f"{arm}: {each.stopped}" for arm, each in arms.items() if each.stopped]
    for arm, each in arms.items():
        judges = [version.judge for version in each.rounds if version.judge]
        if warning := too_lenient(arm, judges):
            said.append(warning)
    return said


JOB = Job("rewrite pages", ReprintSpec, check, run_reprint)
