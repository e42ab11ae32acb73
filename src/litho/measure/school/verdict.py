"""The verdict of an exam: fluent, remembers, understands, connects; no torch."""

from collections.abc import Mapping

from litho.core.stats import Estimate
from litho.measure.school.records import Judgement, KindScore, Score, TwinScores, Verdict
from litho.text.school.questions import KINDS

FLUENT = 0.5  # lower end of the interval of `fluency`
REMEMBERS = 0.5  # of `memorised`
UNDERSTANDS = 0.5  # of `paraphrase`
SEEDS = 5  # models raised from other seeds, before anything is claimed of a way of raising them
L3, ALOUD = "two_hop_L3", "two_hop_L3 spoken"


def judge(
    tests: Mapping[str, KindScore],
    shortcuts: Mapping[str, Mapping[str, Estimate]],
    twins: TwinScores,
) -> Judgement:
    """The highest verdict of which this and all lower ones hold, and why the next does not."""
    steps: tuple[tuple[Verdict, list[str]], ...] = (
        ("fluent", _below(tests, "fluency", FLUENT)),
        ("remembers", _below(tests, "memorised", REMEMBERS)),
        ("understands", [*_below(tests, "paraphrase", UNDERSTANDS), *_guessed(tests, "rule")]),
        ("connects", _unconnected(tests, shortcuts, twins)),
    )
    if not any(found.n for kind, found in tests.items() if kind in KINDS):
        return Judgement(
            verdict="not judged", reasons=("only of an invented world is all known",), missing=()
        )
    reached: Verdict = "nothing"
    for verdict, objections in steps:
        if objections:
            return Judgement(verdict=reached, reasons=tuple(objections), missing=())
        reached = verdict
    return Judgement(
        verdict="connects", reasons=tuple(_how(tests)), missing=tuple(_missing(shortcuts, twins))
    )


def _below(tests: Mapping[str, KindScore], kind: str, least: float) -> list[str]:
    accuracy = _accuracy(tests, kind)
    low = _low(accuracy)
    if low is None:
        return [f"{kind}: not asked"]
    if low < least:
        return [f"{kind}: {accuracy.value:.2f}, of which the interval begins below {least}"]
    return []


def _guessed(tests: Mapping[str, KindScore], kind: str) -> list[str]:
    """Whether a kind that was asked is not above chance."""
    found = tests.get(kind)
    if not found or not found.n or found.chance is None:
        return []
    low = _low(found.accuracy)
    if low is None or low <= found.chance:
        return [f"{kind}: {found.accuracy.value:.2f} is not beyond chance ({found.chance:.2f})"]
    return []


def _unconnected(
    tests: Mapping[str, KindScore],
    shortcuts: Mapping[str, Mapping[str, Estimate]],
    twins: TwinScores,
) -> list[str]:
    """Why nothing says that facts are connected which were never connected in practice."""
    found = tests.get(L3)
    if not found or not found.n:
        return [f"{L3}: not asked"]
    ways = {"silent": _objections(found, found, shortcuts)}
    if found.spoken:
        ways["spoken"] = _objections(found, found.spoken, shortcuts)
    objections = []
    if all(ways.values()):
        objections = [f"{L3}, {way}: {each}" for way, said in ways.items() for each in said]
    return objections + _twin_objections(twins)


def _objections(
    kind: KindScore, score: Score, shortcuts: Mapping[str, Mapping[str, Estimate]]
) -> list[str]:
    low, said = _low(score.accuracy), []
    if low is None or kind.chance is None or low <= kind.chance:
        said.append(f"{score.accuracy.value:.2f} is not beyond chance ({kind.chance:.2f})")
    for name, by_kind in shortcuts.items():
        high = _high(by_kind.get(L3))
        if low is not None and high is not None and low <= high:
            said.append(f"not beyond the shortcut {name} ({high:.2f})")
    worst = score.bits_ci[1] if score.bits_ci else score.bits
    if worst is None or kind.chance_bits is None or worst >= kind.chance_bits:
        said.append(
            f"answers cost {score.bits:.2f} bits, not surely less than a guess "
            f"({kind.chance_bits:.2f})"
        )
    return said


def _twin_objections(twins: TwinScores) -> list[str]:
    chance = twins.chance.get(L3)
    said = []
    for kind in (L3, ALOUD):
        if _beyond(twins.fluent.get(kind), chance):
            said.append(f"{kind}: the fluent twin, which has nothing to connect, is beyond chance")
        if _beyond(twins.counterfactual.get(kind), chance):
            said.append(f"{kind}: the answers of the counterfactual twin are beyond chance")
        if _beyond((twins.unturned or {}).get(kind), chance):
            said.append(f"{kind}: a model raised on the counterfactual twin is right beyond chance")
    turned = [(twins.turned or {}).get(kind) for kind in (L3, ALOUD)]
    if twins.turned and not any(_beyond(each, chance) for each in turned):
        said.append(
            f"{L3}: a model raised on the counterfactual twin does not give its answers beyond "
            "chance"
        )
    return said


def _how(tests: Mapping[str, KindScore]) -> list[str]:
    found = tests[L3]
    ways = {"silently": found.accuracy} | ({"aloud": found.spoken.accuracy} if found.spoken else {})
    return [
        f"{L3}, {way}: {each.value:.2f}"
        for way, each in ways.items()
        if _beyond(each, found.chance)
    ]


def _missing(shortcuts: Mapping[str, Mapping[str, Estimate]], twins: TwinScores) -> list[str]:
    """What one model, or what was given, does not show."""
    said = [f"{SEEDS} seeds: this is one model"]
    if not shortcuts:
        said.append("shortcuts, to compare with")
    if not twins.fluent:
        said.append("a model raised on the fluent twin, which has to be at chance (--twins)")
    if not twins.counterfactual:
        said.append("the answers of the counterfactual twin")
    if not twins.turned:
        said.append(
            "a model raised on the counterfactual twin, whose answers have to turn round (--twins)"
        )
    return said


def _accuracy(tests: Mapping[str, KindScore], kind: str) -> Estimate:
    found = tests.get(kind)
    return found.accuracy if found else Estimate(value=None, ci=None, n=0)


def _beyond(accuracy: Estimate | None, chance: float | None) -> bool:
    low = _low(accuracy) if accuracy else None
    return low is not None and chance is not None and low > chance


def _low(estimate: Estimate) -> float | None:
    return estimate.ci[0] if estimate.ci else None


def _high(estimate: Estimate | None) -> float | None:
    if estimate is None:
        return None
    return estimate.ci[1] if estimate.ci else estimate.value
