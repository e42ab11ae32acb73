"""Architectural effects: named ways in which a change of a model shows, each with a null.

A detector is one function from `ComparedReadings` to a number that grows with the effect, or None
where the model lacks what it needs. Its null is the same number under random updates of the same
size (`litho.measure.inside.chance`); other packages add detectors through the entry-point group
`litho.detectors`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from litho.core.registry import Registry
from litho.measure.inside import phantom
from litho.measure.inside.behaviour import Behaviour
from litho.measure.inside.difference import attention_differences
from litho.measure.inside.findings import Finding
from litho.measure.inside.onset import LEVEL, band, prediction_p
from litho.measure.inside.states import StateReading
from litho.model.loaded import LanguageModel
from litho.model.placement import exactly
from litho.model.watch.attention import ComparedAttention


@dataclass(frozen=True)
class ComparedReadings:
    """Two readings of one sequence by states of the same architecture."""

    before: StateReading
    after: StateReading
    model: LanguageModel  # for its tokenizer
    said: tuple[Behaviour, Behaviour] | None = None  # before and after, where it was looked at

    @cached_property
    def heads(self) -> dict[int, ComparedAttention]:
        """Attention before and after in the layers where it was watched, by layer."""
        return attention_differences(self.before, self.after)

    @torch.no_grad()
    def statistics(self) -> dict[str, float]:
        """Every detector's number, without those that do not apply."""
        numbers = {name: detect(self) for name, detect in DETECTORS.items()}
        return {name: value for name, value in numbers.items() if value is not None}


Detector = Callable[[ComparedReadings], float | None]
DETECTORS: Registry[Detector] = Registry("detector")
detector = DETECTORS.register


def detector_meanings() -> dict[str, str]:
    """First sentence of what each detector says of itself."""
    said = {name: detect.__doc__ or "" for name, detect in DETECTORS.items()}
    said["embedding_phantom"] = phantom.__doc__ or ""  # needs a third state, and is no Comparison
    return {name: doc.strip().split("\n\n")[0].replace("\n", " ") for name, doc in said.items()}


def judge(
    observed: dict[str, float], nulls: Sequence[dict[str, float]], tests: int | None = None
) -> list[Finding]:
    """Judge each statistic by Student's t prediction distribution of its nulls.

    Bonferroni over `tests`, by default as many as there are statistics. Raises ValueError with
    fewer than three nulls.
    """
    values = np.array(list(observed.values()))
    null = np.array([[each[name] for name in observed] for each in nulls])
    p = np.minimum(prediction_p(values, null) * (tests or len(observed)), 1.0)
    low, high = band(null)
    return [
        Finding(
            name=name,
            statistic=statistic,
            null=(float(low[i]), float(high[i])),
            p=float(p[i]),
            found=bool(p[i] < LEVEL),
        )
        for i, (name, statistic) in enumerate(observed.items())
    ]


@detector
def logit_collapse(c: ComparedReadings) -> float:
    """Logits lose their spread over the vocabulary, so that all words come to look alike.

    Mean over tokens of log(std before / std after) of the logits; 0: as before.
    """
    before, after = (_of_text(r, r.predictions.spread_T) for r in (c.before, c.after))
    return (before / after).log().mean().item()


@detector
def entropy_collapse(c: ComparedReadings) -> float:
    """Predictions become certain everywhere, not only where the text has been learned.

    Mean over tokens of the fall of next-token entropy, nats.
    """
    before, after = (_of_text(r, r.predictions.entropy_T) for r in (c.before, c.after))
    return (before - after).mean().item()


@detector
def overconfidence(c: ComparedReadings) -> float:
    """Certainty grows faster than correctness.

    Rise of the calibration gap: mean probability of the likeliest token minus share of tokens that
    it hits (expected calibration error with one bin, Guo et al. 2017, section 2).
    """
    return _calibration_gap(c.after) - _calibration_gap(c.before)


@detector
def attention_divergence(c: ComparedReadings) -> float | None:
    """Heads look elsewhere: mean Jensen-Shannon divergence of attention, nats."""
    divergences = [heads.divergence_HT[:, c.before.opening :].mean() for heads in c.heads.values()]
    return torch.stack(divergences).mean().item() if divergences else None


@detector
def sink_shift(c: ComparedReadings) -> float | None:
    """Attention flows to or from the first token, its usual resting place (Xiao et al. 2024).

    Mean over layers, heads and tokens of the absolute change of its share.
    """
    changes = [
        heads.first_change_HT[:, c.before.opening :].abs().mean() for heads in c.heads.values()
    ]
    return torch.stack(changes).mean().item() if changes else None


@detector
def representation_collapse(c: ComparedReadings) -> float:
    """Tokens come to be represented in fewer directions.

    Mean over layers of log(effective rank before / after) (Roy & Vetterli 2007).
    """
    return (c.before.rank_L / c.after.rank_L).log().mean().item()


@detector
def end_of_text_damage(c: ComparedReadings) -> float | None:
    """The model stops, or will not stop, where it did before.

    Mean over tokens of the absolute change of P(end of text). Not of its logarithm, which would
    count what happens far below any chance of stopping.
    """
    if c.model.end is None:
        return None
    before, after = (_of_text(r, r.predictions.end_T) for r in (c.before, c.after))
    return (after - before).abs().mean().item()


@detector
def repetition_loop(c: ComparedReadings) -> float | None:
    """What the model says by itself goes round in circles.

    Rise of 2 sqrt(c + 3/8), where c counts the repeated 4-grams (Welleck et al. 2020, section 3) in
    samples that continue unrelated openings. The root gives counts of any size the same spread,
    about 1 (Anscombe 1948); without it a few repetitions more would look like an effect where there
    are hardly any.
    """
    if not c.said:
        return None
    before, after = (2 * math.sqrt(said.repeated + 3 / 8) for said in c.said)
    return after - before


@detector
def spill(c: ComparedReadings) -> float | None:
    """Words of the text have become likelier where they have no business (Sun et al. 2025).

    Mean rise of log P, nats per token, of the most surprising words of the text after unrelated
    openings.
    """
    if not c.said or not c.said[0].spill:
        return None
    rises = [after - before for before, after in zip(c.said[0].spill, c.said[1].spill, strict=True)]
    return sum(rises) / len(rises)


def _of_text(reading: StateReading, values_T: torch.Tensor) -> torch.Tensor:
    """What belongs to the tokens of the text."""
    return values_T[reading.opening :]


def _calibration_gap(reading: StateReading) -> float:
    predictions = reading.predictions
    top, right = predictions.probability_TK[:, 0], exactly(predictions.rank_T == 1)
    confidence = exactly(_of_text(reading, top)[:-1].mean())
    return (confidence - _of_text(reading, right)[:-1].mean()).item()
