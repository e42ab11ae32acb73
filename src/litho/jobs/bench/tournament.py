"""All trials of a comparison: a learning-rate sweep, then every arm on every text and seed.

Trials are work in the ledger of the folder of the comparison. What is there is not done again, so
that a copy of this file is all that is needed to go on elsewhere. Several processes may work in one
folder: each takes a trial that no other works on.
"""

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path

from filelock import FileLock

from litho.core.errors import LithoError
from litho.core.files import whole_file
from litho.core.reporter import Reporter
from litho.core.work import Result, Specification, WorkLedger, key_of
from litho.jobs.bench.config import BenchConfig
from litho.jobs.bench.cost import comparison_cost
from litho.jobs.bench.parts import ABLATIONS, ARMS
from litho.jobs.bench.prepared import Prepared, prepare
from litho.jobs.bench.result import Trial
from litho.jobs.bench.trial import Bench, TrialConfig, run_trial
from litho.jobs.cost import Cost
from litho.learn.decoys import COUNT, decoy_rows, train_decoys
from litho.learn.drift import Replay
from litho.measure.printing.drift import retention_blocks
from litho.measure.printing.probes import target_of, tokenizes_apart
from litho.measure.scenes import check_text
from litho.model.loaded import LanguageModel
from litho.text.cases import Case, shortened

CONFIG = "config.json"  # what all trials of a folder have in common
UNRELATED_ROW = 64  # tokens of prose in a step after the training
UNRELATED_ROWS = 100


Rates = dict[str, tuple[float, float]]  # learning rate and weight of the drift term of each arm


@dataclass(frozen=True)
class Task:
    """A trial that is to be done."""

    arm: str
    text: str
    seed: int
    learning_rate: float
    kl_weight: float
    sweep: bool

    @property
    def name(self) -> str:
        kind = "sweep" if self.sweep else "trial"
        arm = self.arm.replace(" ", "-")
        # What an arm is may change: then its old trials are not those of this task.
        parts = (ARMS | ABLATIONS)[self.arm].model_dump_json(exclude_defaults=True)
        made = sha256(parts.encode()).hexdigest()[:8]
        weights = f"{self.learning_rate:g}-{self.kl_weight:g}"
        return f"{kind}-{self.text}-{arm}-{self.seed}-{weights}-{made}"


