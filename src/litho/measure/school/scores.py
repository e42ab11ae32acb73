"""Accuracy and bits of questions over closed sets; no torch."""

from collections.abc import Mapping, Sequence
from math import exp, log, log2
from statistics import fmean

from litho.core import stats
from litho.core.stats import Estimate
from litho.measure.school.chains import LINKS, links, named_last
from litho.measure.school.records import Answer, Chain, KindScore, Score, Spoken
from litho.text.school.questions import Question
from litho.text.school.speech import NOBODY_KNOWS

FEW = 5  # bridges, below which facts are resampled instead
BRIDGED = ("two_hop_book", "two_hop_L1", "two_hop_L2", "two_hop_L3")


def credit(scores: Sequence[float], right: int) -> float:
    """1 where the right candidate has the highest score; of a tie, the share of a guess."""
    best = max(scores)
    return (scores[right] == best) / sum(score == best for score in scores)


def bits(logps: Sequence[float], right: int) -> float:
    """-log2 P of the right candidate among the candidates."""
    most = max(logps)
    whole = most + log(sum(exp(logp - most) for logp in logps))
    return (whole - logps[right]) / log(2)


def place(question: Question, answer: str | None = None) -> int:
    """The number of a candidate, by default of the right one."""
    return question.candidates.index(answer or question.answer)


def units(questions: Sequence[Question]) -> list[str]:
    """What is resampled: questions over one bridge together, or with the same second fact."""
    facts = [question.facts[-1] if question.facts else question.id for question in questions]
    if not any(question.kind in BRIDGED for question in questions):
        return [question.id for question in questions]
    bridges = ["+".join(fact.partition(":")[0] for fact in q.facts) for q in questions]
    return bridges if len(set(bridges)) >= FEW else facts


def estimate(values: Sequence[float], by: Sequence[str]) -> Estimate:
    """Mean with a bootstrap interval; values of one unit are resampled together."""
    sums: dict[str, list[float]] = {}
    for value, unit in zip(values, by, strict=True):
        sums.setdefault(unit, []).append(value)
    return stats.ratio([sum(each) for each in sums.values()], [len(each) for each in sums.values()])


def score_of(questions: Sequence[Question], answers: Sequence[Sequence[float]]) -> Score:
    """From log P of each candidate of each question."""
    by = units(questions)
    asked = [(logps, place(q)) for q, logps in zip(questions, answers, strict=True)]
    paid = estimate([bits(*each) for each in asked], by)
    return Score(
        accuracy=estimate([credit(*each) for each in asked], by), bits=paid.value, bits_ci=paid.ci
    )


def chance(questions: Sequence[Question]) -> float | None:
    """What a guess gets; of `unknown`, always giving the answer that nobody knows."""
    if not questions:
        return None
    if questions[0].kind == "unknown":
        return max(0.5, fmean(question.answer == NOBODY_KNOWS for question in questions))
    return fmean(1 / len(question.candidates) for question in questions)


def kind_score(questions: Sequence[Question], answers: Sequence[Answer]) -> KindScore:
    """Of the questions of one kind."""
    silent = score_of(questions, [answer.logps for answer in answers])
    sizes = [len(question.candidates) for question in questions]
    spoken = None
    if answers and all(answer.spoken for answer in answers):
        spoken = _spoken(questions, answers)
    return KindScore(
        **dict(silent),
        n=len(questions),
        chance=chance(questions),
        chance_bits=fmean(map(log2, sizes)) if sizes else None,
        spoken=spoken,
    )


def _spoken(questions: Sequence[Question], answers: Sequence[Answer]) -> Spoken:
    by = units(questions)
    wrote = [(answer.written or "", q) for q, answer in zip(questions, answers, strict=True)]
    kept = [links(*each) for each in wrote]
    subject, between, answer = (estimate([float(n > i) for n in kept], by) for i in range(LINKS))
    return Spoken(
        **dict(score_of(questions, [answer.spoken or () for answer in answers])),
        written=estimate([named_last(*each) for each in wrote], by),
        chain=Chain(subject=subject, between=between, answer=answer),
    )


def by_kind(questions: Sequence[Question]) -> Mapping[str, list[int]]:
    """Numbers of the questions of each kind."""
    found: dict[str, list[int]] = {}
    for number, question in enumerate(questions):
        found.setdefault(question.kind, []).append(number)
    return found
