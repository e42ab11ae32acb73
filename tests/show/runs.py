"""Small runs of the kinds whose reports need no model, with names that would do harm as HTML."""

import json
from pathlib import Path

import numpy as np

from litho.core.runs import RunDirectory
from litho.core.stats import Estimate
from litho.jobs.arrange.result import (
    Arranged,
    ArrangeResult,
    FilterResult,
    OperatorGain,
    Rise,
    Tried,
)
from litho.jobs.bench.result import TRIALS
from litho.jobs.bench.summary import summarize
from litho.jobs.ensemble.result import Agreement, EnsembleResult, MeasuredEffect
from litho.jobs.predict.calibration import calibrate
from litho.jobs.predict.measurements import Measurements
from litho.jobs.predict.result import (
    CalibrationResult,
    PredictedEffect,
    PredictionCost,
    PredictResult,
)
from litho.measure.agreement import Claims
from tests.builders import trial

HOSTILE = '<a href="https://evil.example">x</a><script>alert(1)</script>'


def ensemble(path: Path, command: str | None = "ensemble") -> RunDirectory:
    """Two texts, of which one has a hostile name, two probes, two seeds."""
    path.mkdir()
    run = RunDirectory(path)
    known = Estimate(value=0.5, ci=(0.25, 0.75), n=2)
    row = Agreement(
        recipe=0,
        step=20,
        seeds={HOSTILE: known},
        models=Estimate(value=None, ci=None, n=0),
        claims=Claims(made=4, replicated=0, contradicted=0),
    )
    result = EnsembleResult(run=str(path), texts=2, probes=2, agreement=(row,), leaks=())
    run.write_json("metrics.json", result.model_dump())
    effects = [
        MeasuredEffect(
            model=HOSTILE, recipe=0, seed=seed, step=20, text=text, probe=probe, delta=delta
        )
        for seed in (0, 1)
        for text, probe, delta in (
            ("one", HOSTILE, 0.125),
            (HOSTILE, "q", -0.5 if seed else -0.25),
            ("one", "q", 0.25 if seed else -0.25),
        )
    ]
    run.write_rows("effects.parquet", [effect.model_dump() for effect in effects])
    if command:
        run.write_yaml("manifest.yaml", {"command": command})
    return run


def prediction(path: Path) -> RunDirectory:
    """Without a calibration; a text, a probe and the model have hostile names."""
    path.mkdir()
    run = RunDirectory(path)
    result = PredictResult(
        method="first-order",
        harmful=(),
        opposed=(),
        redundant=(),
        suggested=(HOSTILE,),
        leaks=(),
        calibration=None,
        notices=(HOSTILE,),
        cost=PredictionCost(seconds=1.0, run_it_seconds=60.0),
        reach=(),
    )
    run.write_json("metrics.json", result.model_dump())
    effects = [
        PredictedEffect(
            text=text, probe=probe, delta=0.5, total=1.0, low=None, high=None, trusted=False
        )
        for text in (HOSTILE, "two")
        for probe in (HOSTILE, "q")
    ]
    run.write_rows("predictions.parquet", [effect.model_dump() for effect in effects])
    run.write_yaml(
        "manifest.yaml",
        {
            "command": "predict",
            "model": {"name": HOSTILE},
            "recipe": {"steps": 4, "learning_rate": 0.1},
        },
    )
    return run


def comparison(path: Path, earlier: bool = False) -> RunDirectory:
    """Two arms on two texts and a trial that failed.

    `earlier`: as an earlier version wrote it, with a trial of the sweep and a line that is cut off.
    """
    path.mkdir()
    run = RunDirectory(path)
    trials = [
        *(trial("plan", text, seed, 0.5, 0.004) for text in ("a", "b") for seed in (0, 1)),
        *(trial("duplicates", text, 0, 0.25, 0.4) for text in ("a", "b")),
        trial("plan", HOSTILE, 1, 0.5, 0.004).model_copy(update={"failed": HOSTILE}),
    ]
    run.write_json("metrics.json", summarize(trials).model_dump())
    if not earlier:
        run.write_json(TRIALS, [each.model_dump() for each in trials])
        run.write_yaml("manifest.yaml", {"command": "bench"})
        return run
    tasks = [{"task": f"trial-{i}", "trial": t.model_dump()} for i, t in enumerate(trials)]
    swept = trial("plan", "swept", 0, 0.9, 9.0).model_copy(update={"failed": "only a sweep"})
    tasks.append({"task": "sweep-1", "trial": swept.model_dump()})
    run.write_text("trials.jsonl", "\n".join([*map(json.dumps, tasks), '{"task": "cut']))
    return run


