"""Attributions of questions to texts as other libraries work them out.

All of them are given the model of the training on all texts, in float32, and the matrices of its
adapter; what they call a loss is the mean cross-entropy of a text, and what they attribute is the
mean log-probability of a question. Those that look at one state of the model are made for the end
of a training, and run on its start, too. Each library is imported only when it is used.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from attribution_methods import Method, Reference
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils.data import DataLoader, TensorDataset

from litho.jobs.predict.left_out import set_weights
from litho.learn.recipe import TRAINED
from litho.model.adapters import lora
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel
from litho.model.loading import load
from litho.model.read.scoring import Target, pad_rows
from litho.model.sources import locate

# Shapes: T texts, Q questions, B rows, L tokens, P numbers of the adapter.
Named = dict[str, Tensor]
AtState = Callable[[Reference, Tensor], np.ndarray]  # with the weights of the adapter, P
AT_ONCE, SHORT_AT_ONCE = 8, 24  # texts in one pass, questions in one pass
IGNORED = -100  # label of a token that is not scored
DAMPING = 0.1  # of what is typical of the curvature: the usual choice where a library has none
TRAK_SIZE = 512  # of the projected gradients
BERGSON_SIZE = 16  # rows and columns of the projected gradient of each matrix: TrackStar's default
EPS_ROOT = 1e-8  # below the root of AdamW, which has no derivative at 0


class Scored(nn.Module):
    """A model that answers with the mean log-probability of the scored tokens, a number a row."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def named_parameters(self, *args: Any, **kwargs: Any) -> Iterator[tuple[str, nn.Parameter]]:  # noqa: ANN401
        """Those that are trained: all that the libraries shall look at."""
        found = super().named_parameters(*args, **kwargs)
        return ((name, weight) for name, weight in found if weight.requires_grad)

    def forward(self, ids_BL: Tensor, labels_BL: Tensor, drawn: bool = False) -> Tensor:
        """`drawn`: of tokens that the model itself says, instead of the labels."""
        logp_BLV = self.network(input_ids=ids_BL, use_cache=False).logits[:, :-1].log_softmax(-1)
        scored_BL = labels_BL[:, 1:] != IGNORED
        said_BL = labels_BL[:, 1:].clamp_min(0)
        if drawn:
            p_NV = logp_BLV.detach().flatten(0, 1).exp()
            said_BL = torch.multinomial(p_NV, 1).view(said_BL.shape)
        found_BL = logp_BLV.gather(-1, said_BL.unsqueeze(-1)).squeeze(-1)
        return (found_BL * scored_BL).sum(-1) / scored_BL.sum(-1)

    @property
    def matrices(self) -> list[str]:
        """Names of the modules of the adapter; where B is 0, A has no gradient and is left out."""
        weights = dict(self.named_parameters())
        outer = {name: weight for name, weight in weights.items() if ".lora_B." in name}
        learning = weights if any(weight.any() for weight in outer.values()) else outer
        return [name.removesuffix(".weight") for name in learning]


def scored(reference: Reference, weights_P: Tensor) -> Scored:
    """A copy of its own for each library: some replace modules in place."""
    recipe = reference.trajectory.recipe
    model: LanguageModel = load(locate(reference.pool.model_name), torch.float32)
    lora.attach(model, TRAINED, AdapterSpec(recipe.rank, recipe.alpha, recipe.seed))
    with model.state(TRAINED):
        set_weights(model, TRAINED, weights_P)
    return Scored(model.network.eval())


def batched(
    reference: Reference, targets: list[Target], at_once: int = AT_ONCE
) -> DataLoader[tuple[Tensor, ...]]:
    """Token ids and labels, B x L each, in order."""
    ids_BL, real_BL = pad_rows(reference.model, [target.ids for target in targets], bucket=1)
    labels_BL = ids_BL.masked_fill(~real_BL, IGNORED)
    for labels_L, target in zip(labels_BL, targets, strict=True):
        labels_L[: target.first] = IGNORED
    return DataLoader(TensorDataset(ids_BL, labels_BL), batch_size=at_once)


