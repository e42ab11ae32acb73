"""What a school will cost: a few steps on random tokens are timed, before anything is written."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from litho.core.runs import check_room
from litho.jobs.cost import Cost
from litho.learn.schooling import hold
from litho.learn.schooling.loop import Schooling, Teaching
from litho.learn.schooling.rows import PackedRows
from litho.measure.school.scores import BRIDGED
from litho.measure.school.writing import MOST
from litho.model.learner import Learner
from litho.model.placement import most_memory, wait_for
from litho.text.school.asked import exam_questions
from litho.text.school.gated import asked_at_gates
from litho.text.school.genome import Genome
from litho.text.school.probed import probe_texts
from litho.text.school.questions import Question
from litho.text.school.stages import School

TIMED = 3  # steps; one before them makes everything ready
COMPILED = 200_000  # tokens a second of a process, at least, in worlds
LETTERS = 2.4  # of a token, in questions about a world, at the canonical vocabulary
_FORWARD = 1 / 3  # of the work of a step
_COPIES = 4  # of the weights in a checkpoint: themselves, two moments, the mean


def teaching_of(genome: Genome) -> Teaching:
    train = genome.train
    return Teaching(
        train.batch_tokens // train.seq * train.seq,
        train.peak_lr,
        train.warmup,
        train.average.last,
        train.average.every,
    )


def school_cost(genome: Genome, folder: Path, learner: Learner, vocabulary: int) -> Cost:
    """Time and memory, gates and exam included, by steps that leave the weights as they are."""
    teaching = replace(teaching_of(genome), peak_lr=0.0)
    rows = _random_rows(teaching.batch_tokens * (TIMED + 1), genome.train.seq, vocabulary)
    schooling = Schooling(learner, teaching, [""])
    schooling.step("", rows, TIMED + 1)
    wait_for(learner.device)
    began = time.perf_counter()
    for _ in range(TIMED):
        schooling.step("", rows, TIMED + 1)
    wait_for(learner.device)
    per_token = (time.perf_counter() - began) / (TIMED * teaching.batch_tokens)
    tokens = genome.budget.tokens
    gib = most_memory(learner.device) / 2**30
    beside = sum(
        each(genome, folder) for each in (exam_tokens, gate_tokens, hold_tokens, probe_tokens)
    )
    seconds = tokens * (per_token + 1 / COMPILED) + beside * per_token
    return Cost(seconds=seconds, gib=gib)


def exam_tokens(genome: Genome, folder: Path) -> float:
    """How many tokens of training take as long as the exam.

    A token that is read takes about as long, in its small passes, and one that is written twice as
    long.
    """
    if not genome.tests:
        return 0.0
    asked = exam_questions(School.of(genome, folder))
    bridged = sum(test.kind in BRIDGED for test in asked)
    tokens = _tokens_of(genome, asked)
    return tokens * (1 + bridged / max(1, len(asked))) + bridged * 2 * MOST


def gate_tokens(genome: Genome, folder: Path) -> float:
    """How many tokens of training take as long as all gates.

    Raises LithoError if one would have nothing to ask.
    """
    if not any(stage.gate for stage in genome.stages):
        return 0.0
    school = School.of(genome, folder)
    asked = asked_at_gates(genome, school.shelf, school.plan)
    return sum(_tokens_of(genome, some) for some in asked)


def hold_tokens(genome: Genome, folder: Path) -> float:
    """How many tokens of training take as long as all that holds an adapter to its base."""
    adapter = genome.train.adapter
    if adapter is None or adapter.drift is None:
        return 0.0
    steps = genome.budget.tokens / genome.train.batch_tokens
    measured = hold.UNSEEN / hold.EVERY * _FORWARD
    return steps * hold.LENGTH * (hold.ROWS * (1 + _FORWARD) + measured)


def _tokens_of(genome: Genome, asked: Sequence[Question]) -> float:
    letters = sum(len(each) for test in asked for each in (test.context, *test.closed))
    return letters / _letters(genome)


def probe_tokens(genome: Genome, folder: Path) -> float:
    """How many tokens of training take as long as all probes, which do not go backward."""
    if genome.pacing is None:
        return 0.0
    letters = sum(len(each.text) for each in probe_texts(School.of(genome, folder)))
    probes = genome.budget.tokens / genome.pacing.probe
    return probes * letters / _letters(genome) * _FORWARD / 2  # of half of the stages on average


def _letters(genome: Genome) -> float:
    """Of a token."""
    return 1.0 if genome.tokenizer.kind == "bytes" else LETTERS


def checkpoint_bytes(learner: Learner, checkpoints: int) -> int:
    """What so many checkpoints take on a disk."""
    return 4 * _COPIES * learner.size * checkpoints


def disk_needed(genome: Genome, learner: Learner, checkpoints: str | None, schools: int = 1) -> int:
    """Bytes that the checkpoints of all stages take in the folder of the run.

    None where they get a folder of their own. Raises LithoError if they do not fit there.
    """
    needed = checkpoint_bytes(learner, (len(genome.stages) + 2) * schools)
    if checkpoints is None:
        return needed
    check_room(Path(checkpoints), needed, "--checkpoints")
    return 0


def _random_rows(tokens: int, length: int, vocabulary: int) -> PackedRows:
    ids = np.random.default_rng(0).integers(vocabulary, size=tokens)
    edges_D1, one_D = np.asarray([0, tokens]), np.zeros(1, np.int64)
    return PackedRows(ids, edges_D1, one_D, one_D, 0, length)
