"""Published rivals that train on what the model says itself, small but true to their papers."""

import random
from collections.abc import Sequence

import torch
from torch import Tensor

from litho.learn.checkpoint import Memory
from litho.learn.losses import backward_distilled
from litho.learn.objectives import Batch, Rows, predicted_behind
from litho.model.adapters import lora
from litho.model.loaded import LanguageModel
from litho.model.read.sampling import self_samples
from litho.model.read.voices import mixed_samples

OPENING = 4  # tokens of a sentence that stand for a question about it
FOLLOWS = 0.02  # share of the student's weights that the teacher takes on in each step
EXPERT = 0.5  # share of the tokens that come from the model with the text before its eyes
MIXED_VERSIONS = 6  # of each sentence


class OnPolicy:
    """The model speaks, and learns from itself with the text before its eyes.

    Self-distillation fine-tuning: Shenfeld et al. 2026, "Self-Distillation Enables Continual
    Learning", arXiv 2601.19897. The student goes on from the opening of each sentence, as many
    tokens as the sentence has; loss KL(teacher || student) on what it said; the teacher reads the
    text first and its weights are a moving average of the student's.
    """

    def __init__(self, model: LanguageModel, text: str, adapter: str, seed: int) -> None:
        self._text = model.tokens(f"{text}\n\n")
        self._adapter = adapter
        self._chance = random.Random(f"{seed} on policy")
        self._teacher: dict[str, Tensor] = {}

    def __call__(self, batch: Batch) -> float:
        model, rows = batch.model, batch.rows
        self._follow(model)
        said = self._said(model, rows)
        current = self._exchange(model, self._teacher)
        predicted = predicted_behind(model, self._text, said)
        self._exchange(model, current)
        counts = [len(sentence) - 1 for sentence in rows]
        taught = [logits_TV[-n:] for logits_TV, n in zip(predicted, counts, strict=True)]
        return backward_distilled(model, said, batch.micro_tokens, taught)

    def memory(self) -> Memory:
        return Memory(dict(self._teacher), self._chance.getstate())

    def recall(self, memory: Memory) -> None:
        version, words, gauss = memory.values
        self._chance.setstate((version, tuple(words), gauss))
        self._teacher = dict(memory.tensors)

    def _said(self, model: LanguageModel, rows: Rows) -> list[list[int]]:
        offset = len(model.start)
        openings = [model.decode(row[offset : offset + OPENING]) for row in rows]
        counts = [
            len(model.encode(opening)) + len(row) - 1
            for opening, row in zip(openings, rows, strict=True)
        ]
        said = self_samples(model, openings, max(counts), self._chance.getrandbits(48))
        return [row[:count] for row, count in zip(said, counts, strict=True)]

    @torch.no_grad()
    def _follow(self, model: LanguageModel) -> None:
        for name, weight in lora.weights(model, self._adapter).items():
            if name in self._teacher:
                self._teacher[name].lerp_(weight, FOLLOWS)
            else:
                self._teacher[name] = weight.detach().clone()

    @torch.no_grad()
    def _exchange(self, model: LanguageModel, other: dict[str, Tensor]) -> dict[str, Tensor]:
        """Put other weights into the adapter; return those that were there."""
        earlier = {}
        for name, weight in lora.weights(model, self._adapter).items():
            earlier[name] = weight.detach().clone()
            weight.copy_(other[name])
        return earlier


def mixed_rows(
    model: LanguageModel, text: str, parts: Sequence[str], seed: int
) -> list[list[list[int]]]:
    """Versions of the sentences of a text, said half by the model with the text, half by without.

    Mixed contextual self-distillation: Liu et al. 2026, "MixSD", arXiv 2605.16865: each token of
    the target is the base model's own, by chance of the one that has read the text.
    """
    sentences = [model.tokens(part) for part in parts]
    openings = [ids[:OPENING] for ids in sentences] * MIXED_VERSIONS
    longest = max(map(len, sentences))
    said = mixed_samples(model, f"{text}\n\n", openings, longest, EXPERT, seed)
    lengths = [len(model.start) + len(ids) for ids in sentences]
    return [
        [row[:length] for row, length in zip(said[i:], lengths, strict=False)]
        for i in range(0, len(said), len(parts))
    ]
