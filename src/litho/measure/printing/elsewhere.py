"""Text that the untouched base writes: near what is printed, and as answers in chat."""

import random
from collections.abc import Sequence

from litho.core import stats
from litho.core.stats import Estimate
from litho.measure.printing.records import Written
from litho.model.loaded import LanguageModel
from litho.model.read.chat import answer_ids, chat_ids, question
from litho.model.read.sampling import self_samples
from litho.model.read.scoring import kl, read_in_states
from litho.text.openings import things

NEAR_ROWS, NEAR_TOKENS = 8, 64
ANSWER_TOKENS = 20  # of an answer in chat, at most


def near_text(model: LanguageModel, text: str, seed: int) -> list[Written]:
    """What the base says of the things that `text` speaks of: their kind, with other facts.

    `NEAR_ROWS` rows of `NEAR_TOKENS` tokens, sampled; none of a text that names no such thing.
    """
    openings = things(text, NEAR_ROWS, random.Random(f"{seed} near"))
    if not openings:
        return []
    begun = [openings[i % len(openings)] for i in range(NEAR_ROWS)]
    rows = self_samples(model, begun, NEAR_TOKENS, seed)
    written = [
        Written(ids=row, first=len(model.encode(opening)))
        for row, opening in zip(rows, begun, strict=True)
    ]
    return [row for row in written if row.first < len(row.ids)]


def chat_answers(model: LanguageModel, questions: Sequence[str]) -> list[Written]:
    """The base's answer to each question in the model's chat format, each token the likeliest.

    Up to its end, at most `ANSWER_TOKENS` tokens. None by a model without a chat template, and none
    to what does not fit into the context.
    """
    if not model.tokenizer.chat_template:
        return []
    asked = [chat_ids(model, [question(content)]) for content in questions]
    asked = [ids for ids in asked if len(ids) + ANSWER_TOKENS <= model.context]
    answers = answer_ids(model, asked, ANSWER_TOKENS)
    return [
        Written(ids=ids + answer, first=len(ids))
        for ids, answer in zip(asked, answers, strict=True)
    ]


def drift_on(model: LanguageModel, rows: Sequence[Written], adapter: str) -> Estimate:
    """KL(base || tuned) over the tokens that the base wrote, nats per token; over rows."""
    sums = []
    for _, number, base_TV, tuned_TV in read_in_states(
        model, [row.ids for row in rows], None, [adapter]
    ):
        predicting = slice(rows[number].first - 1, -1)
        sums.append(kl(base_TV[predicting], tuned_TV[predicting]).double().sum().item())
    return stats.ratio(sums, [float(len(row.ids) - row.first) for row in rows])
