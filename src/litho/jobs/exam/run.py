"""Runs of `litho exam`: questions made from a genome, put to a model and perhaps to its twin."""

import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

from litho.core.errors import LithoError
from litho.jobs.cost import LIBRARIES_GIB, Cost, seconds_per_token
from litho.jobs.exam.config import ExamSpec
from litho.jobs.exam.result import ExamRun
from litho.jobs.models import Models
from litho.jobs.runner import Checked, Context, Job
from litho.measure.school.closed import closed_sets
from litho.measure.school.exam import answers, fitting, judged
from litho.measure.school.instrument_records import Instruments
from litho.measure.school.instruments import read_instruments, wording_gap
from litho.measure.school.records import Answer
from litho.measure.school.scores import BRIDGED, place
from litho.measure.school.writing import MOST
from litho.model.loaded import LanguageModel
from litho.text.school.asked import exam_questions
from litho.text.school.genome import parse_genome
from litho.text.school.questions import Question
from litho.text.school.shortcuts import guesses
from litho.text.school.stages import School
from litho.text.school.trials import Trial, conflicts, resonance, retention, tension

COUNTED = 200  # questions whose tokens are counted for the estimate


def check(spec: ExamSpec, models: Models) -> Checked:
    """Raises LithoError if the genome is at fault, or no question fits into a model."""
    school = _school(spec)
    asked = _asked(spec, school)
    if spec.questions is not None:
        _check_world(spec, school, asked)
    kept, names = _fitting(spec, asked, models)
    model = models.load(spec.model, count=len(names))
    notices = []
    if left := len(asked) - len(kept):
        notices.append(
            f"{left} of {len(asked)} questions are longer than what is read at once, and left out"
        )
    told = {"text_name": spec.genome_name, "genome": school.genome.id}
    trials = _trials(school, [asked[i] for i in kept]) if spec.instruments else {}
    cost = _cost(model, [asked[i] for i in kept], len(names), trials)
    return Checked(cost, told, notices)


def run_exam(context: Context[ExamSpec]) -> ExamRun:
    """Each model is asked in a stage of its own."""
    run, spec, models = context.run, context.spec, context.models
    school = _school(spec)
    every = _asked(spec, school)
    kept, names = _fitting(spec, every, models)
    asked = [every[i] for i in kept]

    def said(name: str) -> dict[str, Any]:
        began = time.perf_counter()
        found = answers(models.load(names[name], count=len(names)), asked, context.reporter)
        rows = [each.model_dump() for each in found]
        return {"answers": rows, "seconds": time.perf_counter() - began}

    read = {name: run.once(f"{name}.json", partial(said, name)) for name in names}
    given = {name: [Answer(**each) for each in found["answers"]] for name, found in read.items()}
    instruments = None
    if spec.instruments:
        measure = partial(_measured, context, school, asked, given["model"])
        instruments = Instruments(**run.once("instruments.json", measure))
    context.reporter.stage("judging")
    shortcuts = guesses(school, asked)
    result = judged(asked, given["model"], shortcuts, given.get("twin"), given.get("turned"))
    run.write_rows("answers.parquet", _rows(asked, given["model"]))
    return ExamRun(
        **dict(result),
        run=str(run.final_path),
        model=spec.model,
        twin=spec.twin,
        turned=spec.turned,
        genome=school.genome.id,
        instruments=instruments,
        seconds=read["model"]["seconds"],
        notices=tuple(context.manifest["notices"]),
    )


def _school(spec: ExamSpec) -> School:
    folder = Path(spec.folder)
    return School.of(parse_genome(spec.genome, spec.genome_name, folder), folder)


def _check_world(spec: ExamSpec, school: School, asked: Sequence[Question]) -> None:
    """Raises LithoError if questions over bridges are of another world than the genome's."""
    known = next(iter(guesses(school, asked).values()), [None] * len(asked))
    for test, guess in zip(asked, known, strict=True):
        if test.kind in BRIDGED and guess is None:
            raise LithoError(
                f"{test.id} is about things that the world of {spec.genome_name} does not hold: "
                "give the genome that the build was compiled from"
            )


def _asked(spec: ExamSpec, school: School) -> list[Question]:
    return exam_questions(school) if spec.questions is None else list(spec.questions)


def _fitting(
    spec: ExamSpec, asked: Sequence[Question], models: Models
) -> tuple[list[int], dict[str, str]]:
    """Numbers of the questions that every model can read, and the models by what they are."""
    names = spec.models()
    kept = set(range(len(asked)))
    for name in names.values():
        kept &= set(fitting(models.load(name, count=len(names)), asked))
    return sorted(kept), names


Trials = Mapping[str, Sequence[Trial]]


def _trials(school: School, asked: Sequence[Question]) -> Trials:
    """Raises LithoError where nothing is known of what a question needs."""
    if school.plan is None:
        raise LithoError(
            "instruments ask about an invented world: leave --instruments out, or examine with the "
            "genome of one"
        )
    return {
        "retention": tuple(retention(school.plan)),
        "resonance": tuple(resonance(school, school.plan, asked)),
        "tension": tuple(tension(school.plan, asked)),
    }


def _measured(
    context: Context[ExamSpec], school: School, asked: Sequence[Question], said: Sequence[Answer]
) -> dict[str, Any]:
    assert school.plan
    model = context.models.load(context.spec.model, count=len(context.spec.models()))
    trials, reports = _trials(school, asked), list(conflicts(school.plan))
    found = read_instruments(model, trials, reports, wording_gap(asked, said), context.reporter)
    return found.model_dump(mode="json")


def _cost(model: LanguageModel, asked: Sequence[Question], count: int, trials: Trials) -> Cost:
    """Time and memory: what a question begins with is read once, each answer by itself."""
    some = asked[:: max(1, len(asked) // COUNTED)]
    sets = closed_sets(model, [test.context for test in some], [test.closed for test in some])
    tokens = sum(len(s.shared) + sum(map(len, s.endings)) for s in sets) / max(1, len(sets))
    bridged = sum(test.kind in BRIDGED for test in asked)
    read = count * (len(asked) * tokens + bridged * (tokens + MOST))
    letters = sum(len(c) for some in trials.values() for trial in some for c in trial.contexts)
    read += letters * tokens / max(1.0, fmean(len(test.context) for test in some))
    gib = LIBRARIES_GIB + count * 4 * model.network.num_parameters() / 2**30
    return Cost(seconds=10 + read * seconds_per_token(model), gib=gib)


def _rows(asked: Sequence[Question], said: Sequence[Answer]) -> list[dict[str, Any]]:
    """One row a question, for `answers.parquet`."""
    return [
        {
            "id": test.id,
            "kind": test.kind,
            "question": test.context,
            "answer": test.answer,
            "said": _likeliest(test, answer.logps),
            "right": _likeliest(test, answer.logps) == test.answer,
            "twin": test.twin,
            "written": answer.written,
            "said_behind": _likeliest(test, answer.spoken) if answer.spoken else None,
            "sections": list(test.sections),
            "facts": list(test.facts),
            "candidates": list(test.candidates),
            "logps": list(answer.logps),
            "rank": sorted(answer.logps, reverse=True).index(answer.logps[place(test)]) + 1,
        }
        for test, answer in zip(asked, said, strict=True)
    ]


def _likeliest(test: Question, logps: Sequence[float]) -> str:
    return test.candidates[max(range(len(logps)), key=logps.__getitem__)]


JOB = Job("exam", ExamSpec, check, run_exam)