@torch.no_grad()  # beyond the gradients themselves, which torch.func takes
def trak(reference: Reference, weights_P: Tensor) -> np.ndarray:
    """TRAK (Park et al. 2023) by traker, one checkpoint; ridge: there are fewer texts than numbers.

    Model output: log p / (1 - p), where log p is the mean log-probability.
    """
    library: Any = import_module("trak")
    outputs: Any = import_module("trak.modelout_functions")

    class MeanMargin(outputs.AbstractModelOutput):  # type: ignore[misc]
        def __init__(self) -> None:
            pass

        @staticmethod
        def get_output(
            model: nn.Module, weights: Named, buffers: Named, ids_L: Tensor, labels_L: Tensor
        ) -> Tensor:
            logp = functional_call(model, (weights, buffers), (ids_L[None], labels_L[None]))[0]
            return logp - torch.log(-torch.expm1(logp))

        def get_out_to_loss_grad(
            self, model: nn.Module, weights: Named, buffers: Named, batch: Sequence[Tensor]
        ) -> Tensor:
            return 1 - functional_call(model, (weights, buffers), tuple(batch)).exp()[:, None]

    model, texts = scored(reference, weights_P), batched(reference, reference.texts)
    questions = batched(reference, reference.questions, SHORT_AT_ONCE)
    with tempfile.TemporaryDirectory() as folder:
        traker = library.TRAKer(
            model, MeanMargin(), len(reference.texts), folder, device="cpu",
            proj_dim=TRAK_SIZE, use_half_precision=False, logging_level="ERROR",
        )  # fmt: skip
        weights = model.state_dict()
        traker.load_checkpoint(weights, model_id=0)
        for batch in texts:
            traker.featurize(batch, num_samples=len(batch[0]))
        squares = np.square(traker.saver.current_store["grads"]).sum(-1)
        traker.score_computer.lambda_reg = DAMPING * float(squares.mean())
        traker.finalize_features()
        traker.start_scoring_checkpoint("questions", weights, 0, len(reference.questions))
        for batch in questions:
            traker.score(batch, num_samples=len(batch[0]))
        return np.array(traker.finalize_scores("questions"))


def ekfac(reference: Reference, weights_P: Tensor) -> np.ndarray:
    """Influence with EK-FAC (Grosse et al. 2023) by kronfluence, its own damping."""
    task_module: Any = import_module("kronfluence.task")
    analyzer_module: Any = import_module("kronfluence.analyzer")
    arguments: Any = import_module("kronfluence.arguments")
    model = scored(reference, weights_P)
    matrices = model.matrices

    class Likelihood(task_module.Task):  # type: ignore[misc]
        def compute_train_loss(
            self, batch: tuple[Tensor, ...], model: Scored, sample: bool = False
        ) -> Tensor:
            return -model(*batch, drawn=sample).sum()

        def compute_measurement(self, batch: tuple[Tensor, ...], model: Scored) -> Tensor:
            return -model(*batch).sum()

        def get_influence_tracked_modules(self) -> list[str]:
            return matrices

        def get_attention_mask(self, batch: tuple[Tensor, ...]) -> Tensor:
            # Places whose prediction is scored.
            return nn.functional.pad(batch[1][:, 1:] != IGNORED, (0, 1)).long()

    task = Likelihood()
    model = analyzer_module.prepare_model(model, task)
    texts, questions = (
        batched(reference, t).dataset for t in (reference.texts, reference.questions)
    )
    with tempfile.TemporaryDirectory() as folder:
        analyzer = analyzer_module.Analyzer(
            "texts", model, task, cpu=True, disable_tqdm=True, output_dir=folder
        )
        analyzer.fit_all_factors(
            "ekfac",
            texts,
            per_device_batch_size=AT_ONCE,
            factor_args=arguments.FactorArguments(
                strategy="ekfac", eigendecomposition_dtype=torch.float32
            ),
        )
        analyzer.compute_pairwise_scores(
            "scores", "ekfac", questions, texts,
            per_device_query_batch_size=SHORT_AT_ONCE, per_device_train_batch_size=AT_ONCE,
        )  # fmt: skip
        found = analyzer.load_pairwise_scores("scores")["all_modules"]
    return found.T.numpy()


