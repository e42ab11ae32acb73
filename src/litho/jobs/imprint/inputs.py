"""What an imprint starts from: checked before anything is computed or written."""

from collections.abc import Sequence

from pydantic import BaseModel

from litho.core.errors import LithoError
from litho.core.runs import RunDirectory
from litho.measure.precision import to_measure
from litho.measure.printing.drift import BLOCK
from litho.measure.printing.probes import target_of
from litho.measure.scenes import check_text
from litho.model.loaded import LanguageModel, load
from litho.model.sources import locate
from litho.present.variants import Marked, marked_rows
from litho.text import markup
from litho.text.items import Probe, read_probe_lines
from litho.text.shipped import SHIPPED, shipped_retention


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
            (SHIPPED / "neighbours.jsonl").read_text(encoding="utf-8"), "neighbours.jsonl"
        )


def open_model(inputs: Inputs) -> LanguageModel:
    """Load the model of `inputs` for measuring, and check the texts and probes against it.

    Raises LithoError on a text of fewer than two tokens and on probes that cannot be scored.
    """
    source = locate(inputs.model)
    model = load(source, to_measure(source))
    check_text(model, inputs.text)
    if len(model.tokens(inputs.retention_text())) < BLOCK // 4:
        raise LithoError("the retention text is too short: give at least a paragraph")
    for probe in inputs.probes or []:
        target_of(model, probe)
    return model


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


def marks_of(inputs: Inputs, scenes: Sequence[str]) -> Marked | None:
    """The marks in the text of a main job, see `marked_rows`."""
    return marked_rows(markup.parse(inputs.marked), scenes) if inputs.marked else None
