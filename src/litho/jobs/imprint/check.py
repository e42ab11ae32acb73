"""What an imprint starts from is checked before anything is computed or written."""

import random
from collections.abc import Iterator, Mapping, Sequence

from litho.core.errors import LithoError
from litho.jobs.cost import Cost
from litho.jobs.imprint.baseline import MADE, nothing_to_ask, own_probes
from litho.jobs.imprint.config import MEASURED_RHYTHM, ImprintConfig, ImprintSpec
from litho.jobs.imprint.cost import expected_cost
from litho.jobs.imprint.own import own_rows
from litho.jobs.imprint.rehearsal import TRIED
from litho.jobs.models import Models
from litho.jobs.runner import Checked
from litho.learn.objectives import objective
from litho.learn.prose import prose_rows
from litho.measure.printing.answers import REPLY_TOKENS
from litho.measure.printing.drift import BLOCK
from litho.measure.printing.probes import opened, target_of
from litho.measure.readability import check_readable, foreign_notice, reading_notices
from litho.measure.scenes import check_text, open_book_scenes
from litho.model.adapters.stacks import stacks_notice
from litho.model.adapters.targets import left_out
from litho.model.loaded import LanguageModel
from litho.model.read.chat import ids_with_room, question
from litho.present.rhythm import RHYTHMS, chosen_rhythm
from litho.present.variants import Marked, marked_rows
from litho.text import markup
from litho.text.contradictions import contradictions
from litho.text.copies import check_different, near_copies
from litho.text.operators.choice import chosen_operators
from litho.text.pages import Page
from litho.text.probes import find_clozes

TAKEN = 0.75  # of the budget, by earlier pages, from which on this is said


def check(spec: ImprintSpec, models: Models) -> Checked:
    """Raises LithoError if any input is unusable."""
    config, pages = spec.config, spec.pages
    chosen_operators(config.operators)
    if config.rhythm != MEASURED_RHYTHM:
        chosen_rhythm(config.rhythm)
    check_different(pages)
    _check_held(spec)
    _check_settings(spec)
    model = models.load(spec.model)
    if len(model.tokens(spec.retention_text())) < BLOCK // 4:
        raise LithoError("the retention text is too short: give at least a paragraph")
    scenes = {page.name: _check_page(model, page, config, alone=len(pages) == 1) for page in pages}
    _check_asked(pages)
    printed = [scenes[pages[i].name] for i in spec.printed]
    objective(config.loss, model, [scene for parts in printed for scene in parts])
    prose = prose_rows(model, config.replay_length) if config.replay != "samples" else ([], [])
    name = pages[0].name if len(pages) == 1 else f"{len(pages)} pages"
    return Checked(
        _expected_cost(model, spec, len(prose[1])),
        {"text_name": name, "scenes": sum(map(len, scenes.values()))},
        [
            *spec.notices,
            *near_copies(pages),
            *contradictions(pages),
            *_room_notice(spec),
            *_own_notice(model, spec),
            *_reading(model, pages, scenes),
            *stacks_notice(model),
            *left_out(model),
            *foreign_notice(model, "\n\n".join(page.text for page in pages), config.seed),
        ],
    )


def _check_held(spec: ImprintSpec) -> None:
    """Raises LithoError where a text of --hold is what is printed, or what drift is measured on."""
    held = [" ".join(text.split()) for text in spec.hold]
    for page in spec.pages:
        if any(" ".join(page.text.split()) in text for text in held):
            raise LithoError(
                f"{page.name} stands in a text of --hold: the model cannot learn it and stay as it "
                "is on it; leave it out there"
            )
    retention = " ".join(spec.retention_text().split())
    if any(text in retention or retention in text for text in held):
        raise LithoError(
            "a text of --hold is part of the retention text, on which drift is measured: leave it "
            "out, or give another --retention"
        )


