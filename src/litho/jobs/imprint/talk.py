"""What is shown in the model's chat format, and the everyday talk on which it is held."""

import math
from collections.abc import Sequence
from typing import Any

from litho.jobs.imprint.config import ImprintConfig
from litho.jobs.imprint.job import ImprintJob, if_it_can
from litho.learn.talk import talk_rows
from litho.model.loaded import LanguageModel
from litho.model.read.scoring import Target
from litho.present.replies import conversations_about, replies_by_turns
from litho.text.questions import Conversation


def _talks(job: ImprintJob, model: LanguageModel) -> bool:
    """Whether answers are wanted, and the model has a format for them."""
    return job.config.replies > 0 and bool(model.tokenizer.chat_template)


def conversations_of(
    job: ImprintJob, model: LanguageModel, number: int
) -> list[list[Conversation]]:
    """Questions about a page, by its place, with their answers; none for a model without a chat."""
    if not _talks(job, model):
        return []
    job.reporter.stage("making questions")
    text, seed = job.inputs.pages[number].text, job.config.seed

    def make() -> list[list[dict[str, Any]]]:
        about = conversations_about(model, text, seed)
        return [[one.model_dump() for one in asked] for asked in about]

    name = job.of_page("questions.json", number)
    found = job.run.once(name, lambda: if_it_can(job, "no answers are shown", make))
    return [[Conversation(**one) for one in asked] for asked in found]


def replies_in(
    model: LanguageModel, about: Sequence[Sequence[Conversation]], config: ImprintConfig
) -> list[list[Target]]:
    """What is shown with each presentation of a page."""
    count = min(config.replies, math.ceil(len(about) / 3))
    return replies_by_turns(model, about, config.presentations, count, config.seed)


def everyday_talk(job: ImprintJob, model: LanguageModel) -> list[list[int]]:
    """Rows of requests with what the base answers; none where no answers are shown."""
    if not _talks(job, model):
        return []
    job.reporter.stage("listening to everyday talk")
    without, length = "the model is not held on everyday talk", job.config.replay_length

    def listen() -> list[list[int]]:
        return if_it_can(job, without, lambda: talk_rows(model, length))

    rows: list[list[int]] = job.run.once("talk.json", listen)
    return rows
