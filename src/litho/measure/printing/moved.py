"""Places where a model expects something else than before, which a mean over tokens hides."""

from collections.abc import Sequence

import torch
from torch import Tensor

from litho.measure.printing.records import Expected, MovedToken
from litho.model.loaded import LanguageModel

MOVED = 1.0  # nats from which a token counts as moved
SHOWN = 20  # at most, the farthest
CONTEXT = 8  # words that are shown before a moved token


class MovedTokens:
    """Gathers the tokens that moved by more than `MOVED`, row by row."""

    def __init__(self, model: LanguageModel) -> None:
        self.count = 0  # of all that moved
        self._model = model
        self._farthest: list[MovedToken] = []

    def add(self, row: Sequence[int], kl_T: Tensor, base_TV: Tensor, tuned_TV: Tensor) -> None:
        """Take in a row of token ids: its KL and its logits in both states."""
        self.count += int((kl_T > MOVED).sum())
        values, places = kl_T.topk(min(SHOWN, len(kl_T)))
        for value, place in zip(values.tolist(), places.tolist(), strict=True):
            if value > MOVED:
                self._farthest.append(
                    MovedToken(
                        context=self._context(row[: place + 1]),
                        word=self._model.decode(row[place + 1 : place + 2]),
                        before=self._expected(base_TV[place]),
                        after=self._expected(tuned_TV[place]),
                        kl=value,
                    )
                )
        self._farthest = self.farthest

    @property
    def farthest(self) -> list[MovedToken]:
        """Those that moved most, at most `SHOWN`, the farthest first."""
        return sorted(self._farthest, key=lambda token: -token.kl)[:SHOWN]

    def _context(self, ids: Sequence[int]) -> str:
        words = self._model.decode(ids[len(self._model.start) :]).split()
        return " ".join(words[-CONTEXT:])

    def _expected(self, logits_V: Tensor) -> Expected:
        probability, token = torch.max(logits_V.float().softmax(-1), dim=-1)
        return Expected(word=self._model.decode([int(token)]), probability=probability.item())
