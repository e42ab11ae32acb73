"""Runs of `litho evolve` on documents: search, tried again on fresh seeds and kept probes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from litho.core.files import whole_file
from litho.core.work import Executor, Result, WorkLedger, key_of
from litho.jobs.arrange.config import ArrangeSpec, check_recombines
from litho.jobs.arrange.cost import arrange_cost
from litho.jobs.arrange.forecast import FirstOrderForecast, forecast_of
from litho.jobs.arrange.halves import Deltas, Halves, rise
from litho.jobs.arrange.result import ArrangeResult, OperatorGain, Rise
from litho.jobs.arrange.search import Individual, Trial, best, evolution, random_search
from litho.jobs.arrange.summary import (
    AMOUNTS,
    BEST,
    GIVEN,
    RANDOM,
    SHUFFLED,
    Entrant,
    Judge,
    family_of,
    filter_result,
    said_of,
    said_of_order,
)
from litho.jobs.arrange.training import Training, answers_before, answers_of
from litho.jobs.arrange.variation import Genome, as_given, shuffled
from litho.jobs.ensemble.agreement import leaks_of
from litho.jobs.ensemble.fine_tunes import opened
from litho.jobs.ensemble.result import leak_sentence
from litho.jobs.evolve.race import gains, together
from litho.jobs.models import Models
from litho.jobs.runner import Checked, Context, Job
from litho.learn.recipe import adapter_of, check_inputs
from litho.model.placement import Placement
from litho.model.sources import locate
from litho.text.school.chance import chance

FOUND = "sequence.jsonl"
UNGROUPED = (
    "no probe has a group: the half on which is searched may ask about other documents than the "
    "half that is kept back; give probes about the same thing the same 'group'"
)
FIRST = 1000  # of the seeds that no search uses


def check(spec: ArrangeSpec, models: Models) -> Checked:
    """Raises LithoError if a document or probe is unusable, or nothing is left to recombine."""
    plan = spec.config
    check_recombines(spec)
    Halves.of(spec.questions, plan.seed)
    model = opened(plan.model, models.placement(plan.model))
    check_inputs(model, spec.texts, spec.questions)
    adapter_of(model, plan.recipe)
    cost, each = arrange_cost(model, spec)
    leaked = leak_sentence(leaks_of(spec.texts, spec.questions))
    notices = []
    if spec.are_all_tried:
        count = len(spec.texts) ** plan.steps
        notices.append(f"there are only {count} sequences: all are tried, and none by chance")
    if not any(question.group for question in spec.questions):
        notices.append(UNGROUPED)
    return Checked(
        cost,
        {"text_name": spec.source, "trainings": spec.trainings, "seconds_each": each},
        [*notices, *([leaked] if leaked else [])],
    )


def run_arrange(context: Context[ArrangeSpec]) -> ArrangeResult:
    """Do what is left of the trainings, together with whoever else works on them."""
    run, spec, plan = context.run, context.spec, context.spec.config
    placement = context.models.placement(plan.model)
    model = opened(plan.model, placement)
    halves, ledger = Halves.of(spec.questions, plan.seed), WorkLedger(run.path)
    tokens = {text.id: len(model.encode(text.text)) for text in spec.texts}
    judge, names = Judge(spec.questions, halves, tokens), list(tokens)
    asked = [spec.questions[place] for place in halves.searched]
    forecast = forecast_of(model, plan.recipe_of(0), spec.texts, asked, ledger, context.reporter)
    with context.workers.executor(placement, context.manifest["seconds_each"]) as executor:
        trainings = Trainings(context, ledger, executor, placement)

        def tell(trials: Sequence[Trial]) -> list[Rise]:
            return [rise(deltas, halves.searched) for deltas in trainings.deltas(trials)]

        searches = {BEST: evolution(plan, names, forecast, spec.are_all_tried)}
        if spec.searches_by_chance:
            searches[RANDOM] = random_search(plan, names)
        known = together(searches, tell)
        afresh = _tried_afresh(spec, known, as_given(names, plan.steps), trainings, judge)
    _write(context, afresh.winner)
    return _result(context, known, afresh, judge, forecast, trainings)


@dataclass(frozen=True)
class _Afresh:
    """Everyone on fresh seeds: the finalists first, then what the best of them is compared with."""

    entrants: list[Entrant]
    fresh: list[list[Deltas]]
    finalists: int
    chosen: int  # which finalist is the best

    @property
    def winner(self) -> Genome:
        return self.entrants[self.chosen].genomes[0]


def _tried_afresh(
    spec: ArrangeSpec,
    known: Mapping[str, Sequence[Individual]],
    given: Genome,
    trainings: "Trainings",
    judge: Judge,
) -> _Afresh:
    entrants = _entrants(spec, known, given, trainings)
    finalists = [each.role for each in entrants].count(BEST)
    fresh = trainings.afresh(entrants)
    chosen = judge.best_of(fresh[:finalists])
    winner = entrants[chosen]
    orders = _shuffled(spec, winner.genomes[0], AMOUNTS)
    entrants.append(Entrant(f"{winner.id} shuffled", AMOUNTS, orders))
    fresh += trainings.afresh(entrants[-1:])
    return _Afresh(entrants, fresh, finalists, chosen)


def _result(
    context: Context[ArrangeSpec],
    known: Mapping[str, Sequence[Individual]],
    afresh: _Afresh,
    judge: Judge,
    forecast: FirstOrderForecast,
    trainings: "Trainings",
) -> ArrangeResult:
    run, spec, halves = context.run, context.spec, judge.halves
    pairs = zip(afresh.entrants, afresh.fresh, strict=True)
    tried = [judge.tried(each, told) for each, told in pairs]
    best, won = tried[afresh.chosen], afresh.fresh[afresh.chosen]
    others = list(zip(tried, afresh.fresh, strict=True))[afresh.finalists :]
    difference = {each.role: judge.less(won, told) for each, told in others}
    family = family_of(known, forecast, judge)
    given = known[BEST][0].child.genome
    return ArrangeResult(
        run=str(run.final_path),
        best=best,
        sequence=afresh.winner,
        written=str(run.final_path / FOUND),
        baselines={each.role: each for each, _ in others},
        finalists=tuple(tried[: afresh.finalists]),
        difference=difference,
        searched_probes=tuple(spec.questions[place].id for place in halves.searched),
        kept_probes=tuple(spec.questions[place].id for place in halves.kept),
        seeds=spec.config.fresh,
        runs=len(trainings.seen),
        filter=filter_result(family, forecast.seconds, trainings.seconds),
        family=tuple(family),
        operators=tuple(
            OperatorGain(operator=name, children=gain.n, rise=gain)
            for name, gain in gains(known[BEST], lambda told: told.mean).items()
        ),
        said=said_of(best, afresh.winner, given, difference[GIVEN], spec.config.fresh),
        said_of_order=said_of_order(difference[AMOUNTS]),
        seconds=round(run.seconds, 1),
        notices=tuple(context.manifest["notices"]),
    )


def _entrants(
    spec: ArrangeSpec,
    known: Mapping[str, Sequence[Individual]],
    given: Genome,
    trainings: "Trainings",
) -> list[Entrant]:
    """Who is tried afresh: the finalists first, then what they are compared with."""
    plan = spec.config

    def searched(role: str, name: str, each: Individual) -> Entrant:
        genome = each.child.genome
        told = trainings.deltas([Trial(genome, seed) for seed in each.told])  # known already
        return Entrant(name, role, (genome,) * plan.fresh, told)

    found = [searched(BEST, each.child.id, each) for each in best(known[BEST], plan.finalists)]
    found.append(searched(GIVEN, GIVEN, known[BEST][0]))
    found.append(Entrant(SHUFFLED, SHUFFLED, _shuffled(spec, given, SHUFFLED)))
    if RANDOM in known:
        (luckiest,) = best(known[RANDOM], 1)
        found.append(searched(RANDOM, luckiest.child.id, luckiest))
    return found


class Trainings:
    """Has trainings done that are not in the ledger yet, and says how far the run is."""

    def __init__(
        self,
        context: Context[ArrangeSpec],
        ledger: WorkLedger,
        executor: Executor,
        placement: Placement,
    ) -> None:
        spec = context.spec
        self._plan, self._questions = spec.config, spec.questions
        self._texts = {text.id: text for text in spec.texts}
        self._sha256 = locate(spec.config.model).sha256()
        self._ledger, self._executor, self._placement = ledger, executor, placement
        self._reporter = context.reporter
        self._before = answers_before(ledger, spec.config.model, placement, spec.questions)
        self.seen: dict[str, Result] = {}
        self._reporter.stage("trainings", spec.trainings)

    def deltas(self, trials: Sequence[Trial]) -> list[Deltas]:
        """By how much each probe rose in each of them, nats per target token."""
        works = [
            (each.specification, each)
            for each in (self._training(trial.genome, trial.seed) for trial in trials)
        ]
        keys = [key_of(specification) for specification, _ in works]
        others = len(self.seen.keys() - set(keys))

        def report(done: int, latest: Result | None) -> None:
            self._reporter.advance(others + done, loss=latest["losses"][-1] if latest else None)

        results = self._ledger.complete(works, report, self._executor)
        self.seen |= dict(zip(keys, results, strict=True))
        return [
            [after - before for after, before in zip(answers_of(said), self._before, strict=True)]
            for said in results
        ]

    def afresh(self, entrants: Sequence[Entrant]) -> list[list[Deltas]]:
        """All of them with fresh seeds, the same for each."""
        trials = [
            Trial(genome, FIRST + number)
            for each in entrants
            for number, genome in enumerate(each.genomes)
        ]
        told, count = self.deltas(trials), self._plan.fresh
        return [told[i : i + count] for i in range(0, len(told), count)]

    @property
    def seconds(self) -> float:
        """That all trainings took, one after the other."""
        return sum(said["seconds"] for said in self.seen.values())

    def _training(self, genome: Genome, seed: int) -> Training:
        return Training(
            self._plan.model,
            self._sha256,
            tuple(self._texts[name] for name in genome),
            self._questions,
            self._plan.recipe_of(seed),
            self._placement,
        )


def _shuffled(spec: ArrangeSpec, genome: Genome, role: str) -> tuple[Genome, ...]:
    """Another order for each fresh seed."""
    plan = spec.config
    return tuple(shuffled(genome, chance(plan.seed, role, i)) for i in range(plan.fresh))


def _write(context: Context[ArrangeSpec], sequence: Genome) -> None:
    """The best sequence, a document a line, in the order to read."""
    texts = {text.id: text.text for text in context.spec.texts}
    lines = [
        json.dumps({"step": step, "id": name, "text": texts[name]}, ensure_ascii=False) + "\n"
        for step, name in enumerate(sequence, 1)
    ]
    with whole_file(context.run.path / FOUND) as temporary:
        temporary.write_text("".join(lines), encoding="utf-8")


JOB = Job("evolve documents", ArrangeSpec, check, run_arrange, joint=("evolve documents",))
