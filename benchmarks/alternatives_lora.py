"""Plain LoRA on the page, or on versions of it in the model's own words."""

import random
from collections.abc import Iterator
from functools import partial

from alternatives_page import Bench, Page, Ready
from alternatives_training import MADE, Clock, trained_lora

from litho.core.work import Result
from litho.learn.sources import in_turn
from litho.measure.scorer import ModelScorer
from litho.model.loaded import LanguageModel
from litho.text.sentences import sentences, words

STOPS = ("best I gen", "best anchor")  # the first sees the probes, which a user could not
VERSIONS = 8  # of the page
SHORTEST = 5  # words of a sentence that is restated


def plain(bench: Bench, page: Page, rate: float) -> Iterator[Ready]:
    """The page again and again."""
    rows = [bench.trained.encode(page.text)]
    yield from trained_lora(in_turn(rows), rate, Clock(), bench, page, STOPS, {})


def paraphrased(bench: Bench, page: Page, rate: float) -> Iterator[Ready]:
    """The page and versions of it with sentences restated by the model, by turns."""
    made = page.kept("paraphrases", partial(paraphrases, bench.trained, page.text, bench.seconds))
    rows = [bench.trained.encode(version) for version in made["versions"]]
    counts = {key: made[key] for key in ("sentences", "tried", "restated")}
    clock = Clock(made["seconds"])
    yield from trained_lora(in_turn(rows), rate, clock, bench, page, STOPS, counts)


def paraphrases(model: LanguageModel, text: str, seconds: float) -> Result:
    """Versions of a text, the first as it is; each sentence is taken from those it can be.

    A restatement counts where `litho.model.read.restating` takes it as said by the text.
    """
    clock, chance, scorer = Clock(), random.Random("paraphrases"), ModelScorer(model)
    parts = [part for part in sentences(text) if part in text]
    longer = [part for part in parts if len(words(part)) >= SHORTEST]
    chance.shuffle(longer)
    restated: dict[str, list[str]] = {}
    for part in longer:
        if clock.spent > MADE * seconds:
            break
        restated[part] = scorer.restatements(text, part)
    versions = [text]
    for _ in range(VERSIONS if any(restated.values()) else 0):
        version = text
        for part, others in restated.items():
            version = version.replace(part, chance.choice([part, *others]), 1)
        versions.append(version)
    return {
        "versions": versions,
        "sentences": len(longer),
        "tried": len(restated),
        "restated": sum(bool(others) for others in restated.values()),
        "seconds": clock.spent,
    }
