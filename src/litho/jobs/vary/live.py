"""A few variants of a text at once and without a run, as they are shown while it is written."""

from litho.core.errors import LithoError
from litho.jobs.vary.config import VaryConfig
from litho.measure.readability import check_readable
from litho.measure.scenes import check_text, split_scenes
from litho.measure.scorer import ModelScorer
from litho.model.loaded import LanguageModel
from litho.present.variants import marked_rows, plan_presentations
from litho.text import markup
from litho.text.operators.choice import chosen_operators
from litho.text.variants import PresentationPlan

MOST = 300  # tokens of a text of which variants are made at once
SLOW = ("restatement",)  # the model writes these word by word


def live_variants(model: LanguageModel, source: str, count: int) -> PresentationPlan:
    """The first variants that `litho vary` would make with the same model, without restatements.

    Raises LithoError if the text or its marks cannot be used, or the text is too long for this.
    """
    config = VaryConfig()
    document = markup.parse(source)
    text = markup.plain(document)
    check_text(model, text)
    check_readable(model, text)
    tokens = len(model.tokens(text))
    if tokens > MOST:
        raise LithoError(
            f"the text has {tokens} tokens, and variants are made at once of at most {MOST}: make "
            "all variants as a run, or shorten it"
        )
    scenes = split_scenes(model, text)
    return plan_presentations(
        model,
        scenes,
        ModelScorer(model),
        count,
        config.max_mean_kl,
        config.max_surprise,
        config.seed,
        marked=marked_rows(document, scenes),
        operators=[name for name in chosen_operators(()) if name not in SLOW],
    )
