"""The main job: print a text into a model and prove what happened."""

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, Protocol

import torch
from pydantic import Field

from litho.core.records import Plan
from litho.core.runs import Ledger, RunDirectory
from litho.measure.drift import retention_blocks
from litho.measure.verdict import Verdict, judge
from litho.model import adapters
from litho.model.alternatives import ModelScorer
from litho.model.loading import LanguageModel, ModelSource, load, locate
from litho.model.sampling import self_samples
from litho.train.baseline import MADE, Baseline, measure_baseline
from litho.train.control import DriftController
from litho.train.cost import Cost, expected_cost
from litho.train.inputs import (
    Inputs,
    load_inputs,
    open_model,
    replay_openings,
    save_inputs,
    split_scenes,
)
from litho.train.loop import Arm, LoopConfig, Replay, Step, checkpoint_path, train_arm
from litho.train.monitor import ArmMonitor
from litho.train.presentations import HalfScorer, duplicates, plan_presentations
from litho.train.proof import (
    ArmMetrics,
    ArmProof,
    prove_arm,
    write_maps,
    write_neighbours,
    write_probes,
)

IMPRINT, DUPLICATES = "imprint", "duplicates"
CURVE_BLOCKS = 8  # blocks of the retention text in each check along the training


class ImprintConfig(LoopConfig):
    """Settings of the main job."""

    budget: float = Field(0.015, gt=0)  # nats a token that the model may drift
    max_mean_kl: float = Field(1.0, gt=0)  # volatility budget of a variant, nats
    max_surprise: float = Field(15.0, gt=0)  # likewise
    controls: Literal["duplicates", "none"] = "duplicates"
    replay_pool: int = Field(48, ge=8)  # self-samples for the drift term
    replay_unseen: int = Field(16, ge=1)  # self-samples kept out of training
    replay_length: int = Field(64, ge=8)  # tokens of each
    retention_tokens: int = Field(4096, ge=1)  # how much of the retention text is measured
    dtype: Literal["bfloat16", "float32"] = "bfloat16"  # of the base while training


class Reporter(Protocol):
    """Where the job tells how far it is."""

    def stage(self, title: str, total: int | None = None) -> None: ...
    def advance(self, done: int, **shown: float | None) -> None: ...


class ImprintResult(ArmMetrics):
    """What `metrics.json` and `--json` hold: the numbers of the imprint and of its controls."""

    verdict: Verdict
    reasons: tuple[str, ...]
    run: str
    adapter: str
    controls: dict[str, ArmMetrics]
    budget: float
    presentations: int
    tokens: int  # supervised, all presentations together
    scenes: int  # into how many the text was cut to fit the model's context
    seed: int
    adapter_sha256: str
    seconds: float


@dataclass(frozen=True)
class Job:
    """A started run with what it started from."""

    run: RunDirectory
    inputs: Inputs
    config: ImprintConfig
    source: ModelSource
    reporter: Reporter

    @property
    def arms(self) -> list[str]:
        return [IMPRINT] + ([DUPLICATES] if self.config.controls == "duplicates" else [])

    def adapter_folder(self, arm: str) -> Path:
        return self.run.path / ("adapter" if arm == IMPRINT else f"controls/{arm}")


def start(inputs: Inputs, config: ImprintConfig, out: Path) -> RunDirectory:
    """Check everything, then make the run directory with its manifest.

    Raises LithoError, with nothing written, if any input is unusable.
    """
    model = open_model(inputs)
    split_scenes(model, inputs.text)
    run = RunDirectory.create(out)
    save_inputs(run, inputs)
    cost = _expected_cost(model, inputs, config)
    run.write_yaml("manifest.yaml", _manifest(model.source, config, cost))
    return run


def _expected_cost(model: LanguageModel, inputs: Inputs, config: ImprintConfig) -> Cost:
    rows = config.replay_pool + config.replay_unseen
    return expected_cost(
        model,
        text_tokens=len(model.tokens(inputs.text)),
        probes=len(inputs.probes or []) or 3 * MADE,
        retention_tokens=config.retention_tokens,
        presentations=config.presentations,
        replay_tokens=(config.replay_rows * config.replay_length, rows * config.replay_length),
        arms=1 if config.controls == "none" else 2,
        check_every=config.check_every,
    )


def _manifest(source: ModelSource, config: ImprintConfig, cost: Cost) -> dict[str, Any]:
    return {
        "command": "imprint",
        "config": config.model_dump(),
        "model": {
            "name": source.name,
            "base": source.reference,
            "revision": source.revision,
            "sha256": source.sha256(),
        },
        "expected": cost.model_dump(),
        "threads": torch.get_num_threads(),
        "machine": platform.machine(),
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in ("litho", "torch", "transformers", "peft")},
    }


def imprint(run: RunDirectory, reporter: Reporter) -> ImprintResult:
    """Do what is left to do of a started run; the result is also in its metrics.json."""
    manifest = run.read_yaml("manifest.yaml")
    torch.set_num_threads(manifest["threads"])  # sums depend on how they are split
    inputs = load_inputs(run)
    config = ImprintConfig(**manifest["config"])
    job = Job(run, inputs, config, locate(inputs.model), reporter)
    baseline = Baseline(**run.once("baseline.json", lambda: _measure_before(job)))
    if not all(job.adapter_folder(arm).exists() for arm in job.arms):
        _train(job, baseline)
    proofs = _prove(job, baseline)
    result = _conclude(job, proofs)
    run.write_json("metrics.json", result.model_dump())
    return result


