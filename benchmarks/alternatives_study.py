"""Self-study: what a model says with a page before its eyes, for a student to say without it.

Conversations as in Eyuboglu et al. 2025 ("Cartridges", arXiv 2506.06266): the model writes what a
user could ask about a passage of the page, answers it with the whole page in front, and the student
is trained to predict the answer as the model with the page does, by KL. Every other batch is plain
text instead: the model goes on from the opening of a sentence of the page.
"""

import random
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import torch
from alternatives_page import Bench, Page, Ready
from alternatives_training import MADE, Clock, trained_lora
from torch import Tensor

from litho.core.work import Result
from litho.jobs.bench.rivals import OPENING
from litho.learn.losses import backward_distilled
from litho.learn.objectives import Batch
from litho.learn.sources import Planned
from litho.measure.printing.probes import opened
from litho.model.loaded import LanguageModel
from litho.model.read.chat import chat_ids, question
from litho.model.read.prefixes import read_rows
from litho.model.read.sampling import generate, padded_in_front
from litho.text.sentences import paragraphs, sentences, words

RATE = 1e-3
SEEDS = (  # the five kinds of the paper
    "Write one short question that this text answers. Write nothing but the question.",
    "Write a request for a summary of one part of this text. Write nothing but the request.",
    "Write a request to list facts of this text, with names and numbers. Write nothing but the "
    "request.",
    "Write a question of someone who wants to make use of this text. Write nothing but the "
    "question.",
    "Write a request for something inventive that uses facts of this text. Write nothing but the "
    "request.",
)
TOGETHER = 8  # conversations that are made side by side
ROWS = 4  # in a step
ASKED, ANSWERED, CONTINUED = 32, 48, 32  # tokens, at most
SHORTEST = 15  # words of a passage that is asked about


class Said(NamedTuple):
    """A sequence with the page in it, the same without, and how many last tokens are taught."""

    teacher: list[int]
    student: list[int]
    taught: int


def distilled(bench: Bench, page: Page) -> Iterator[Ready]:
    """Context distillation: a LoRA that answers without the page as the model does with it.

    Snell et al. 2022, "Learning by Distilling Context", arXiv 2209.15189.
    """
    study = studied(bench, page)
    clock = Clock(study["seconds"])
    lesson = Lesson(bench.trained, study)
    settings = {"sequences": len(study["said"])}
    yield from trained_lora(lesson.source(), RATE, clock, bench, page, ["end"], settings, lesson)


def studied(bench: Bench, page: Page) -> Result:
    """The self-study of a page, made once for all that learn from it."""
    return page.kept("study", partial(self_study, bench.trained, page.text, bench.seconds))


class Lesson:
    """The objective of a student: to predict what the model with the page predicts."""

    def __init__(self, model: LanguageModel, study: Result) -> None:
        """Lets the untouched `model` read everything with the page once."""
        said = [Said(*each) for each in study["said"]]
        self._rows = [each.student for each in said]
        self._taught: dict[tuple[int, ...], Tensor] = {}
        with model.state(None):
            for read in read_rows(model, [each.teacher for each in said]):
                count = said[read.row].taught
                row = tuple(said[read.row].student)
                self._taught[row] = read.logits_TV[-count - 1 : -1].clone()

    def __call__(self, batch: Batch) -> float:
        taught = [self._taught[tuple(row)] for row in batch.rows]
        return backward_distilled(batch.model, batch.rows, batch.micro_tokens, taught)

    def source(self) -> Planned:
        """A few sequences a step, in an order by chance, again and again."""
        rows = random.Random("lesson").sample(self._rows, len(self._rows))
        return Planned([rows[i : i + ROWS] for i in range(0, len(rows), ROWS)])


def self_study(model: LanguageModel, text: str, seconds: float) -> Result:
    """Conversations and continuations by turns until their share of the time is over."""
    clock, chance, said = Clock(), random.Random("self-study"), list[Said]()
    while not said or clock.spent < MADE * seconds:
        said += _conversations(model, text, chance)
        said += _continuations(model, text, chance)
    return {"said": said, "seconds": clock.spent}


def _conversations(model: LanguageModel, text: str, chance: random.Random) -> list[Said]:
    passages = [part for part in paragraphs(text) if len(words(part)) >= SHORTEST] or [text]
    asked = [
        chat_ids(model, [question(chance.choice(SEEDS), chance.choice(passages))])
        for _ in range(TOGETHER)
    ]
    written = _goes_on(model, asked, ASKED, chance, temperature=0.6)
    contents = [
        str(model.tokenizer.decode(ids, skip_special_tokens=True)).strip() for ids in written
    ]
    contents = [content for content in contents if content]
    with_page = [chat_ids(model, [question(content, text)]) for content in contents]
    without = [chat_ids(model, [question(content)]) for content in contents]
    replies = _goes_on(model, with_page, ANSWERED, chance, top_k=1)
    return [
        Said(front + reply, alone + reply, len(reply))
        for front, alone, reply in zip(with_page, without, replies, strict=True)
    ]


def _continuations(model: LanguageModel, text: str, chance: random.Random) -> list[Said]:
    parts = [part for part in sentences(text) if len(model.tokens(part)) > OPENING]
    beginnings = [model.tokens(chance.choice(parts or [text]))[:OPENING] for _ in range(TOGETHER)]
    front = model.encode(opened(text))
    more = _goes_on(model, [front + ids for ids in beginnings], CONTINUED, chance, temperature=0.6)
    return [
        Said(front + ids + new, model.start + ids + new, len(ids + new))
        for ids, new in zip(beginnings, more, strict=True)
    ]


@torch.no_grad()
def _goes_on(
    model: LanguageModel,
    rows: Sequence[list[int]],
    length: int,
    chance: random.Random,
    **sampling: float,
) -> list[list[int]]:
    """What the model says behind each row, with the token that ends it if it ends early."""
    if not rows:
        return []
    ids_BT, mask_BT = padded_in_front(model, rows)
    seed = chance.getrandbits(32)
    with model.state(None):
        said = generate(model, ids_BT, seed, mask_BT, None, None, max_new_tokens=length, **sampling)
    new = said[:, ids_BT.shape[1] :].tolist()
    ends = [row.index(model.end) + 1 if model.end in row else len(row) for row in new]
    return [row[:end] for row, end in zip(new, ends, strict=True)]