@torch.no_grad()  # beyond the gradients themselves, which torch.func takes
def datainf(reference: Reference, weights_P: Tensor) -> np.ndarray:
    """DataInf (Kwon et al. 2024), made for LoRA, by dattri; its damping for all matrices alike."""
    model = scored(reference, weights_P)
    task = _dattri_task(model)
    algorithms: Any = import_module("dattri.algorithm.influence_function")
    # In one batch: the gradients of the questions are worked out anew for every batch of texts.
    texts = batched(reference, reference.texts, len(reference.texts))
    attributor = algorithms.IFAttributorDataInf(task)
    attributor.cache(texts)
    squares = attributor._cached_train_reps[0].square()
    attributor.regularization = DAMPING * float(squares.mean())
    return attributor.attribute(texts, batched(reference, reference.questions)).numpy()


@torch.no_grad()  # beyond the gradients themselves, which torch.func takes
def dvemb(reference: Reference) -> np.ndarray:
    """Data value embeddings along the training (Wang et al. 2025) by dattri: SGD is presumed."""
    library: Any = import_module("dattri.algorithm.dvemb")
    projection: Any = import_module("dattri.func.projection")
    trajectory = reference.trajectory
    model = scored(reference, reference.end_P)
    attributor = library.DVEmbAttributor(_dattri_task(model), proj_dim=TRAK_SIZE)
    gradients_SP = torch.stack(trajectory.gradients_P)
    attributor.projector_kwargs["feature_batch_size"] = len(gradients_SP)
    attributor.projector = projection.random_project(
        gradients_SP, proj_dim=TRAK_SIZE, **attributor.projector_kwargs
    )
    projected_SK = attributor.projector(gradients_SP)
    attributor.data_indices = {0: [torch.tensor([text]) for text in trajectory.order]}
    attributor.cache(
        {0: list(projected_SK[:, None])}, {0: [trajectory.recipe.learning_rate] * len(projected_SK)}
    )
    questions = batched(reference, reference.questions, SHORT_AT_ONCE)
    return attributor.attribute(questions).numpy()


def _dattri_task(model: Scored) -> Any:  # noqa: ANN401
    library: Any = import_module("dattri.task")

    def loss(weights: Named, data: tuple[Tensor, ...]) -> Tensor:
        ids, labels = (part.view(1, -1) for part in data)
        return -functional_call(model, weights, (ids, labels))[0]

    return library.AttributionTask(loss, model, model.state_dict())


def trackstar(reference: Reference, weights_P: Tensor) -> np.ndarray:
    """TrackStar (Chang et al. 2024) by bergson: projected, whitened over the texts, of norm 1."""
    collectors: Any = import_module("bergson.collector.collector")
    memory: Any = import_module("bergson.collector.in_memory_collector")
    workers: Any = import_module("bergson.utils.worker_utils")
    preconditioners: Any = import_module("bergson.hessians.preconditioner")
    model = scored(reference, weights_P)
    network: Any = model.network
    matrices = {name.removeprefix("network.base_model.") for name in model.matrices}

    def collected(folder: str, targets: list[Target], whitened: bool) -> tuple[Any, Any]:
        config = bergson.IndexConfig(
            run_path=folder, projection_dim=BERGSON_SIZE, reshape_to_square=True,
            loss_reduction="mean",
        )  # fmt: skip
        config.partial_run_path.mkdir(parents=True, exist_ok=True)
        processor = workers.processor_for(config)
        data = _dataset(reference, targets)
        collector = memory.InMemoryCollector(
            model=network.base_model, data=data, cfg=config, processor=processor,
            target_modules=matrices,
            skip_hessians=not whitened,
        )  # fmt: skip
        computer = collectors.CollectorComputer(network, data, collector=collector, cfg=config)
        computer.run_with_collector_hooks("gradients")
        return collector.gradients, processor

    bergson: Any = import_module("bergson")
    with tempfile.TemporaryDirectory() as folder:
        texts, processor = collected(f"{folder}/texts", reference.texts, whitened=True)
        questions, _ = collected(f"{folder}/questions", reference.questions, whitened=False)
    whitening = preconditioners.DensePreconditioner.from_processor(processor, power=-0.5)
    texts_TP, questions_QP = (
        nn.functional.normalize(torch.cat(list(whitening.apply(found).values()), dim=1))
        for found in (texts, questions)
    )
    return (texts_TP @ questions_QP.T).numpy()


