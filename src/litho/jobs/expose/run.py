"""What presentation does: one text, presented in several ways, and the response to each.

In the context or in training, once or many times; with an adapter on one third of the depth; as a
direction added to one layer. Every way stands beside its control: as much of an unrelated text, or
directions that are random.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from litho.core import stats
from litho.core.errors import LithoError
from litho.core.stats import Estimate
from litho.jobs.cost import Cost
from litho.jobs.expose.config import LEAST_TOKENS, ExposeConfig, ExposeSpec
from litho.jobs.expose.cost import exposure_cost
from litho.jobs.expose.result import Experiment, ExposedArm, ExposeResult, Response
from litho.jobs.models import Models
from litho.jobs.runner import Checked, Context, Job
from litho.learn.micro import train_steps
from litho.measure.inside.passages import Passage, PassageResponse, passage_response
from litho.measure.inside.states import read_state
from litho.measure.readability import reading_notices
from litho.measure.scenes import check_text
from litho.model.adapters import lora
from litho.model.adapters.spec import AdapterSpec
from litho.model.adapters.stacks import stacks_notice
from litho.model.loaded import LanguageModel
from litho.model.placement import HOST
from litho.model.state import State
from litho.model.watch.attention import unwatched
from litho.model.watch.capture import blocks, check_layer, injected
from litho.text import markup

ADAPTER = "exposed"
INJECTION_DEPTH = 0.6  # of the layers, where no layer is given


@dataclass(frozen=True)
class _Texts:
    """The text and the unrelated one, as they are read alone."""

    state: State
    own: list[int]
    other: list[int]
    own_alone: Passage
    other_alone: Passage

    @property
    def model(self) -> LanguageModel:
        return self.state.model


def check(spec: ExposeSpec, models: Models) -> Checked:
    """Raises LithoError if the texts, the layer or the model cannot be used."""
    model = models.load(spec.model)
    _injection_layer(model, spec.config)
    texts = _read_alone(model, spec.text, spec.unrelated, spec.config.tokens)
    return Checked(_cost(texts, spec.config), {"text_name": spec.text_name}, stacks_notice(model))


def run_expose(context: Context[ExposeSpec]) -> ExposeResult:
    """Run all experiments on the beginning of a text, in float32; each is a stage of the run."""
    run, spec, config = context.run, context.spec, context.spec.config
    model = context.models.load(spec.model)
    layer = _injection_layer(model, config)
    texts = _read_alone(model, spec.text, spec.unrelated, config.tokens)
    doses = 2 * len(config.presentations)
    experiments: list[tuple[Experiment, str, int, Iterator[Response]]] = [
        ("context", "in the context", doses, _in_context(texts, config)),
        ("training", "in training", doses, _in_training(texts, config)),
        ("thirds", "on thirds of the depth", 6, _on_thirds(texts, config)),
        (
            "injection",
            f"injected at layer {layer}",
            2 * len(config.strengths),
            _injected(texts, layer, config),
        ),
    ]

    def done(title: str, count: int, responses: Iterator[Response]) -> list[dict[str, Any]]:
        context.reporter.stage(f"the text {title}", count)
        made = []
        for number, response in enumerate(responses, 1):
            made.append(response.model_dump(mode="json"))
            context.reporter.advance(number)
        return made

    responses = [
        Response(**row)
        for name, title, count, made in experiments
        for row in run.once(f"{name}.json", partial(done, title, count, made))
    ]
    return ExposeResult(
        run=str(run.final_path),
        tokens=len(texts.own),
        alone=stats.mean(texts.own_alone.surprise_T.tolist()),
        notices=(
            *markup.marks_notice(spec.text),
            *reading_notices(model, spec.text),
            *_notices(texts, responses, config),
        ),
        responses=tuple(responses),
    )


def _cost(texts: _Texts, config: ExposeConfig) -> Cost:
    most = config.presentations[-1]
    steps = 2 * config.seeds * (most + 3 * config.third_steps)
    contexts = 2 * sum(count + 1 for count in config.presentations)
    after_training = 4 * config.seeds * (len(config.presentations) + 3)
    injected_ = 2 * len(config.strengths) * (1 + config.directions)
    tokens = len(texts.own)
    readings = contexts + after_training + injected_
    return exposure_cost(texts.model, tokens, readings, steps, (most + 1) * tokens)


def _notices(texts: _Texts, responses: Sequence[Response], config: ExposeConfig) -> list[str]:
    """What was done otherwise than asked for."""
    notices = []
    if len(texts.own) < config.tokens:
        notices.append(
            f"{len(texts.own)} tokens of both texts were read, not {config.tokens}: one of them, "
            "or the model's context, is shorter"
        )
    done = {response.dose for response in responses if response.experiment == "context"}
    left = [count for count in config.presentations if count not in done]
    if left:
        notices.append(
            f"{', '.join(map(str, left))} presentations do not fit into the model's context"
        )
    return notices


def _injection_layer(model: LanguageModel, config: ExposeConfig) -> int:
    depth = len(blocks(model))
    layer = int(INJECTION_DEPTH * depth) if config.layer is None else config.layer
    check_layer(model, layer)
    return layer


def _read_alone(model: LanguageModel, text: str, unrelated: str, tokens: int) -> _Texts:
    for content in (text, unrelated):
        check_text(model, content)
    # Half of the context at most, so that the text can stand at least once behind another.
    room = min(tokens, (model.context - 1) // 2)
    count = min(room, *(len(model.tokens(content)) for content in (text, unrelated)))
    own, other = (model.tokens(content)[:count] for content in (text, unrelated))
    if count < LEAST_TOKENS or own == other:
        raise LithoError(
            "the text and the unrelated one must be different, and of at least "
            f"{LEAST_TOKENS} tokens each"
        )
    state = State(model)
    return _Texts(state, own, other, *(_alone(state, ids) for ids in (own, other)))


def _opening(model: LanguageModel) -> list[int]:
    """What stands before the first token, so that it, too, is predicted."""
    return model.start or [model.pad]


def _alone(state: State, ids: list[int]) -> Passage:
    opening = _opening(state.model)
    return Passage.of(read_state(state, opening + ids, unwatched), len(opening), len(ids))


def _in_context(texts: _Texts, config: ExposeConfig) -> Iterator[Response]:
    """The text behind n presentations of itself, or of the unrelated text; what fits is read."""
    opening = _opening(texts.model)
    for count in config.presentations:
        if len(opening) + (count + 1) * len(texts.own) > texts.model.context:
            break
        for arm, before in (("text", texts.own), ("unrelated", texts.other)):
            ids = opening + before * count + texts.own
            reading = read_state(texts.state, ids, unwatched)
            passage = Passage.of(reading, len(ids) - len(texts.own), len(texts.own))
            own = [passage_response(texts.own_alone, passage)]
            yield _response("context", arm, count, None, own, None)


def _in_training(texts: _Texts, config: ExposeConfig) -> Iterator[Response]:
    """The text read after n steps of training on it, or on the unrelated text."""
    last = len(blocks(texts.model)) - 1
    for arm, row in (("text", texts.own), ("unrelated", texts.other)):
        runs = [
            list(_trained(texts, row, config.presentations, _seed(config, i), None, config))
            for i in range(config.seeds)
        ]
        for dose, pairs in zip(config.presentations, zip(*runs, strict=True), strict=True):
            own, other = zip(*pairs, strict=True)
            yield _response("training", arm, dose, (0, last), own, other)


def _on_thirds(texts: _Texts, config: ExposeConfig) -> Iterator[Response]:
    """The text read after training an adapter on one third of the depth."""
    depth = len(blocks(texts.model))
    edges = [round(i * depth / 3) for i in range(4)]
    for first, end in pairwise(edges):
        layers = range(first, end)
        if not layers:  # a model of fewer than three blocks
            continue
        for arm, row in (("text", texts.own), ("unrelated", texts.other)):
            pairs = [
                pair
                for i in range(config.seeds)
                for pair in _trained(
                    texts, row, (config.third_steps,), _seed(config, i), layers, config
                )
            ]
            own, other = zip(*pairs, strict=True)
            changed = (layers[0], layers[-1])
            yield _response("thirds", arm, config.third_steps, changed, own, other)


def _trained(
    texts: _Texts,
    row: list[int],
    doses: Sequence[int],
    seed: int,
    layers: Sequence[int] | None,
    config: ExposeConfig,
) -> Iterator[tuple[PassageResponse, PassageResponse]]:
    """Train on `row`; after each dose the response to the text and to the unrelated one."""
    model = texts.model
    spec = AdapterSpec(config.rank, seed=seed, layers=None if layers is None else tuple(layers))
    rows = [_opening(model) + row]
    with lora.fresh(model, ADAPTER, spec) as exposed:
        for step in train_steps(model, ADAPTER, rows, doses[-1], config.learning_rate):
            if step in doses:
                yield _both(texts, exposed)


def _both(texts: _Texts, state: State) -> tuple[PassageResponse, PassageResponse]:
    return (
        passage_response(texts.own_alone, _alone(state, texts.own)),
        passage_response(texts.other_alone, _alone(state, texts.other)),
    )


def _injected(texts: _Texts, layer: int, config: ExposeConfig) -> Iterator[Response]:
    """Both texts read with a direction added to the output of one block.

    The text's own direction is the difference of the mean hidden states of the text and of the
    unrelated one there.
    """
    own_D, other_D = (p.layers[layer].mean(0) for p in (texts.own_alone, texts.other_alone))
    norm = texts.own_alone.layers[layer].norm(dim=-1).mean().item()
    generator = torch.Generator(HOST).manual_seed(_seed(config, 0))
    randoms = [
        torch.randn(own_D.shape, generator=generator, device=HOST) for _ in range(config.directions)
    ]
    arms: tuple[tuple[ExposedArm, list[Tensor]], ...] = (
        ("text", [own_D - other_D]),
        ("random", randoms),
    )
    for strength in config.strengths:
        for arm, directions in arms:
            pairs = []
            for direction_D in directions:
                vector_D = strength * norm * direction_D / direction_D.norm()
                with injected(texts.model, layer, vector_D):
                    pairs.append(_both(texts, texts.state))
            own, other = zip(*pairs, strict=True)
            yield _response("injection", arm, strength, (layer, layer), own, other)


def _response(
    experiment: Experiment,
    arm: Any,  # noqa: ANN401  one of `Arm`, which mypy loses in a loop over pairs
    dose: float,
    layers: tuple[int, int] | None,
    own: Sequence[PassageResponse],
    other: Sequence[PassageResponse] | None,
) -> Response:
    """Mean over seeds or directions, with intervals over tokens."""
    return Response(
        experiment=experiment,
        arm=arm,
        dose=dose,
        layers=layers,
        surprise=_over_tokens([r.surprise_T for r in own]),
        kl=_over_tokens([r.kl_T for r in own]),
        drift=_over_tokens([r.kl_T for r in other]) if other else None,
        change=torch.stack([r.change_LT for r in own]).mean(dim=(0, 2)).tolist(),
    )


def _over_tokens(seeds: Sequence[Tensor]) -> Estimate:
    return stats.mean(torch.stack(list(seeds)).mean(0).tolist())


def _seed(config: ExposeConfig, number: int) -> int:
    return random.Random(f"{config.seed} exposure {number}").getrandbits(48)


JOB = Job("expose", ExposeSpec, check, run_expose)
