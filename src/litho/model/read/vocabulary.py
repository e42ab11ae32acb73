"""Tokens that a model knows well: what a presentation may be made of."""

from collections.abc import Collection, Sequence
from functools import cached_property

import torch

from litho.model.loaded import LanguageModel
from litho.model.read.normal import gives_back, shown, unread
from litho.model.read.scoring import logits

SUSPECT_SHARE = 0.02  # of the vocabulary that is looked at more closely
LEAST_REPEATED = 0.01  # probability of saying a known token once more


class Vocabulary:
    """Says which tokens of a model are under-trained, and why a text is not safe to present.

    Land and Bartolo 2024, "Fishing for Magikarp": rows of the embedding that training hardly
    touched lie near those of tokens that never occur in text, here the special tokens. The nearest
    2 % are suspects; a suspect that the model, shown it three times on lines of its own, repeats
    with a probability below 0.01 is under-trained.
    """

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self._undertrained: dict[int, bool] = {}

    def complaint(self, rows: Sequence[str], known: Collection[int] = ()) -> str | None:
        """Why rows of text are not safe, or None; tokens in `known` are let pass."""
        for row in rows:
            ids = self._model.tokens(row)
            lost = unread(self._model, row)
            if lost or not gives_back(self._model, row):
                reason = f": it has no token for {shown(lost[0])}" if lost else ""
                return f"does not survive the way through the tokenizer and back{reason}"
            if special := set(ids) & set(self._model.tokenizer.all_special_ids):
                return f"holds the special token {self._model.decode([min(special)])!r}"
            for token in sorted(set(ids) - set(known)):
                if self.undertrained(token):
                    return f"holds a token that the model hardly knows: {self._shown(token)}"
        return None

    def undertrained(self, token: int) -> bool:
        """Whether training has hardly touched a token; tested when first asked for."""
        if token not in self._undertrained:
            self._undertrained[token] = token in self._suspects and self._repeated(token) < (
                LEAST_REPEATED
            )
        return self._undertrained[token]

    @cached_property
    @torch.no_grad()
    def _suspects(self) -> frozenset[int]:
        weight_VD = self._model.network.get_input_embeddings().weight.float()
        special = [i for i in self._model.tokenizer.all_special_ids if i < len(weight_VD)]
        if special:
            reference_D = weight_VD[special].mean(0)
            likeness_V = torch.cosine_similarity(weight_VD, reference_D[None])
        else:  # weight decay draws what is never used towards zero
            likeness_V = -weight_VD.norm(dim=-1)
        count = max(1, round(SUSPECT_SHARE * len(likeness_V)))
        return frozenset(likeness_V.topk(count).indices.tolist())

    @torch.no_grad()
    def _repeated(self, token: int) -> float:
        """Probability of a token after it has been said three times."""
        model = self._model
        line = model.tokens("\n")
        ids = model.encode("Repeat the word:") + [token, *line] * 3
        if len(ids) > model.context:  # without the request
            ids = [*model.start, *[token, *line] * 3]
        ids_BT = torch.tensor([ids], device=model.device)
        last_V = logits(model, ids_BT, places=[len(ids) - 1])[0, -1]
        return last_V.float().softmax(-1)[token].item()

    def _shown(self, token: int) -> str:
        return f"{self._model.decode([token])!r} (number {token})"
