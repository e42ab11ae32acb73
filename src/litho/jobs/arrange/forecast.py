"""The first-order filter: what a sequence would do, from a few gradients of each document.

Predicted is the sum over documents of what as many steps on each alone would do, from the start. So
the order plays no part in it, nor what documents do to each other's effects.
"""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from litho.core.reporter import Reporter
from litho.core.work import Result, WorkLedger
from litho.jobs.arrange.variation import Genome
from litho.jobs.predict.first_order import FirstOrder, first_order
from litho.learn.records import Recipe
from litho.measure.printing.probes import target_of
from litho.model.loaded import LanguageModel
from litho.model.read.scoring import Target
from litho.text.items import NamedText, Question, questions_sha256

FORMAT = 1  # changes with every change of what the result means


@dataclass(frozen=True)
class FirstOrderForecast:
    """Mean rise over the probes by document and number of readings, nats per target token."""

    documents: Sequence[str]
    rises_RD: np.ndarray  # of 1, 2, 3, … readings
    seconds: float  # that working it out took

    def __call__(self, genome: Genome) -> float:
        """Of a sequence."""
        read = Counter(genome)
        return sum(
            float(self.rises_RD[read[name] - 1, place])
            for place, name in enumerate(self.documents)
            if read[name]
        )


def forecast_of(
    model: LanguageModel,
    recipe: Recipe,
    texts: Sequence[NamedText],
    questions: Sequence[Question],
    ledger: WorkLedger,
    reporter: Reporter,
) -> FirstOrderForecast:
    """Worked out once, for as many readings as the recipe has steps; the ledger keeps it.

    Raises LithoError if the steps on a document alone lead to where the loss is no number.
    """

    def work() -> Result:
        began = time.monotonic()
        found = first_order(
            model,
            recipe,
            [Target(tuple(model.encode(text.text)), 1) for text in texts],
            [target_of(model, question) for question in questions],
            reporter,
        )
        values = {name: each.tolist() for name, each in vars(found).items()}
        return {**values, "seconds": time.monotonic() - began}

    specification = {
        "forecast": FORMAT,
        "model": model.source.sha256(),
        "texts": [text.sha256 for text in texts],
        "questions": questions_sha256(questions),
        "recipe": recipe.model_dump(mode="json"),
        "placement": model.placement.described(),
    }
    (kept,) = ledger.complete([(specification, work)])
    effects = FirstOrder(np.array(kept["stretches_KTQ"]), np.array(kept["cosines_TT"]))
    readings = range(1, recipe.steps + 1)
    rises_RD = np.array([effects.estimates(count)[-1].mean(axis=1) for count in readings])
    return FirstOrderForecast([text.id for text in texts], rises_RD, kept["seconds"])
