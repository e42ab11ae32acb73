"""Weak points of a model, each measured against a matched control.

Of trials (`litho.text.school.trials`): bits that a context saves of an answer = -log2 P(answer |
question) + log2 P(answer | context and question), P over the candidates alone.
"""

from collections.abc import Mapping, Sequence
from statistics import fmean

from litho.core.errors import LithoError
from litho.core.records import Record
from litho.core.reporter import Reporter
from litho.core.stats import Estimate, mean
from litho.measure.school.closed import answer_logps, closed_sets
from litho.measure.school.instrument_records import Instruments, LayerFlow, Saved, Tense
from litho.measure.school.records import Answer
from litho.measure.school.scores import bits, credit, estimate, place
from litho.model.loaded import LanguageModel
from litho.model.watch.last_place import read_last, read_out
from litho.text.school.questions import Question
from litho.text.school.trials import Conflict, Trial

TENSEST = 12  # scenes that are named


def read_instruments(
    model: LanguageModel,
    trials: Mapping[str, Sequence[Trial]],
    conflicts: Sequence[Conflict],
    gap: Estimate,
    reporter: Reporter,
) -> Instruments:
    """`trials`: `retention`, `resonance` and `tension`; `gap`: see `wording_gap`."""
    reporter.stage("following attention")
    flow = attention_flow(model, conflicts)
    every = [(name, trial) for name, some in trials.items() for trial in some]
    reporter.stage("trying contexts", len(every) * 3)
    found = paid([trial for _, trial in every], model, reporter)
    known = {
        name: [(t, b) for (n, t), b in zip(every, found, strict=True) if n == name and b]
        for name in trials
    }
    tense = sorted(known["tension"], key=lambda each: each[1][1].bits - each[1][0].bits)
    return Instruments(
        flow=tuple(flow),
        gap=gap,
        retention=_by_group(model, known["retention"]),
        resonance=_by_group(model, known["resonance"]),
        tension=_by_group(model, known["tension"]),
        tensest=tuple(
            Tense(question=t.helped, answer=t.answers[t.right], bits=p[0].bits - p[1].bits)
            for t, p in tense[:TENSEST]
        ),
        left_out=sum(each is None for each in found),
    )


class Paid(Record):
    """What an answer costs behind a context, and whether it is the likeliest."""

    bits: float
    right: float


def paid(
    trials: Sequence[Trial], model: LanguageModel, reporter: Reporter
) -> list[tuple[Paid, ...] | None]:
    """Of each trial alone, helped and by the other; None where one does not fit."""
    contexts = [context for trial in trials for context in trial.contexts]
    sets = closed_sets(model, contexts, [trial.answers for trial in trials for _ in trial.contexts])
    fits = [max(s.length for s in sets[i : i + 3]) <= model.context for i in range(0, len(sets), 3)]
    asked = [each for i, each in enumerate(sets) if fits[i // 3]]
    said = iter(answer_logps(model, asked, reporter.advance))
    found: list[tuple[Paid, ...] | None] = []
    for trial, fit in zip(trials, fits, strict=True):
        some = [next(said) for _ in trial.contexts] if fit else []
        costs = (Paid(bits=bits(e, trial.right), right=credit(e, trial.right)) for e in some)
        found.append(tuple(costs) or None)
    return found


def _by_group(
    model: LanguageModel, known: Sequence[tuple[Trial, tuple[Paid, ...]]]
) -> tuple[Saved, ...]:
    groups: dict[str, list[tuple[Trial, tuple[Paid, ...]]]] = {}
    for trial, costs in known:
        groups.setdefault(trial.group, []).append((trial, costs))
    return tuple(_saved(model, name, some) for name, some in groups.items())


def _saved(
    model: LanguageModel, name: str, some: Sequence[tuple[Trial, tuple[Paid, ...]]]
) -> Saved:
    by = [trial.unit for trial, _ in some]
    saved = [alone.bits - helped.bits for _, (alone, helped, _) in some]
    control = [alone.bits - other.bits for _, (alone, _, other) in some]
    rights = [fmean(costs[i].right for _, costs in some) for i in range(3)]
    return Saved(
        group=name,
        n=len(some),
        tokens=fmean(len(model.tokens(trial.between)) for trial, _ in some),
        saved=estimate(saved, by),
        control=estimate(control, by),
        beyond=estimate([a - b for a, b in zip(saved, control, strict=True)], by),
        right=(rights[0], rights[1], rights[2]),
    )


def attention_flow(model: LanguageModel, conflicts: Sequence[Conflict]) -> list[LayerFlow]:
    """Layer by layer; nothing where a model has no blocks that can be read out.

    turned = change of logit(changed word) - logit(later word), from the text as it is to the
    text with one word changed.
    """
    turned: list[list[float]] = []
    control: list[list[float]] = []
    for conflict in conflicts:
        texts = (conflict.said, conflict.later_changed, conflict.first_changed)
        sets = closed_sets(model, texts, [conflict.answers] * len(texts))
        if max(each.length for each in sets) > model.context:
            continue
        try:
            leans = [
                _leaning(model, each.shared, [end[0] for end in each.endings]) for each in sets
            ]
        except LithoError:  # its blocks are not to be found
            return []
        turned.append([after - before for before, after in zip(leans[0], leans[1], strict=True)])
        control.append([after - before for before, after in zip(leans[0], leans[2], strict=True)])
    pairs = zip(zip(*turned, strict=True), zip(*control, strict=True), strict=True)
    return [
        LayerFlow(layer=layer, turned=mean(found), control=mean(others))
        for layer, (found, others) in enumerate(pairs)
    ]


def _leaning(model: LanguageModel, row: Sequence[int], words: Sequence[int]) -> list[float]:
    """logit(second word) - logit(first), read out at each layer."""
    logits_LV = read_out(model, read_last(model, row))
    return (logits_LV[:, words[1]] - logits_LV[:, words[0]]).tolist()


def wording_gap(asked: Sequence[Question], said: Sequence[Answer]) -> Estimate:
    """Of facts that were asked in both kinds of words."""
    costs: dict[tuple[str, str], float] = {
        (question.kind, question.facts[0]): bits(answer.logps, place(question))
        for question, answer in zip(asked, said, strict=True)
        if question.kind in ("memorised", "paraphrase")
    }
    facts = [fact for kind, fact in costs if kind == "memorised" and ("paraphrase", fact) in costs]
    return mean([costs["paraphrase", fact] - costs["memorised", fact] for fact in facts])
