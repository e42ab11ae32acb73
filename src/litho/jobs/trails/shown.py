"""What is shown in training instead of chains, to compare with."""

import random
from dataclasses import replace

from litho.text.trails.chains import Context, Pair


def scrambled(pair: Pair, chance: random.Random) -> Pair:
    """The words of each context in an order of chance; what is asked stays last."""
    first, second = (_scrambled(context, chance) for context in pair.contexts)
    return replace(pair, contexts=(first, second))


def _scrambled(context: Context, chance: random.Random) -> Context:
    words, asked = context.text[: context.asked].split(), context.text[context.asked :]
    return Context(" ".join([*chance.sample(words, len(words)), asked]), ())


def without_connectives(pair: Pair) -> Pair:
    """Both contexts without the words that are marked as connectives."""
    first, second = (_bare(context) for context in pair.contexts)
    return replace(pair, contexts=(first, second))


def _bare(context: Context) -> Context:
    text = context.text
    for span in sorted(context.spans, key=lambda span: -span.start):
        if span.role == "connective":
            text = text[: span.start] + text[span.end :]
    return Context(" ".join(text.replace(" ,", ",").split()), ())
