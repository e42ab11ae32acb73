"""What jobs that only read a text have in common."""

from typing import Any

from litho.measure.precision import to_measure
from litho.measure.scenes import check_text
from litho.model.loaded import LanguageModel, load
from litho.model.sources import locate


def open_readable(model_name: str, text: str) -> LanguageModel:
    """A model as it is measured, and a text that gives it something to predict."""
    source = locate(model_name)
    model = load(source, to_measure(source))
    check_text(model, text)
    return model


def reading_manifest(command: str, model: LanguageModel, name: str) -> dict[str, Any]:
    """What every run that trains nothing says of itself."""
    source = model.source
    return {
        "command": command,
        "text_name": name,
        "model": {"name": source.name, "base": source.reference, "revision": source.revision},
    }
