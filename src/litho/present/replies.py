"""Answers about a text in the model's chat format, to be printed with its versions."""

import random
from collections.abc import Sequence

from litho.model.loaded import LanguageModel
from litho.model.read.asking import model_questions
from litho.model.read.chat import answered, question
from litho.model.read.scoring import Target
from litho.text.probes import subject_of
from litho.text.questions import (
    Conversation,
    asked_about,
    asked_in_place,
    conversations,
    is_about,
)


def conversations_about(model: LanguageModel, text: str, seed: int) -> list[list[Conversation]]:
    """Questions about each sentence of a text that is long enough, with the sentence as answer.

    Some are made by rule, others by the model itself.
    """
    told, subject = asked_about(text), subject_of(text)
    made = model_questions(model, told, seed)
    return [
        conversations(
            said, [*asked_in_place(said), *(q for q in own if is_about(q, said))], subject
        )
        for said, own in zip(told, made, strict=True)
    ]


def replies_by_turns(
    model: LanguageModel,
    about: Sequence[Sequence[Conversation]],
    presentations: int,
    count: int,
    seed: int,
) -> list[list[Target]]:
    """`count` answers for each presentation; sentences take turns, and their questions do.

    The tokens of the answers are supervised, those of the questions are not. What is longer than
    the context is left out.
    """
    by_sentence = []
    for group in about:
        asked = [answered(model, [question(one.question)], one.answer) for one in group]
        by_sentence.append([target for target in asked if len(target.ids) <= model.context])
    by_sentence = [targets for targets in by_sentence if targets]
    random.Random(f"{seed} replies").shuffle(by_sentence)
    if not by_sentence:
        return []

    def shown(place: int) -> Target:
        turn, sentence = divmod(place, len(by_sentence))
        return by_sentence[sentence][turn % len(by_sentence[sentence])]

    return [[shown(i * count + j) for j in range(count)] for i in range(presentations)]