def _measure_before(job: Job) -> dict[str, Any]:
    job.reporter.stage("measuring the model before")
    model = load(job.source, torch.float32)
    scenes = split_scenes(model, job.inputs.text)
    return measure_baseline(model, job.inputs, scenes, job.config.seed).model_dump()


def _train(job: Job, baseline: Baseline) -> None:
    """Plan the presentations, sample what must not drift, train every arm that is missing."""
    run, config = job.run, job.config
    model = load(job.source, getattr(torch, config.dtype))
    scenes = split_scenes(model, job.inputs.text)
    plan = Plan(**run.once("plan.json", lambda: _plan(job, model, scenes)))
    samples = run.once("replay.json", lambda: _sample(job, model))
    job.reporter.stage("reading what must not drift")
    pool, unseen = samples[: config.replay_pool], samples[config.replay_pool :]
    retention = retention_blocks(model, job.inputs.retention_text(), config.retention_tokens)
    replay = Replay.read(model, pool)
    monitor = ArmMonitor(
        model,
        baseline,
        Replay.read(model, unseen),
        Replay.read(model, retention[:: max(1, len(retention) // CURVE_BLOCKS)][:CURVE_BLOCKS]),
    )
    presentations = [[model.encode(row) for row in v.rows] for v in plan.variants]
    controller = DriftController(budget=config.budget)
    arm = Arm(IMPRINT, presentations, controller, anchored=True)
    steps = _train_arm(job, model, arm, replay, monitor, config)
    if DUPLICATES in job.arms:
        used = config.model_copy(update={"presentations": len(steps)})
        text = [model.encode(scene) for scene in scenes]
        copies = [duplicates(text, step.tokens) for step in steps]
        arm = Arm(DUPLICATES, copies, controller=None, anchored=False)
        _train_arm(job, model, arm, replay, monitor, used)


def _plan(job: Job, model: LanguageModel, scenes: Sequence[str]) -> dict[str, Any]:
    config = job.config
    job.reporter.stage("making variants", config.presentations)
    plan = plan_presentations(
        model,
        scenes,
        HalfScorer(ModelScorer(model), held_out=False),
        config.presentations,
        config.max_mean_kl,
        config.max_surprise,
        config.seed,
        job.reporter.advance,
    )
    return plan.model_dump()


def _sample(job: Job, model: LanguageModel) -> list[list[int]]:
    config = job.config
    job.reporter.stage("letting the model talk, to hold on to what it says")
    count = config.replay_pool + config.replay_unseen
    return self_samples(model, replay_openings(count), config.replay_length, config.seed)


def _train_arm(
    job: Job,
    model: LanguageModel,
    arm: Arm,
    replay: Replay,
    monitor: ArmMonitor,
    config: LoopConfig,
) -> list[Step]:
    job.reporter.stage(f"printing ({arm.name})", config.presentations)

    def report(step: Step) -> None:
        check = step.check
        shown = {"imprint": check.anchor, "drift": check.drift_self} if check else {}
        job.reporter.advance(step.presentations, **shown)
        job.run.tick()

    steps = train_arm(model, arm, replay, monitor, job.run, config, report)
    adapters.save(model, arm.name, job.adapter_folder(arm.name))
    adapters.detach(model)
    return steps


def _prove(job: Job, baseline: Baseline) -> dict[str, ArmProof]:
    run, config = job.run, job.config
    job.reporter.stage("measuring the model after")
    model = load(job.source, torch.float32)
    for arm in job.arms:
        adapters.load(model, arm, job.adapter_folder(arm))
    rows = retention_blocks(model, job.inputs.retention_text(), config.retention_tokens)
    proofs = {arm: prove_arm(model, arm, baseline, rows) for arm in job.arms}
    write_probes(run, baseline, proofs)
    write_neighbours(run, model, baseline, proofs)
    write_maps(run, model, split_scenes(model, job.inputs.text), IMPRINT)
    return proofs


def _conclude(job: Job, proofs: dict[str, ArmProof]) -> ImprintResult:
    run, config = job.run, job.config
    own = proofs[IMPRINT].metrics
    controls = {arm: proof.metrics for arm, proof in proofs.items() if arm != IMPRINT}
    control = controls.get(DUPLICATES)
    judgement = judge(
        own.imprint,
        own.drift.retention,
        config.budget,
        (control.imprint, control.drift.retention) if control else None,
    )
    ledger = Ledger(run)
    steps = [Step(**record) for record in ledger.records(IMPRINT)]
    ledger.close()
    for arm in job.arms:
        checkpoint_path(run, arm).unlink(missing_ok=True)
    return ImprintResult(
        verdict=judgement.verdict,
        reasons=judgement.reasons,
        run=str(run.final_path),
        adapter=str(run.final_path / "adapter"),
        controls=controls,
        budget=config.budget,
        presentations=len(steps),
        tokens=sum(step.tokens for step in steps),
        scenes=len(run.read_json("plan.json")["scenes"]),
        seed=config.seed,
        adapter_sha256=adapters.adapter_sha256(job.adapter_folder(IMPRINT)),
        seconds=round(run.seconds, 1),
        **own.model_dump(),
    )