def magic(reference: Reference) -> np.ndarray:
    """MAGIC (Ilyas and Engstrom 2025) by bergson: gradients through the training, to the weights
    of the texts. One question of each kind: each costs several trainings. Others are NaN.
    """
    trainers: Any = import_module("bergson.magic.trainer")
    streams: Any = import_module("bergson.magic.data_stream")
    queries: Any = import_module("bergson.magic.cli")
    losses: Any = import_module("bergson.utils.math")
    torchopt: Any = import_module("torchopt")
    trajectory = reference.trajectory
    network: Any = scored(reference, reference.trajectory.start_P).network
    network.set_attn_implementation("eager")  # no fused kernel can be differentiated twice
    network.get_base_model().loss_function = losses.weighted_causal_lm_ce
    rate = trajectory.recipe.learning_rate
    adamw = torchopt.adamw(rate, eps_root=EPS_ROOT, weight_decay=0.0)
    trainer, state = trainers.Trainer.initialize(network, adamw)
    turns = [reference.texts[text] for text in trajectory.order]
    stream = streams.DataStream(_dataset(reference, turns), 1)
    effects_TQ = np.full((len(reference.texts), len(reference.questions)), np.nan)
    with tempfile.TemporaryDirectory() as folder:
        state = trainer.train(state, stream, save_dir=folder, save_mode="all")
        end = state.to("cpu")
        for q in reference.one_of_each_kind:
            state.detach_()
            state.copy_(end)
            asked = streams.DataStream(_dataset(reference, [reference.questions[q]]), 1)
            gradients, _ = queries.compute_query_gradients(state, network, asked)
            state.detach_()
            moments = [torch.zeros_like(m) for m in state.differentiable_tensors()]
            begun = trainers.BackwardState(
                gradients, moments[len(state.params) :], torch.zeros_like(stream.weights)
            )
            found = trainer.backward(
                folder, stream, begun, state, cleanup=False, inplace=True, save_mode="all"
            )
            # How the loss of the question falls with the weight of each step.
            by_step = -found.weight_grads.detach().numpy()
            for text in reference.pool.whole:
                effects_TQ[text, q] = by_step[np.array(trajectory.order) == text].sum()
    return effects_TQ


def _dataset(reference: Reference, targets: list[Target]) -> Any:  # noqa: ANN401
    ids = [list(target.ids) for target in targets]
    labels = [[IGNORED] * target.first + list(target.ids[target.first :]) for target in targets]
    return import_module("datasets").Dataset.from_dict({"input_ids": ids, "labels": labels})


def _at_end(method: AtState) -> Method:
    return lambda reference: method(reference, reference.end_P)


def _at_start(method: AtState) -> Method:
    return lambda reference: method(reference, reference.trajectory.start_P)


# Name of each method, the module it needs, what works it out.
_AT_STATES: list[tuple[str, str, AtState]] = [
    ("TRAK (traker)", "trak", trak),
    ("EK-FAC influence (kronfluence)", "kronfluence", ekfac),
    ("DataInf (dattri)", "dattri", datainf),
    ("TrackStar (bergson)", "bergson", trackstar),
]
_ALL: list[tuple[str, str, Method]] = [
    *((name, module, _at_end(method)) for name, module, method in _AT_STATES),
    *((f"{name}, start", module, _at_start(method)) for name, module, method in _AT_STATES),
    ("DVEmb (dattri)", "dattri", dvemb),
    ("MAGIC (bergson), one question of a kind", "bergson", magic),
]
PEERS: dict[str, Method] = {name: method for name, module, method in _ALL if find_spec(module)}
MISSING = [name for name, _, _ in _ALL if name not in PEERS]
