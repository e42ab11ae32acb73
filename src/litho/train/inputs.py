"""What an imprint starts from: checked before anything is computed or written."""

import random
from collections.abc import Sequence
from importlib.resources import files

import torch
from pydantic import BaseModel

from litho.core.errors import LithoError
from litho.core.records import Probe
from litho.core.runs import RunDirectory
from litho.measure.drift import BLOCK
from litho.measure.probes import target_of
from litho.model.loading import LanguageModel, load, locate
from litho.model.sampling import self_samples
from litho.text.documents import scenes
from litho.text.openings import near_misses
from litho.text.probes import read_probe_lines

_SHIPPED = files("litho.text") / "passages"
PROBE_ROOM = 128  # tokens of the context kept free for a probe behind the open book


class Inputs(BaseModel):
    """Texts and probes of a run, kept in the run itself so that it can be resumed anywhere."""

    text: str
    marked: str | None = None  # the text with its marks, if it has any
    text_name: str
    probes: list[Probe] | None  # None: Litho makes them
    retention: str | None  # None: the pages shipped with Litho
    model: str

    def retention_text(self) -> str:
        return self.retention or shipped_retention()

    def neighbours(self) -> list[Probe]:
        """The user's neighbour probes, else general facts shipped with Litho."""
        own = [p for p in self.probes or [] if p.kind == "neighbour"]
        return own or read_probe_lines(
            (_SHIPPED / "neighbours.jsonl").read_text(encoding="utf-8"), "neighbours.jsonl"
        )


def shipped_retention() -> str:
    """A few pages of plain prose."""
    return (_SHIPPED / "retention.md").read_text(encoding="utf-8")


def unrelated_prefixes() -> list[str]:
    """Openings that no printed word should follow more readily than before."""
    return _shipped_lines("prefixes.txt")


def replay_openings(text: str, count: int, seed: int) -> list[str]:
    """What the self-samples that are trained on begin with.

    By turns nothing, the opening of some kind of text, and words of `text` out of their place.
    """
    kinds = _shipped_lines("openings.txt")
    own = near_misses(text, count, random.Random(f"{seed} openings")) or kinds
    return _by_turns(count, [""], kinds, own)


def replay_samples(
    model: LanguageModel, text: str, pool: int, unseen: int, length: int, seed: int
) -> list[list[int]]:
    """Self-samples to train on, then those that show whether the model drifts where it should not.

    The latter begin with nothing or with the opening of some kind of text: what the model says to
    words of `text` is meant to change.
    """
    elsewhere = _by_turns(unseen, [""], _shipped_lines("openings.txt")[::-1])
    return [
        *self_samples(model, replay_openings(text, pool, seed), length, seed),
        *self_samples(model, elsewhere, length, seed + 1),
    ]


def _by_turns(count: int, *sources: Sequence[str]) -> list[str]:
    turns = len(sources)
    return [sources[i % turns][i // turns % len(sources[i % turns])] for i in range(count)]


def _shipped_lines(name: str) -> list[str]:
    return (_SHIPPED / name).read_text(encoding="utf-8").splitlines()


def open_model(inputs: Inputs) -> LanguageModel:
    """Load the model of `inputs` for measuring, and check the texts and probes against it.

    Raises LithoError on a text of fewer than two tokens and on probes that cannot be scored.
    """
    model = load(locate(inputs.model), torch.float32)
    check_text(model, inputs.text)
    if len(model.tokens(inputs.retention_text())) < BLOCK // 4:
        raise LithoError("the retention text is too short: give at least a paragraph")
    for probe in inputs.probes or []:
        target_of(model, probe)
    return model


def check_text(model: LanguageModel, text: str) -> None:
    """Raises LithoError if `text` gives the model nothing to predict."""
    if len(model.tokens(text)) < 2:
        raise LithoError("the text has only one token: give at least one sentence")


def split_scenes(model: LanguageModel, text: str, *others: LanguageModel) -> list[str]:
    """The text as all models can read it: whole, or in scenes that fit into their contexts."""
    rooms = [(each, each.context - len(each.start) - PROBE_ROOM) for each in (model, *others)]
    limit = rooms[0][1]

    def length(piece: str) -> int:
        """Tokens of the first model; more where another model's context is fuller."""
        return max(-(-len(each.tokens(piece)) * limit // room) for each, room in rooms)

    return scenes(text, length, limit)


def check_open_book(model: LanguageModel, inputs: Inputs, scene_list: Sequence[str]) -> None:
    """Raises LithoError if anything that will be scored later cannot be."""
    for probe in [p for p in inputs.probes or [] if p.kind != "neighbour"]:
        for scene in scene_list:
            target_of(model, probe, f"{scene}\n\n")
    for probe in inputs.neighbours():
        target_of(model, probe)


def save_inputs(run: RunDirectory, inputs: Inputs) -> None:
    run.write_json("inputs.json", inputs.model_dump())


def load_inputs(run: RunDirectory) -> Inputs:
    return Inputs(**run.read_json("inputs.json"))


def targets_of(probes: Sequence[Probe]) -> list[str]:
    """The printed words: each target of an imprint probe once, in order."""
    return list(dict.fromkeys(p.target for p in probes if p.kind != "neighbour"))
