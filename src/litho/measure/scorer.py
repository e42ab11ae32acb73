"""The model's own likely alternatives for the words of a text."""

import re
import zlib

import torch

from litho.model.loaded import LanguageModel
from litho.model.read.restating import restatements
from litho.model.read.scoring import logits
from litho.text.operators.base import Alternative
from litho.text.sentences import first_sentence

MIN_LOGPROB = -3.0  # of the alternative: about 5 %
MIN_ORIGINAL_LOGPROB = -5.0  # a word the model did not see coming carries a fact: it stays
TOP = 8
_WORD = re.compile(r" ?[^\W\d_]{2,}")
# Words whose exchange turns a statement round.
_POLAR = frozenset(
    """
    not no never none nor neither only without before after more less most least few many all
    some any every each both either first last one two three four five six seven eight nine ten
    until since above below under over up down can may must should will would he she his her him
    """.split()  # noqa: SIM905  a list of fifty quoted words is no easier to read
)


class ModelScorer:
    """Answers what presentation operators ask of a model."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model

    @torch.no_grad()
    def alternatives(self, text: str) -> list[Alternative]:
        """One-token replacements for ordinary lower-case words of `text`.

        Both words are likely where they stand, and neither names a number or a negation.
        """
        model = self._model
        ids, spans = model.encode(text), model.spans(text)
        offset = len(model.start)
        ids_BT = torch.tensor([ids], device=model.device)
        logp_TV = logits(model, ids_BT)[0].float().log_softmax(-1)
        own = logp_TV[:-1].gather(-1, ids_BT.T[1:].to(logp_TV.device))[:, 0].tolist()
        values_TK, tokens_TK = (each.tolist() for each in logp_TV.topk(TOP, dim=-1))
        replacements = []
        for t, (start, end) in enumerate(spans):
            place = t + offset
            if place == 0 or not self._whole_word(text, start, end):
                continue
            if own[place - 1] < MIN_ORIGINAL_LOGPROB:
                continue
            start += len(text[start:end]) - len(text[start:end].lstrip())
            for value, token in zip(values_TK[place - 1], tokens_TK[place - 1], strict=True):
                word = self._continuation(ids[place - 1], token)
                if (
                    value > MIN_LOGPROB
                    and token != ids[place]
                    and word[:1] == " "
                    and _usable(word)
                ):
                    replacements.append(
                        Alternative(start=start, end=end, word=word.strip(), logprob=value)
                    )
        return replacements

    def restatements(self, text: str, sentence: str) -> list[str]:
        """The model's restatements of a sentence of `text`, see `litho.model.read.restating`."""
        seed = zlib.crc32(sentence.encode())
        return restatements(self._model, text, sentence, first_sentence, seed)

    def _continuation(self, before: int, token: int) -> str:
        """What `token` adds to the text; some tokenizers drop a space at the very beginning."""
        return self._model.decode([before, token])[len(self._model.decode([before])) :]

    @staticmethod
    def _whole_word(text: str, start: int, end: int) -> bool:
        """Whether a token is a whole ordinary word: no piece of one, no name, no number."""
        word = text[start:end]
        before = text[start - 1 : start] if word[:1] != " " else " "
        return _usable(word) and before == " " and not text[end : end + 1].isalnum()


def _usable(word: str) -> bool:
    bare = word.strip()
    return bool(_WORD.fullmatch(word)) and bare.islower() and bare not in _POLAR