def calibrations(path: Path) -> RunDirectory:
    """One calibration, for its own probes."""
    path.mkdir()
    run, chance = RunDirectory(path), np.random.default_rng(0)
    estimates_TQF = chance.normal(size=(12, 6, 2))
    measured_TQ = estimates_TQF.sum(-1) + chance.normal(0, 0.1, (12, 6))
    recipe: dict[str, object] = {"steps": 7, "learning_rate": 0.25}
    groups = [HOSTILE, "b", "c"] * 4
    runs = Measurements(estimates_TQF, measured_TQ, np.ones(6), groups, [""] * 6)
    fitted = calibrate("first-order", "", recipe, "hash", "float32", runs)
    run.write_json("metrics.json", CalibrationResult((fitted,)).model_dump(mode="json"))
    run.write_yaml("manifest.yaml", {"command": "calibrate", "model": {"name": HOSTILE}})
    return run


def arranged(path: Path) -> RunDirectory:
    """A document, a probe and the model have hostile names; nothing was bred by chance."""
    path.mkdir()
    run = RunDirectory(path)
    known = Estimate(value=0.5, ci=(0.25, 0.75), n=2)

    def tried(name: str, role: str, amounts: dict[str, int]) -> Tried:
        return Tried(
            id=name,
            role=role,
            search=known if role == "given" else None,
            again=known,
            fresh=known,
            worst=-0.125,
            worst_probe=HOSTILE,
            tokens=1234,
            amounts=amounts,
        )

    family = [
        Arranged(
            id=name,
            search="evolution",
            generation=generation,
            parents=parents,
            operators=("given",) if not parents else ("order", "swap"),
            seeds=2,
            rise=Rise(mean=0.25 * generation, worst=-0.5),
            predicted=0.5,
            tokens=1234,
            sequence=sequence,
        )
        for name, generation, parents, sequence in (
            ("given", 0, (), ("one", HOSTILE)),
            ("g1-0", 1, ("given",), (HOSTILE, HOSTILE)),
        )
    ]
    given = tried("given", "given", {"one": 1, HOSTILE: 1})
    best = tried("g1-0", "evolution", {"one": 0, HOSTILE: 2})
    result = ArrangeResult(
        run=str(path),
        best=best,
        sequence=(HOSTILE, HOSTILE),
        written="sequence.jsonl",
        baselines={"given": given, "amounts": tried("g1-0", "amounts", best.amounts)},
        finalists=(best, given),
        difference={"given": known, "amounts": known},
        searched_probes=("q", HOSTILE),
        kept_probes=("r", "s"),
        seeds=2,
        runs=7,
        filter=FilterResult(
            tried=known,
            by_chance=Estimate(value=None, ci=None, n=0),
            seconds=0.5,
            training_seconds=7.5,
        ),
        family=tuple(family),
        said=(
            "On 2 fresh seeds and 2 kept probes g1-0 differs from the order given by +0.500 "
            "(+0.250 to +0.750) nats per target token: it is better."
        ),
        said_of_order=(
            "From its own documents in shuffled orders it differs by +0.000 (-0.250 to +0.250): "
            "that the order does anything is not shown."
        ),
        seconds=9.5,
        operators=(OperatorGain(operator="swap", children=1, rise=known),),
        notices=("there are only 9 sequences: all are tried, and none by chance",),
    )
    run.write_json("metrics.json", result.model_dump(mode="json"))
    manifest = {"command": "evolve documents", "text_name": HOSTILE, "model": {"name": HOSTILE}}
    run.write_yaml("manifest.yaml", manifest)
    return run


KINDS = {
    "arrange": arranged,
    "bench": comparison,
    "calibrate": calibrations,
    "ensemble": ensemble,
    "predict": prediction,
}