@dataclass
class Tournament:
    """A comparison in its folder."""

    folder: Path
    config: BenchConfig
    cases: Sequence[Case]  # those to compare on, then those of the sweep
    prose: str
    decoy_prose: str
    reporter: Reporter
    model: LanguageModel
    begun: Specification  # what all trials of the folder have in common, as in its `config.json`
    only: Sequence[str] = ()  # arms and ablations to do now; none: all
    ledger: WorkLedger = field(init=False)
    _bench: Bench | None = None  # of the text that is worked on

    def __post_init__(self) -> None:
        self.ledger = WorkLedger(self.folder)

    @property
    def compared(self) -> Sequence[Case]:
        return self.cases[: self.config.texts]

    @property
    def swept(self) -> Sequence[Case]:
        return self.cases[self.config.texts :]

    def run(self) -> list[Trial]:
        """Do what is left to do, and return all trials but those of the sweep."""
        self.check()
        self.reporter.stage(f"comparing ({self._cost().described()}, in one process)")
        self._work([(case, task) for case in self.swept for task in self._sweep(case)])
        for tasks in self._rounds(self.rates()):
            self._work(tasks)
        return self.finished()

    def check(self) -> None:
        """Raises LithoError if an ablation is to be done before what it takes its rate from."""
        swept_first = {"plan", "fixed KL"} - self.rates().keys() - {*self.only}
        if swept_first and any(name in ABLATIONS for name in self.only):
            raise LithoError(f"the sweep of {min(swept_first)!r} comes first: add it to --only")

    def finished(self) -> list[Trial]:
        """The trials that are done, but for those of the sweep."""
        rounds = self._rounds(self.rates())
        return list(self._done([task for tasks in rounds for _, task in tasks]).values())

    def _rounds(self, rates: Rates) -> Iterator[list[tuple[Case, Task]]]:
        """Seed by seed all arms on all texts, and then the ablations."""
        for seed in range(self.config.seeds):
            for make in (self._arms, self._ablations):
                yield [(case, task) for case in self.compared for task in make(case, seed, rates)]

    def left(self) -> int:
        """How many trials are left to do."""
        unknown = 0.0, 0.0  # what a sweep has yet to find is the rate of no trial
        rates = dict.fromkeys(ARMS, unknown) | self.rates()
        tasks = [task for case in self.swept for task in self._sweep(case)]
        tasks += [task for tasks in self._rounds(rates) for _, task in tasks]
        wanted = [task for task in tasks if task.arm in (self.only or task.arm)]
        return len(wanted) - len(self._done(wanted))

    def _cost(self) -> Cost:
        config = self.config
        longest = max(len(self.model.tokens(case.text)) for case in self.cases)
        return comparison_cost(
            self.model,
            trials=self.left(),
            tokens=config.presentations * (longest + 2 * config.sample_tokens),
            measured=(len(config.checks) + 1) * config.retention_tokens // 2,
            samples=config.samples * config.sample_tokens + config.retention_tokens,
        )

    def rates(self) -> Rates:
        """Learning rate and weight of the drift term of each arm, as the sweep found them.

        The one that prints rewordings best, mean over the texts of the sweep, among those that keep
        within `drift_limit`; among all, if none does. An arm whose sweep is not done has none.
        """
        rates: Rates = {}
        tasks = [task for case in self.swept for task in self._sweep(case)]
        done = self._done(tasks)
        for arm in ARMS:
            by_setting: dict[tuple[float, float], list[Trial]] = {}
            own = [task for task in tasks if task.arm == arm]
            for task in own:
                if task in done:
                    setting = task.learning_rate, task.kl_weight
                    by_setting.setdefault(setting, []).append(done[task])
            if sum(map(len, by_setting.values())) == len(own):
                rates[arm] = best_setting(by_setting, self.config.drift_limit)
        return rates

    def _sweep(self, case: Case) -> list[Task]:
        return [
            Task(arm, case.id, 0, rate, weight, sweep=True)
            for arm, parts in ARMS.items()
            for rate in self.config.learning_rates
            for weight in (self.config.kl_weights if parts.drift == "fixed" else (parts.kl_weight,))
        ]

    def _arms(self, case: Case, seed: int, rates: Rates) -> list[Task]:
        return [Task(arm, case.id, seed, *rate, sweep=False) for arm, rate in rates.items()]

    def _ablations(self, case: Case, seed: int, rates: Rates) -> list[Task]:
        """The parts at the plan's own learning rate; a fixed weight as the sweep found it."""
        if seed >= self.config.ablation_seeds or not {"plan", "fixed KL"} <= rates.keys():
            return []
        rate, weight = rates["plan"]
        fixed = rates["fixed KL"][1]
        return [
            Task(arm, case.id, seed, rate, fixed if parts.drift == "fixed" else weight, sweep=False)
            for arm, parts in ABLATIONS.items()
        ]

    def _work(self, tasks: Sequence[tuple[Case, Task]]) -> None:
        """Do the tasks in their order, but for those that another process is doing."""
        tasks = [(case, task) for case, task in tasks if task.arm in (self.only or task.arm)]
        self.reporter.stage("trials", len(tasks))

        def report(done: int, latest: Result | None) -> None:
            self.reporter.advance(done, **(_shown(Trial(**latest)) if latest else {}))

        works = [(self._specified(task), partial(self._do, case, task)) for case, task in tasks]
        self.ledger.complete(works, report)

    def _done(self, tasks: Sequence[Task]) -> dict[Task, Trial]:
        """Those of the tasks that are done, in order."""
        keys = {task: key_of(self._specified(task)) for task in tasks}
        known = self.ledger.known(keys.values())
        done = [task for task in tasks if keys[task] in known]
        results = self.ledger.results(map(self._specified, done))
        return {task: Trial(**result) for task, result in zip(done, results, strict=True)}

    def _specified(self, task: Task) -> Specification:
        return {"task": task.name, "comparison": key_of(self.begun)}

    def _lock(self, name: str, timeout: float) -> FileLock:
        return FileLock(self.folder / "locks" / f"{name}.lock", timeout=timeout)

    def _do(self, case: Case, task: Task) -> Result:
        """Raises filelock.Timeout if another process is preparing the text."""
        config = TrialConfig(
            presentations=self.config.presentations,
            checks=self.config.checks,
            learning_rate=task.learning_rate,
            budget=self.config.budget,
            seed=task.seed,
        )
        parts = (ARMS | ABLATIONS)[task.arm].model_copy(update={"kl_weight": task.kl_weight})
        lasting = not task.sweep and task.arm in self.config.durable
        bench = self._bench_of(case)
        if parts.decoys:
            bench.decoys = self._decoys()
        trial = run_trial(bench, task.arm, parts, config, not task.sweep, lasting)
        return trial.model_dump(mode="json")

    def _bench_of(self, case: Case) -> Bench:
        last = self._bench
        if last and last.text.case.id == case.id:
            return last
        text = self._prepared(self.model, case)
        rows = retention_blocks(self.model, self.prose, self.config.retention_tokens)
        self._bench = Bench(
            self.model,
            text,
            Replay.read(self.model, text.samples[: self.config.samples]),
            Replay.read(self.model, text.samples[self.config.samples :]),
            last.retention if last else Replay.read(self.model, rows),
            _other_rows(self.model, self.prose, rows),
        )
        return self._bench

    def _decoys(self) -> list[Path]:
        """The folders of the decoys, which are the same for all texts."""
        folders = [self.folder / f"decoy{number}" for number in range(COUNT)]
        with self._lock("decoys", timeout=-1):
            if not all(folder.exists() for folder in folders):
                train_decoys(self.model, self.decoy_prose, folders)
        return folders

    def _prepared(self, model: LanguageModel, case: Case) -> Prepared:
        path = self.folder / f"text-{case.id}.json"
        with self._lock(f"text-{case.id}", timeout=0):
            if not path.exists():
                size = self.config.samples, self.config.unseen, self.config.sample_tokens
                text = prepare(model, case, self.config.presentations, size)
                with whole_file(path) as temporary:
                    temporary.write_text(text.model_dump_json(), encoding="utf-8")
        return Prepared.model_validate_json(path.read_text(encoding="utf-8"))


