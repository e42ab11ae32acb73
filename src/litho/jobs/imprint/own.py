"""Texts of the user's own on which a model is held to its base."""

from collections.abc import Sequence

from litho.jobs.imprint.handbook import windows
from litho.model.loaded import LanguageModel

KEPT_OUT = 5  # every fifth stretch is kept out of training, and drift is measured on it
MOST = 160  # stretches, evenly: all of them are read once in a run

Rows = list[list[int]]


def own_rows(model: LanguageModel, texts: Sequence[str], length: int) -> tuple[Rows, Rows]:
    """Stretches of `length` tokens: to train on, and to measure on."""
    rows = [row for text in texts for row in windows(model, text, length)]
    if len(rows) > MOST:
        rows = [rows[i * len(rows) // MOST] for i in range(MOST)]
    held = [row for number, row in enumerate(rows, 1) if number % KEPT_OUT]
    return held, rows[KEPT_OUT - 1 :: KEPT_OUT]
