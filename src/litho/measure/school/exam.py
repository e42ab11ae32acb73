"""An exam: questions put to a model, and what its answers say."""

from collections.abc import Mapping, Sequence
from statistics import fmean

from litho.core.errors import LithoError
from litho.core.reporter import Reporter
from litho.core.stats import Estimate
from litho.measure.school.closed import answer_logps, closed_sets
from litho.measure.school.records import (
    Answer,
    BookScore,
    ExamResult,
    PairScore,
    Twins,
    TwinScores,
)
from litho.measure.school.scores import (
    BRIDGED,
    by_kind,
    credit,
    estimate,
    kind_score,
    place,
    units,
)
from litho.measure.school.verdict import ALOUD, L3, judge
from litho.measure.school.writing import paragraph, written_behind
from litho.model.loaded import LanguageModel
from litho.text.school.questions import KINDS, Question
from litho.text.school.speech import lower

ORDER = "order"  # passages, one of which may be likelier than another wherever it stands
PREMISES = 2  # sentences of its own that a model reads before it answers over a bridge
UNTAUGHT = ("fluency", "unknown")  # kinds that a twin answers alike

# Of each shortcut, a score of each candidate of each question; None where it does not apply.
Shortcuts = Mapping[str, Sequence[Sequence[float] | None]]


def examine(
    model: LanguageModel,
    tests: Sequence[Question],
    reporter: Reporter,
    shortcuts: Shortcuts | None = None,
) -> ExamResult:
    """Put questions to a model, and judge what it says.

    `shortcuts`: see `litho.text.school.shortcuts`; without them nobody knows whether a model
    connects anything. Raises LithoError if no question fits into the context.
    """
    kept = fitting(model, tests)
    some = [tests[i] for i in kept]
    chosen = {name: [guess[i] for i in kept] for name, guess in (shortcuts or {}).items()}
    return judged(some, answers(model, some, reporter), chosen)


def fitting(model: LanguageModel, tests: Sequence[Question]) -> list[int]:
    """Numbers of the questions that fit into the model's context. Raises LithoError if none do."""
    sets = closed_sets(model, [t.context for t in tests], [t.closed for t in tests])
    kept = [i for i, each in enumerate(sets) if each.length <= model.context]
    if not kept:
        raise LithoError(
            f"no question fits into the {model.context} tokens that {model.source.name} reads"
            if tests
            else "there is no question to ask: the genome needs books of a world, or from files"
        )
    return kept


def answers(model: LanguageModel, tests: Sequence[Question], reporter: Reporter) -> list[Answer]:
    """What a model says to each question; over bridges also behind what it writes itself.

    Of a passage that may come next, how much likelier it is there than at the beginning of a text.
    """
    reporter.stage("asking", len(tests))
    asked = closed_sets(model, [t.context for t in tests], [t.closed for t in tests])
    silent = answer_logps(model, asked, reporter.advance)
    ordered = [i for i, test in enumerate(tests) if test.kind == ORDER]
    alone = closed_sets(model, [""] * len(ordered), [tests[i].closed for i in ordered])
    for i, without in zip(ordered, answer_logps(model, alone), strict=True):
        silent[i] = tuple(a - b for a, b in zip(silent[i], without, strict=True))
    bridged = [i for i, test in enumerate(tests) if test.kind in BRIDGED]
    spoken: dict[int, tuple[str, tuple[float, ...]]] = {}
    if bridged:
        reporter.stage("letting it write", len(bridged))
        some = [tests[i] for i in bridged]
        written = written_behind(model, [test.question for test in some], reporter.advance)
        contexts = [spoken_context(t, said) for t, said in zip(some, written, strict=True)]
        reporter.stage("asking behind that", len(bridged))
        sets = closed_sets(model, contexts, [test.closed for test in some])
        short = [i for i, each in enumerate(sets) if each.length > model.context]
        for i in short:  # what was written leaves no room: answered without it
            sets[i] = asked[bridged[i]]
        logps = answer_logps(model, sets, reporter.advance)
        spoken = dict(zip(bridged, zip(written, logps, strict=True), strict=True))
    return [
        Answer(logps=logps, written=spoken[i][0], spoken=spoken[i][1])
        if i in spoken
        else Answer(logps=logps)
        for i, logps in enumerate(silent)
    ]


def spoken_context(test: Question, written: str) -> str:
    """A question, the first sentences that the model wrote behind it, and where it is to answer."""
    said = paragraph(written, PREMISES)
    return f"{test.question} {said} So {lower(test.lead)}" if said else test.context