def best_setting(
    trials: dict[tuple[float, float], list[Trial]], drift_limit: float
) -> tuple[float, float]:
    """The setting that prints rewordings best, of those within the limit if there are any."""

    def mean(values: Iterator[float | None]) -> float:
        known = [value for value in values if value is not None]
        return sum(known) / len(known) if known else -math.inf

    drift = {s: mean(t.drift for t in of_setting) for s, of_setting in trials.items()}
    imprint = {s: mean(t.imprint["gen"] for t in of_setting) for s, of_setting in trials.items()}
    within = [s for s in trials if -math.inf < drift[s] <= drift_limit]
    return max(within or list(trials), key=imprint.__getitem__)


def open_tournament(
    folder: Path,
    model: LanguageModel,
    config: BenchConfig,
    cases: Sequence[Case],
    prose: str,
    decoy_prose: str,
    reporter: Reporter,
    only: Sequence[str] = (),
) -> Tournament:
    """Begin a comparison that was checked in `folder`, or open the one that is there.

    `prose` is what drift and durability are measured on, `decoy_prose` what decoys learn.
    Raises LithoError if another comparison is in the folder, or one with other weights, device,
    precision or version of PyTorch.
    """
    chosen = _chosen(config, cases)
    inputs = "\n".join([case.model_dump_json() for case in chosen] + [prose, decoy_prose])
    # Weights are the same under other names, and what is computed depends on where it is.
    begun = config.model_dump(mode="json", exclude={"model", "dtype"}) | {
        "inputs": sha256(inputs.encode()).hexdigest(),
        "weights": model.source.sha256(),
        "placement": model.placement.described(),
    }
    path = folder / CONFIG
    if path.exists():
        there = json.loads(path.read_text(encoding="utf-8"))
        if other := [key for key in begun if key not in there or there[key] != begun[key]]:
            raise LithoError(
                f"{folder} holds a comparison with other settings or texts, or of an earlier "
                f"version of Litho (other {', '.join(other)}): choose another --out"
            )
    else:
        folder.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as temporary:
            temporary.write_text(json.dumps(begun, indent=1), encoding="utf-8")
    return Tournament(folder, config, chosen, prose, decoy_prose, reporter, model, begun, only)


