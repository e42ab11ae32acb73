"""What predictions mean for a collection of texts: harm, repetition, and what to keep."""

from collections.abc import Sequence

import numpy as np

from litho.jobs.predict.result import Harm, Opposition, Repetition

# Shapes: T texts, Q questions.
# Cosine of two first steps, above that of most pairs, from which texts count as repeating each
# other. Of 105 texts on the bundled model, where most are near 0, 14 of 15 paraphrases lay above it
# (0.09 to 0.34) and no other pair did.
REPEATS = 0.1
MANY = 10  # pairs: of fewer, most may be repetitions


def harmful(
    texts: Sequence[str], questions: Sequence[str], effects_TQ: np.ndarray, lowered_TQ: np.ndarray
) -> list[Harm]:
    """The texts that do harm, the worst first; `lowered_TQ`: where a fall is taken as shown."""
    harms = []
    for text, effects_Q, lowered_Q in zip(texts, effects_TQ, lowered_TQ, strict=True):
        lowered = np.flatnonzero(lowered_Q)
        if len(lowered):
            probes = [questions[int(i)] for i in lowered]
            harms.append(Harm(text=text, probes=probes, delta=float(effects_Q[lowered].sum())))
    return sorted(harms, key=lambda harm: harm.delta)


def opposed(
    texts: Sequence[str], questions: Sequence[str], effects_TQ: np.ndarray, shown_TQ: np.ndarray
) -> list[Opposition]:
    """The questions that texts pull apart, with the strongest on either side, the worst first.

    `shown_TQ`: where an effect is taken as shown.
    """
    oppositions = []
    for q, question in enumerate(questions):
        effects_T = np.where(shown_TQ[:, q], effects_TQ[:, q], 0)
        top, bottom = int(effects_T.argmax()), int(effects_T.argmin())
        up, down = float(effects_T[top]), float(effects_T[bottom])
        if up > 0 > down:
            pull = Opposition(
                probe=question, raised_by=texts[top], up=up, lowered_by=texts[bottom], down=down
            )
            oppositions.append(pull)
    return sorted(oppositions, key=lambda pull: -min(pull.up, -pull.down))


def redundant(texts: Sequence[str], cosines_TT: np.ndarray) -> list[Repetition]:
    """The pairs that repeat each other, the most alike first."""
    first, second = np.triu_indices(len(texts), k=1)
    cosines = cosines_TT[first, second]
    usual = max(0.0, float(np.median(cosines))) if len(cosines) >= MANY else 0.0
    repetitions = [
        Repetition(texts=(texts[int(i)], texts[int(j)]), cosine=float(cosine))
        for i, j, cosine in zip(first, second, cosines, strict=True)
        if cosine - usual >= REPEATS
    ]
    return sorted(repetitions, key=lambda pair: -pair.cosine)


def suggested(
    texts: Sequence[str], effects_TQ: np.ndarray, repeated: Sequence[Repetition]
) -> list[str]:
    """What to keep, the most helpful first.

    Left out are texts that lower more than they raise, and of two that repeat each other the one
    that raises less.
    """
    gains = dict(zip(texts, effects_TQ.sum(axis=1).tolist(), strict=True))
    kept: list[str] = []
    twins = {frozenset(pair.texts) for pair in repeated}
    for text in sorted(gains, key=lambda name: -gains[name]):
        if gains[text] > 0 and not any({text, other} in twins for other in kept):
            kept.append(text)
    return kept
