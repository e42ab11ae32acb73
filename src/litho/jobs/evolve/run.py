"""Runs of `litho evolve`: search, tried again on fresh seeds and worlds, beside baselines."""

import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from litho.core.errors import LithoError
from litho.core.files import whole_file
from litho.core.work import Executor, Result, WorkLedger
from litho.jobs.cost import Cost
from litho.jobs.evolve.config import EvolveConfig, EvolveSpec
from litho.jobs.evolve.fitness import Fitness, fitness_of
from litho.jobs.evolve.fresh import fresh_trials
from litho.jobs.evolve.race import together
from litho.jobs.evolve.result import EvolveResult
from litho.jobs.evolve.search import Trial, best, evolution, random_search
from litho.jobs.evolve.summary import BEST, CANONICAL, RANDOM, SHUFFLED, Entrant, summary
from litho.jobs.evolve.trial import Raised
from litho.jobs.models import Models
from litho.jobs.runner import Checked, Context, Job
from litho.jobs.school.cost import disk_needed, school_cost
from litho.jobs.school.first import first_learner, known_codec
from litho.model.placement import Placement
from litho.text.school.canonical import relocated, rewritten
from litho.text.school.chance import chance
from litho.text.school.genome import Genome
from litho.text.school.variation.children import child_of, shuffled

CHECKPOINTS, FOUND, TRIALS = "checkpoints", "best.yaml", "trials"


def check(spec: EvolveSpec, models: Models) -> Checked:
    """Raises LithoError if the genome is at fault, or leaves nothing to recombine."""
    genome, folder = spec.genome, Path(spec.folder)
    if not genome.tests:
        raise LithoError(f"{spec.source} has no tests, by which genomes are compared: add the key")
    if genome.loss and genome.loss.attempts == "own":
        raise LithoError("an evolution asks no model between stages: set loss.attempts to random")
    child_of([genome], "child", chance(spec.config.seed, "check"), folder)
    shuffled(genome, SHUFFLED, chance(spec.config.seed, "check"), folder)
    count = spec.config.schools
    one, disk = _school_cost(spec, genome, models, count)
    return Checked(
        Cost(seconds=one.seconds * count, gib=one.gib),
        {"text_name": genome.id, "schools": count, "seconds_each": one.seconds},
        disk=disk,
    )


def _school_cost(spec: EvolveSpec, genome: Genome, models: Models, count: int) -> tuple[Cost, int]:
    """Of one of so many schools, and what all take on the run's disk, if none shares a stage.

    Raises LithoError if the checkpoints of all do not fit on the disk.
    """
    codec = known_codec(genome, Path(spec.folder))
    vocabulary = codec.vocabulary if codec else genome.tokenizer.vocab
    placement = Placement.parse(spec.device.name)
    learner = first_learner(spec.school, genome, models, placement, codec, vocabulary)
    disk = disk_needed(genome, learner, spec.checkpoints, count)
    return school_cost(genome, Path(spec.folder), learner, vocabulary), disk


def run_evolve(context: Context[EvolveSpec]) -> EvolveResult:
    """Do what is left of the trials, together with whoever else works on them."""
    run, spec = context.run, context.spec
    genome, config, folder = spec.genome, spec.config, Path(spec.folder)
    placement, each = Placement.parse(spec.device.name), context.manifest["seconds_each"]
    with context.workers.executor(placement, each) as executor:
        trials = Trials(context, executor)
        searches = {BEST: evolution(genome, config, folder)}
        if config.random_search:
            searches[RANDOM] = random_search(genome, config, folder)
        known = together(searches, trials.tell)
        entrants = [
            Entrant(BEST, each.child.genome, each.told)
            for each in best(known[BEST], config.finalists)
        ]
        entrants.append(Entrant(CANONICAL, genome, known[BEST][0].told))
        if config.random_search:
            (luckiest,) = best(known[RANDOM], 1)
            entrants.append(Entrant(RANDOM, luckiest.child.genome, luckiest.told))
        asked = [fresh_trials(each.genome, config.fresh) for each in entrants]
        entrants.append(Entrant(SHUFFLED, genome, {}))
        asked.append(_shuffled_trials(genome, config, folder))
        told = trials.tell([trial for some in asked for trial in some])
    fresh = [told[i : i + config.fresh] for i in range(0, len(told), config.fresh)]
    result = summary(known, list(zip(entrants, fresh, strict=True)))
    found = next(e.genome for e in entrants if e.genome.id == result.best.id)
    moved = relocated(found, folder, run.final_path)
    with whole_file(run.path / FOUND) as half:
        half.write_text(rewritten(moved), encoding="utf-8")
    shutil.rmtree(run.path / TRIALS, ignore_errors=True)
    return EvolveResult(
        **dict(result),
        run=str(run.final_path),
        genome=str(run.final_path / FOUND),
        runs=len(trials.seen),
        reused=trials.reused,
        seconds=round(run.seconds, 1),
        notices=tuple(context.manifest["notices"]),
    )


def _shuffled_trials(genome: Genome, config: EvolveConfig, folder: Path) -> list[Trial]:
    """Every seed has an order of its own."""
    mixed = [
        shuffled(genome, SHUFFLED, chance(config.seed, SHUFFLED, i), folder)
        for i in range(config.fresh)
    ]
    return [fresh_trials(each, config.fresh)[i] for i, each in enumerate(mixed)]


class Trials:
    """Does trials, each once whoever asks for it."""

    def __init__(self, context: Context[EvolveSpec], executor: Executor) -> None:
        run, spec = context.run, context.spec
        self._ledger, self._executor = WorkLedger(run.path), executor
        start = context.manifest.get("start")
        self._raised = partial(
            Raised,
            folder=spec.folder,
            checkpoints=spec.checkpoints or str(run.path / CHECKPOINTS),
            work=str(run.path / TRIALS),
            device=spec.device.name,
            start=start["sha256"] if start else None,
        )
        self._reporter = context.reporter
        self.seen: dict[str, Result] = {}
        self._reporter.stage("schools", spec.config.schools)

    def tell(self, trials: Sequence[Trial]) -> list[Fitness]:
        """How trials went, in their order."""
        raised = [self._raised(each.genome, each.seed) for each in trials]
        works = [(each.specification, each) for each in raised]
        before = len(self.seen)

        def report(done: int, latest: Result | None) -> None:
            shown = fitness_of(latest["tests"], latest["shortcuts"]).bridging if latest else None
            self._reporter.advance(before + done, bridging=shown)

        results = self._ledger.complete(works, report, self._executor)
        self.seen |= {each.key: said for each, said in zip(raised, results, strict=True)}
        return [fitness_of(said["tests"], said["shortcuts"]) for said in results]

    @property
    def reused(self) -> float:
        """Share of all tokens that an earlier school had trained on."""
        whole = sum(said["tokens"] for said in self.seen.values())
        return sum(said["reused"] for said in self.seen.values()) / whole


JOB = Job("evolve", EvolveSpec, check, run_evolve, joint=("evolve",))
