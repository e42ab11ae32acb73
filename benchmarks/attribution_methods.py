"""Attributions of questions to texts: Litho's, and simple ones that every field knows.

Each method says what a text does to a question, texts x questions; what a set of texts does is the
sum. `Reference` is the training that is looked at: that on all texts, seed 0.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module

import numpy as np
import torch
from attribution_bank import DROP_SEEDS, Pool, Subset, kind_of
from torch import Tensor, nn

from litho.core.reporter import Reporter
from litho.jobs.predict.first_order import first_order
from litho.jobs.predict.left_out import Trajectory, replay, set_weights, weights_of
from litho.learn.recipe import TRAINED
from litho.measure.printing.probes import target_of
from litho.model.adapters import lora
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel
from litho.model.read.scoring import Target
from litho.model.watch.capture import hidden_states
from litho.model.watch.sample_gradients import sample_gradients

# Shapes: T texts, Q questions, N of either, P parameters of the adapter.


@dataclass
class Reference:
    """The training on all texts, as it was."""

    pool: Pool
    bars: Reporter

    @cached_property
    def trajectory(self) -> Trajectory:
        found = self.pool.train(DROP_SEEDS[0], self.pool.whole)
        self._end_P = weights_of(self.model, TRAINED)
        lora.detach(self.model)
        return found

    @property
    def end_P(self) -> Tensor:
        assert self.trajectory
        return self._end_P

    @property
    def model(self) -> LanguageModel:
        return self.pool.model

    @contextmanager
    def at(self, weights_P: Tensor) -> Iterator[LanguageModel]:
        """The model with the adapter at these weights."""
        recipe = self.trajectory.recipe
        lora.attach(self.model, TRAINED, AdapterSpec(recipe.rank, recipe.alpha, recipe.seed))
        set_weights(self.model, TRAINED, weights_P)
        try:
            with self.model.state(TRAINED):
                yield self.model
        finally:
            lora.detach(self.model)

    @property
    def texts(self) -> list[Target]:
        return [Target(tuple(row), 1) for row in self.pool.rows]

    @property
    def questions(self) -> list[Target]:
        return [target_of(self.model, question) for question in self.pool.questions]

    @property
    def one_of_each_kind(self) -> list[int]:
        """Numbers of questions, the first of every kind."""
        kinds = [kind_of(question.id) for question in self.pool.questions]
        return [kinds.index(kind) for kind in dict.fromkeys(kinds)]


Method = Callable[[Reference], np.ndarray]


def litho_cheap(reference: Reference) -> np.ndarray:
    """`litho predict --method first-order` for one step."""
    found = first_order(
        reference.model,
        reference.trajectory.recipe.model_copy(update={"steps": 1}),
        reference.texts,
        reference.questions,
        reference.bars,
    )
    return found.stretches_KTQ[0]


def litho_replay(reference: Reference) -> np.ndarray:
    """What the questions lose where the training is replayed without a text."""
    trajectory, pool = reference.trajectory, reference.pool
    with reference.at(reference.end_P) as model:
        full = np.array(pool.ask())
        rows = []
        for text in pool.whole:
            set_weights(model, TRAINED, replay(trajectory, {text}))
            rows.append(full - np.array(pool.ask()))
    return np.array(rows)


def replayed_sets(reference: Reference, sets: Sequence[Subset]) -> np.ndarray:
    """Answers after replaying the training on each set alone, sets x questions."""
    pool = reference.pool
    rows = []
    with reference.at(reference.end_P) as model:
        for kept in sets:
            left_out = set(pool.whole) - set(kept)
            set_weights(model, TRAINED, replay(reference.trajectory, left_out))
            rows.append(pool.ask())
    return np.array(rows)


def gradients(model: LanguageModel, targets: list[Target]) -> Tensor:
    """Of the mean log-probability per token, N x P."""
    found: dict[int, Tensor] = {}
    for group, gradients_NP in sample_gradients(model, TRAINED, targets):
        found |= dict(zip(group, gradients_NP, strict=True))
    return torch.stack([found[i] for i in range(len(targets))])


def dot(reference: Reference, weights_P: Tensor, cosine: bool) -> np.ndarray:
    with reference.at(weights_P) as model:
        texts_TP = gradients(model, reference.texts)
        questions_QP = gradients(model, reference.questions)
    if cosine:
        texts_TP = nn.functional.normalize(texts_TP)
        questions_QP = nn.functional.normalize(questions_QP)
    return (texts_TP @ questions_QP.T).numpy()


def bm25(reference: Reference) -> np.ndarray:
    """How well a question matches a text in words (rank-bm25, its defaults)."""
    library = import_module("rank_bm25")
    pool = reference.pool
    index = library.BM25Okapi([text.text.lower().split() for text in pool.texts])
    asked = [f"{question.prefix} {question.target}".lower().split() for question in pool.questions]
    return np.array([index.get_scores(words) for words in asked]).T


@torch.no_grad()
def embeddings(reference: Reference) -> np.ndarray:
    """Cosines of mean last hidden states of the model itself before training."""

    def embedded(targets: list[Target]) -> Tensor:
        found = [
            hidden_states(reference.model, list(target.ids)).head_input_TD for target in targets
        ]
        return nn.functional.normalize(torch.stack([state_TD[1:].mean(0) for state_TD in found]))

    return (embedded(reference.texts) @ embedded(reference.questions).T).numpy()


METHODS: dict[str, Method] = {
    "Litho, cheap": litho_cheap,
    "Litho, replay": litho_replay,
    "gradient dot product, start": lambda r: dot(r, r.trajectory.start_P, cosine=False),
    "gradient cosine, start": lambda r: dot(r, r.trajectory.start_P, cosine=True),
    "gradient dot product, end": lambda r: dot(r, r.end_P, cosine=False),
    "gradient cosine, end": lambda r: dot(r, r.end_P, cosine=True),
    "BM25": bm25,
    "embeddings": embeddings,
}
