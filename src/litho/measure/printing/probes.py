"""Scoring probes and the imprint that follows from them.

ell is the mean log-probability per target token in nats. The open book is ell of the untouched
model with the text in front of the prefix: the best that reading, without training, can do.
"""

from collections.abc import Sequence

from litho.core.errors import LithoError
from litho.model.loaded import LanguageModel
from litho.model.read.chat import chat_ids, question
from litho.model.read.scoring import Target, target_logprobs
from litho.model.state import State
from litho.text.items import Probe, Question


def target_of(model: LanguageModel, probe: Probe | Question, context: str = "") -> Target:
    """The tokens of a probe, scored from the first target token on.

    Raises LithoError if the tokens of the prefix are no prefix of the tokens of the whole.
    """
    if isinstance(probe, Probe) and probe.kind == "chat":
        prefix = chat_ids(model, [question(probe.prefix, context)])
        whole = prefix + model.tokens(probe.target)
    else:
        prefix = model.encode(context + probe.prefix)
        whole = model.encode(f"{context}{probe.prefix} {probe.target}")
    if whole[: len(prefix)] != prefix or len(whole) <= len(prefix):
        raise LithoError(
            f"the probe {probe.prefix!r} + {probe.target!r} does not tokenize apart: "
            "begin the target at another word"
        )
    if len(whole) > model.context:
        raise LithoError(
            f"the probe {probe.prefix[:60]!r} has {len(whole)} tokens with what stands before it, "
            f"but the model reads {model.context}"
        )
    return Target(tuple(whole), len(prefix))


def tokenizes_apart(model: LanguageModel, probe: Probe, scenes: Sequence[str] = ()) -> bool:
    """Whether a probe can be scored by this model, also behind each of the scenes."""
    try:
        for context in ("", *map(opened, scenes)):
            target_of(model, probe, context)
    except LithoError:
        return False
    return True


def score(state: State, probes: Sequence[Probe | Question]) -> list[float]:
    """ell of each probe in a state."""
    with state.active() as model:
        return target_logprobs(model, [target_of(model, probe) for probe in probes])


def opened(scene: str) -> str:
    """A scene as it stands in front of a probe."""
    return scene.rstrip("\n") + "\n\n"


def open_book(model: LanguageModel, probes: Sequence[Probe], scenes: Sequence[str]) -> list[float]:
    """ell of the untouched model with the text in front.

    Of a text in several scenes, the one that helps most.
    """
    per_scene = [_with_page(model, probes, scene) for scene in scenes]
    return [max(values) for values in zip(*per_scene, strict=True)]


def best_scene(model: LanguageModel, probe: Probe, scenes: Sequence[str]) -> str:
    """The scene that helps the untouched model most with a probe."""
    if len(scenes) == 1:
        return scenes[0]
    return max(scenes, key=lambda scene: _with_page(model, [probe], scene)[0])


def _with_page(model: LanguageModel, probes: Sequence[Probe], scene: str) -> list[float]:
    with model.state(None):
        return target_logprobs(model, [target_of(model, p, opened(scene)) for p in probes])
