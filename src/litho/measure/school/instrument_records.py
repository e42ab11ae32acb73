"""What instruments say of the weak points of a model; no torch."""

from litho.core.records import Record
from litho.core.stats import Estimate


class Saved(Record):
    """What contexts of one kind save; intervals over questions.

    `saved` and `control` in bits, `beyond` their difference, question by question; `right`: shares
    of right answers with nothing, with the context, and with the control.
    """

    group: str
    n: int
    tokens: float  # of the filler, mean
    saved: Estimate
    control: Estimate
    beyond: Estimate
    right: tuple[float, float, float]


class Tense(Record):
    """A scene whose answer the model would not have given, and gives within it."""

    question: str
    answer: str
    bits: float  # saved


class LayerFlow(Record):
    """By how much the logits at the answer turn to the changed word, read out at a layer.

    0: what the first block is given. `control`: where the word of the first survey is changed.
    """

    layer: int
    turned: Estimate
    control: Estimate


class Instruments(Record):
    """What is weak in a model; an empty part could not be measured."""

    flow: tuple[LayerFlow, ...]
    gap: Estimate  # bits of facts in words that no book uses, less those in words of books
    retention: tuple[Saved, ...]  # group: sentences of filler
    resonance: tuple[Saved, ...]
    tension: tuple[Saved, ...]  # group: sections
    tensest: tuple[Tense, ...]
    left_out: int  # trials that are longer than what is read at once