def _check_settings(spec: ImprintSpec) -> None:
    """Raises LithoError on what does not go with several pages."""
    config = spec.config
    if spec.onto and config.keys != "text":
        raise LithoError("--onto needs keys=text: random keys would not avoid the earlier pages")
    if len(spec.pages) > 1 and config.ignore_largest:
        raise LithoError("ignore_largest would mix what belongs to several pages: leave it out")
    alone = {
        "ladder=true": config.ladder,
        "loss=distilled": config.loss == "distilled",
        f"rhythm={MEASURED_RHYTHM}": config.rhythm == MEASURED_RHYTHM,
    }
    named = next((name for name, on in alone.items() if on), None)
    if named and len(spec.printed) > 1:
        raise LithoError(f"{named} works with one page at a time: leave it out, or use --onto")


def _check_asked(pages: Sequence[Page]) -> None:
    """Raises LithoError if nothing is asked of any page, and nothing can be."""
    if not any(own_probes(page) or find_clozes(page.text, 1, random.Random(0)) for page in pages):
        raise nothing_to_ask(pages)


def _room_notice(spec: ImprintSpec) -> Iterator[str]:
    """What to say where earlier pages leave little of the budget."""
    onto, budget = spec.onto, spec.config.budget
    if onto and onto.drift is not None and onto.drift > TAKEN * budget:
        yield (
            f"the earlier pages alone drift by {onto.drift:.4f} nats per token of a budget of "
            f"{budget} for all: print them with a smaller one, or these with a greater"
        )


def _own_notice(model: LanguageModel, spec: ImprintSpec) -> Iterator[str]:
    held, measured = own_rows(model, spec.hold, spec.config.replay_length)
    if held and not measured:
        yield (
            f"the texts of --hold are short, {len(held)} stretches of "
            f"{spec.config.replay_length} tokens: all are trained on, and drift on none of them is "
            "measured"
        )


def _check_page(model: LanguageModel, page: Page, config: ImprintConfig, alone: bool) -> list[str]:
    """The scenes of a page. Raises LithoError, which names one of several, if it is unusable."""
    try:
        check_text(model, page.text)
        check_readable(model, page.text)
        scenes = open_book_scenes(model, page.text)
        _check_probes(model, page, scenes)
        if marks_of(page, scenes) and config.bridge:
            raise LithoError(
                "a text with marks gets no bridges: take the marks out, or bridge=false"
            )
    except LithoError as error:
        raise error if alone else LithoError(f"{page.name}: {error}") from None
    return scenes


def _check_probes(model: LanguageModel, page: Page, scenes: Sequence[str]) -> None:
    """Raises LithoError if anything that will be scored later cannot be."""
    for probe in page.probes or ():
        target_of(model, probe)
        if probe.kind != "neighbour":
            for scene in scenes:
                target_of(model, probe, opened(scene))
        if probe.kind == "chat":
            for scene in ("", *scenes):
                ids_with_room(model, [question(probe.prefix, scene)], REPLY_TOKENS)


def marks_of(page: Page, scenes: Sequence[str]) -> Marked | None:
    """The marks in a page, see `marked_rows`."""
    return marked_rows(markup.parse(page.marked), scenes) if page.marked else None


def _reading(
    model: LanguageModel, pages: Sequence[Page], scenes: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    """What is to be said of how each page is read."""
    for page in pages:
        said = [
            *markup.brackets_notice(page.marked or ""),
            *reading_notices(model, page.text, scenes[page.name]),
        ]
        yield from said if len(pages) == 1 else (f"{page.name}: {notice}" for notice in said)


def _expected_cost(model: LanguageModel, spec: ImprintSpec, unseen: int) -> Cost:
    """`unseen`: passages on which drift is checked."""
    config = spec.config
    samples = config.replay != "prose"
    rehearsed = len(RHYTHMS) * TRIED if config.rhythm == MEASURED_RHYTHM else 0
    return expected_cost(
        model,
        text_tokens=[len(model.tokens(spec.pages[i].text)) for i in spec.printed],
        step_tokens=config.step_tokens,
        probes=sum(len(page.probes or ()) or 3 * MADE for page in spec.pages),
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
