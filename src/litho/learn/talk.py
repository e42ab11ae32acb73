"""Rows of everyday talk in the chat format, on which a model is held to its base."""

from litho.model.loaded import LanguageModel
from litho.model.read.chat import answered, question, replies
from litho.text.shipped import shipped_lines

REPLY_TOKENS = 48  # of an answer, at most


def talk_rows(model: LanguageModel, length: int) -> list[list[int]]:
    """Rows of `length` tokens: everyday requests and what the base answers.

    Each token of an answer is the likeliest. A row holds as many requests with their answers as
    are needed to fill it. Fewer tokens where the model's context ends before.
    """
    length = min(length, model.context)
    requests = shipped_lines("requests.txt")
    with model.state(None):
        answers = replies(model, [[question(asked)] for asked in requests], REPLY_TOKENS)
    rows, row = list[list[int]](), list[int]()
    for asked, said in zip(requests, answers, strict=True):
        row += answered(model, [question(asked)], said).ids
        if len(row) >= length:
            rows.append(row[:length])
            row = []
    return rows
