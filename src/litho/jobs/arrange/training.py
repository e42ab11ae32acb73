"""One training over a sequence of documents, as it can be sent to another process."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from litho.core.work import Result, WorkLedger
from litho.jobs.ensemble.fine_tunes import opened, opened_same
from litho.learn.recipe import read_and_ask
from litho.learn.records import Recipe
from litho.measure.printing.probes import score
from litho.model.placement import Placement
from litho.model.sources import locate
from litho.model.state import State
from litho.text.items import NamedText, Question, questions_sha256

FORMAT = 1  # changes with every change of what a training means


@dataclass(frozen=True)
class Training:
    """Reads texts one after the other, one a step, and is asked all probes at the end."""

    model: str
    sha256: str  # of the model
    texts: tuple[NamedText, ...]  # one a step
    questions: tuple[Question, ...]
    recipe: Recipe
    placement: Placement

    @property
    def specification(self) -> dict[str, Any]:
        """What the result is made from: names of documents and probes are no part of it."""
        return {
            "training": FORMAT,
            "model": self.sha256,
            "texts": [text.sha256 for text in self.texts],
            "questions": questions_sha256(self.questions),
            "recipe": self.recipe.model_dump(mode="json"),
            "placement": self.placement.described(),
        }

    def __call__(self) -> Result:
        """Train and ask. Raises LithoError if the model here is not the one that was meant."""
        model = opened_same(self.model, self.sha256, self.placement)
        steps, texts = self.recipe.steps, [text.text for text in self.texts]
        return read_and_ask(model, self.recipe, texts, self.questions, [steps])


def answers_of(result: Result) -> list[float]:
    """Mean log-probability per target token of each probe at the end of a training."""
    (answers,) = result["answers"].values()
    return list(answers)


def answers_before(
    ledger: WorkLedger, name: str, placement: Placement, questions: Sequence[Question]
) -> list[float]:
    """What the model says to the probes before any training."""
    specification = {
        "before": FORMAT,
        "model": locate(name).sha256(),
        "questions": questions_sha256(questions),
        "placement": placement.described(),
    }

    def work() -> Result:
        return {"answers": {"0": score(State(opened(name, placement)), questions)}}

    (result,) = ledger.complete([(specification, work)])
    return answers_of(result)