def check_comparison(
    model: LanguageModel,
    config: BenchConfig,
    cases: Sequence[Case],
    prose: str,
    decoy_prose: str,
    only: Sequence[str] = (),
) -> None:
    """Raises LithoError on what would otherwise be found after hours.

    That is: too few texts, an arm that does not exist, a text that cannot be asked about, prose
    that is too short or that the decoys know.
    """
    known = ARMS | ABLATIONS
    if unknown := [name for name in (*only, *config.durable) if name not in known]:
        raise LithoError(f"unknown arm {unknown[0]!r} (choose from {', '.join(known)})")
    chosen = _chosen(config, cases)
    names = [case.id for case in chosen]
    for case in chosen:
        if names.count(case.id) > 1 or not re.fullmatch(r"[\w.-]+", case.id):
            raise LithoError(f"{case.id!r} is no id: give each text one of letters and digits")
        _check_case(model, case)
    _check_prose(model, config, prose, decoy_prose)


def _chosen(config: BenchConfig, cases: Sequence[Case]) -> list[Case]:
    """The texts to compare on, then those of the sweep, shortened as the settings say."""
    needed = config.texts + config.sweep_texts
    if len(cases) < needed:
        raise LithoError(f"{needed} texts with paraphrases are needed, but there are {len(cases)}")
    return [shortened(c, config.words) if config.words else c for c in cases[:needed]]


def _check_case(model: LanguageModel, case: Case) -> None:
    if not case.text:
        raise LithoError(f"no sentence of {case.id} is asked about in its own words")
    check_text(model, case.text)
    asked = [probe for probe in case.probes if tokenizes_apart(model, probe)]
    if not {"mem", "gen"} <= {probe.kind for probe in asked}:
        raise LithoError(f"{case.id} has no question in its own or in other words")
    for probe in asked:
        target_of(model, probe, f"{case.text}\n\n")


def _check_prose(model: LanguageModel, config: BenchConfig, prose: str, decoy_prose: str) -> None:
    if not _other_rows(model, prose, retention_blocks(model, prose, config.retention_tokens)):
        raise LithoError(
            f"the retention text is too short: of {len(model.tokens(prose))} tokens "
            f"{config.retention_tokens} are measured, and others are needed for the durability"
        )
    if prose.strip() in decoy_prose or decoy_prose.strip() in prose:
        raise LithoError("the decoys must not know the retention text: give them other prose")
    decoy_rows(model, decoy_prose)


def _shown(latest: Trial) -> dict[str, float | None]:
    """What the progress bar shows."""
    return {"imprint": latest.imprint["gen"], "drift": latest.drift, "seconds": latest.seconds}


def _other_rows(
    model: LanguageModel, prose: str, measured: Sequence[Sequence[int]]
) -> list[list[int]]:
    """Rows of the prose that share no token with those on which drift is measured."""
    offset = len(model.start)
    size = len(measured[0]) - offset
    ids = model.tokens(prose)
    taken = {tuple(row[offset:]) for row in measured}
    blocks = (ids[i : i + size] for i in range(0, len(ids) - size, size))
    free = [block[: UNRELATED_ROW - offset] for block in blocks if tuple(block) not in taken]
    return [model.start + row for row in free[:UNRELATED_ROWS]]
