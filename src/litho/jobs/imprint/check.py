"""What an imprint starts from is checked before anything is computed or written."""

from collections.abc import Sequence

from litho.core.errors import LithoError
from litho.jobs.cost import Cost
from litho.jobs.imprint.baseline import MADE
from litho.jobs.imprint.config import MEASURED_RHYTHM, ImprintSpec
from litho.jobs.imprint.cost import expected_cost
from litho.jobs.imprint.rehearsal import TRIED
from litho.jobs.models import Models
from litho.jobs.runner import Checked
from litho.learn.objectives import objective
from litho.learn.prose import prose_rows
from litho.measure.printing.drift import BLOCK
from litho.measure.printing.probes import opened, target_of
from litho.measure.readability import check_readable, foreign_notice, reading_notices
from litho.measure.scenes import check_text, open_book_scenes
from litho.model.adapters.stacks import stacks_notice
from litho.model.adapters.targets import left_out
from litho.model.loaded import LanguageModel
from litho.present.rhythm import RHYTHMS, chosen_rhythm
from litho.present.variants import Marked, marked_rows
from litho.text import markup
from litho.text.operators.choice import chosen_operators


def check(spec: ImprintSpec, models: Models) -> Checked:
    """Raises LithoError if any input is unusable."""
    config = spec.config
    chosen_operators(config.operators)
    if config.rhythm != MEASURED_RHYTHM:
        chosen_rhythm(config.rhythm)
    model = models.load(spec.model)
    _check_texts(model, spec)
    scenes = open_book_scenes(model, spec.text)
    _check_probes(model, spec, scenes)
    if marks_of(spec, scenes) and config.bridge:
        raise LithoError("a text with marks gets no bridges: take the marks out, or bridge=false")
    objective(config.loss, model, scenes)
    prose = prose_rows(model, config.replay_length) if config.replay != "samples" else ([], [])
    return Checked(
        _expected_cost(model, spec, len(prose[1])),
        {"text_name": spec.text_name, "scenes": len(scenes)},
        [
            *markup.brackets_notice(spec.marked or ""),
            *reading_notices(model, spec.text, scenes),
            *stacks_notice(model),
            *left_out(model),
            *foreign_notice(model, spec.text, config.seed),
        ],
    )


def _check_texts(model: LanguageModel, spec: ImprintSpec) -> None:
    check_text(model, spec.text)
    check_readable(model, spec.text)
    if len(model.tokens(spec.retention_text())) < BLOCK // 4:
        raise LithoError("the retention text is too short: give at least a paragraph")


def _check_probes(model: LanguageModel, spec: ImprintSpec, scenes: Sequence[str]) -> None:
    """Raises LithoError if anything that will be scored later cannot be."""
    for probe in spec.probes or []:
        target_of(model, probe)
        if probe.kind != "neighbour":
            for scene in scenes:
                target_of(model, probe, opened(scene))


def marks_of(spec: ImprintSpec, scenes: Sequence[str]) -> Marked | None:
    """The marks in the text, see `marked_rows`."""
    return marked_rows(markup.parse(spec.marked), scenes) if spec.marked else None


def _expected_cost(model: LanguageModel, spec: ImprintSpec, unseen: int) -> Cost:
    """`unseen`: passages on which drift is checked."""
    config = spec.config
    samples = config.replay != "prose"
    rehearsed = len(RHYTHMS) * TRIED if config.rhythm == MEASURED_RHYTHM else 0
    return expected_cost(
        model,
        text_tokens=len(model.tokens(spec.text)),
        probes=len(spec.probes or []) or 3 * MADE,
        retention_tokens=config.retention_tokens,
        presentations=config.presentations + rehearsed,
        replay_tokens=config.replay_rows * config.replay_length,
        sampled_tokens=samples * (config.replay_pool + config.replay_unseen) * config.replay_length,
        unseen_tokens=(unseen + samples * config.replay_unseen) * config.replay_length,
        arms=len(config.arms),
        check_every=config.check_every,
        micro_tokens=config.micro_tokens,
        dtype=str(config.dtype),
    )
