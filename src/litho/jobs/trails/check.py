"""What printing and testing trails start from is checked before anything is computed or written."""

from litho.core.errors import LithoError
from litho.jobs.trails.config import CaptureSpec, PrintSpec, TrailsSpec
from litho.jobs.trails.pairs import PairPlan, Planned
from litho.measure.printing.drift import BLOCK
from litho.measure.trails.external import targets
from litho.model.loaded import LanguageModel


def check_library(spec: TrailsSpec) -> None:
    """Raises LithoError on a single form, unless that is wanted."""
    if len(spec.library.forms) == 1 and not spec.alone:
        raise LithoError(
            f"{spec.library_name} has one form alone: one trail by itself breaks its neighbours, "
            "and a test of one form cannot see that; add forms, or say --alone"
        )


def check_texts(spec: TrailsSpec, model: LanguageModel) -> None:
    """Raises LithoError if anything that will be read besides the pairs cannot be."""
    if len(model.tokens(spec.retention_text())) < BLOCK // 4:
        raise LithoError("the retention text is too short: give at least a paragraph")
    for each in spec.external:
        for question in each.questions:
            for premises in (True, False):
                targets(model, question, premises)


def planned_pairs(spec: CaptureSpec | PrintSpec, model: LanguageModel) -> list[Planned]:
    """All pairs of the capture test. Raises LithoError if one of them cannot be read."""
    return PairPlan(spec.library, model, spec.config.seed).whole(spec.config)
