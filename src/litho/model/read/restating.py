"""What the model says when it is asked to restate a sentence, and whether the text bears it out."""

import re
from collections.abc import Callable
from contextlib import suppress

import torch

from litho.core.errors import LithoError
from litho.model.loaded import LanguageModel
from litho.model.read.chat import chat_ids, question
from litho.model.read.sampling import generate
from litho.model.read.scoring import Target, target_logprobs

TRIES = 4
ROOM = 1.5  # a restatement may have this many times the tokens of the sentence
_FACT = re.compile(r"\d[\d.,:]*|[A-ZА-Я]\w+")


def restatements(
    model: LanguageModel,
    text: str,
    sentence: str,
    first_sentence: Callable[[str], str | None],
    seed: int,
) -> list[str]:
    """Restatements of a sentence of `text` that the model itself makes and takes as entailed.

    `first_sentence` finds a finished sentence at the beginning of what the model says. One that
    adds or loses a number or a name is dropped, since a small model says yes to much.
    """
    restated: list[str] = []
    for said in _said(model, sentence, seed):
        first = first_sentence(said)
        if first and _facts(first) == _facts(sentence):
            restated.append(first)
    new = dict.fromkeys(said for said in restated if said != sentence)
    return [said for said in new if _entailed(model, text, said)]


def _facts(sentence: str) -> set[str]:
    """Numbers and capitalized words, but for the sentence's first word."""
    return {m.group().rstrip(".,:") for m in _FACT.finditer(sentence) if m.start()}


@torch.no_grad()
def _said(model: LanguageModel, sentence: str, seed: int) -> list[str]:
    ids = _request(model, sentence)
    length = int(ROOM * len(model.tokens(sentence))) + 8
    if len(ids) + length > model.context:
        return []
    ids_BT = torch.tensor([ids], device=model.device)
    rows = generate(
        model,
        ids_BT,
        seed,
        temperature=0.7,
        top_p=0.9,
        top_k=50,
        num_return_sequences=TRIES,
        max_new_tokens=length,
    )
    return [
        str(model.tokenizer.decode(row[len(ids) :], skip_special_tokens=True)).strip()
        for row in rows.tolist()
    ]


def _request(model: LanguageModel, sentence: str) -> list[int]:
    """A model that was trained to chat is asked; another one goes on from a hint."""
    if model.tokenizer.chat_template:
        with suppress(LithoError):  # its template may use tokens that it does not know
            return chat_ids(model, [question(f"Say this in other words: {sentence}")])
    return model.encode(f"{sentence} In other words:")


def _entailed(model: LanguageModel, text: str, statement: str) -> bool:
    """Whether, given the text, the model finds "true" likelier than "false", and more than without.

    The second part takes out what it would say to anything.
    """
    question = f"True or false: {statement}\nAnswer:"
    given, alone = (_leaning(model, f"{before}{question}") for before in (f"{text}\n\n", ""))
    return given > max(0.0, alone)


def _leaning(model: LanguageModel, question: str) -> float:
    """log P(" true") - log P(" false"), nats."""
    ids = model.encode(question)
    targets = [Target((*ids, *model.tokens(answer)), len(ids)) for answer in (" true", " false")]
    if max(len(target.ids) for target in targets) > model.context:
        return 0.0
    true, false = target_logprobs(model, targets)
    return true - false