def judged(
    tests: Sequence[Question],
    said: Sequence[Answer],
    shortcuts: Shortcuts | None = None,
    twin: Sequence[Answer] | None = None,
    turned: Sequence[Answer] | None = None,
) -> ExamResult:
    """What answers say.

    `twin`: those of a model that was raised on the fluent twin; `turned`: on the counterfactual.
    """
    groups = by_kind(tests)
    kinds = dict.fromkeys([*KINDS, *groups])
    scores = {
        kind: kind_score(
            [tests[i] for i in groups.get(kind, [])], [said[i] for i in groups.get(kind, [])]
        )
        for kind in kinds
    }
    cut = {name: _taken(tests, guesses) for name, guesses in (shortcuts or {}).items()}
    twins = _twin_scores(tests, said, twin, turned)
    judgement = judge(scores, cut, twins)
    return ExamResult(
        tests=scores,
        shortcuts=cut,
        twins=Twins(
            fluent=_mean(twins.fluent),
            counterfactual=_mean(twins.counterfactual),
            turned=_mean(twins.turned or {}),
        ),
        twin_scores=twins,
        **dict(judgement),
        books=tuple(_books(tests, said)),
        pairs=tuple(_pairs(tests, said)),
    )


def _taken(
    tests: Sequence[Question], guesses: Sequence[Sequence[float] | None]
) -> dict[str, Estimate]:
    """How often a shortcut leads to the right answer, by kind."""
    every = zip(tests, guesses, strict=True)
    return _by_kind(tests, [credit(guess, place(t)) if guess else None for t, guess in every])


def _by_kind(tests: Sequence[Question], values: Sequence[float | None]) -> dict[str, Estimate]:
    """Means by kind of what is known of the questions."""
    found = {}
    for kind, numbers in by_kind(tests).items():
        known = [(tests[i], value) for i in numbers if (value := values[i]) is not None]
        if known:
            by = units([test for test, _ in known])
            found[kind] = estimate([value for _, value in known], by)
    return found


def _twin_scores(
    tests: Sequence[Question],
    said: Sequence[Answer],
    twin: Sequence[Answer] | None,
    turned: Sequence[Answer] | None,
) -> TwinScores:
    """Of the questions that have another answer in the counterfactual twin."""
    other = [t.twin not in (None, t.answer) and t.kind not in UNTAUGHT for t in tests]
    guesses = [
        1 / len(test.candidates) if use else None for test, use in zip(tests, other, strict=True)
    ]
    own, its = [test.answer for test in tests], [test.twin for test in tests]
    return TwinScores(
        fluent=_of_turned(tests, other, twin, own) if twin else {},
        counterfactual=_of_turned(tests, other, said, its),
        chance={kind: found.value or 0.0 for kind, found in _by_kind(tests, guesses).items()},
        turned=_of_turned(tests, other, turned, its) if turned else None,
        unturned=_of_turned(tests, other, turned, own) if turned else None,
    )


def _of_turned(
    tests: Sequence[Question],
    other: Sequence[bool],
    said: Sequence[Answer],
    meant: Sequence[str | None],
) -> dict[str, Estimate]:
    """How often what is meant is answered, silently by kind, and aloud to the last kind."""
    every = list(zip(tests, other, said, meant, strict=True))
    silent = [credit(a.logps, place(t, right)) if use else None for t, use, a, right in every]
    aloud = [
        credit(a.spoken, place(t, right)) if use and a.spoken and t.kind == L3 else None
        for t, use, a, right in every
    ]
    spoken = _by_kind(tests, aloud)
    return _by_kind(tests, silent) | ({ALOUD: spoken[L3]} if spoken else {})


def _mean(by_kind: Mapping[str, Estimate]) -> float | None:
    values = [f.value for kind, f in by_kind.items() if f.value is not None and kind != ALOUD]
    return fmean(values) if values else None


def _books(tests: Sequence[Question], said: Sequence[Answer]) -> list[BookScore]:
    """Questions about one book, by book and kind."""
    groups: dict[str, dict[str, list[int]]] = {}
    for i, test in enumerate(tests):
        books = {section.partition("#")[0] for section in test.sections}
        if len(books) == 1:
            groups.setdefault(books.pop(), {}).setdefault(test.kind, []).append(i)
    return [
        BookScore(
            book=book,
            kinds={kind: _accuracy(tests, said, some) for kind, some in kinds.items()},
        )
        for book, kinds in sorted(groups.items())
    ]


def _accuracy(tests: Sequence[Question], said: Sequence[Answer], some: Sequence[int]) -> Estimate:
    by = units([tests[i] for i in some])
    return estimate([credit(said[i].logps, place(tests[i])) for i in some], by)


def _pairs(tests: Sequence[Question], said: Sequence[Answer]) -> list[PairScore]:
    """Questions over bridges, by the sections at both ends."""
    groups: dict[tuple[str, str, str], list[int]] = {}
    for i, test in enumerate(tests):
        if test.kind in BRIDGED and len(test.sections) == 2:
            groups.setdefault((*test.sections, test.kind), []).append(i)
    found = []
    for (first, second, kind), some in sorted(groups.items()):
        by = units([tests[i] for i in some])
        spoken = [credit(a, place(tests[i])) for i in some if (a := said[i].spoken)]
        found.append(
            PairScore(
                first=first,
                second=second,
                kind=kind,
                silent=_accuracy(tests, said, some),
                spoken=estimate(spoken, by) if len(spoken) == len(some) else None,
                chance=fmean(1 / len(tests[i].candidates) for i in some),
            )
        )
    return found
