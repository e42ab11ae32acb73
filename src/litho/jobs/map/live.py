"""A text read at once and without a run, as it is shown while it is written."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from litho.core.records import Record
from litho.jobs.models import Models
from litho.jobs.spec import DEFAULT_DEVICE, Device
from litho.measure.inside.response import TokenReading, compared_maps, token_readings
from litho.measure.inside.states import read_state
from litho.measure.readability import reading_notices
from litho.measure.scenes import check_text
from litho.measure.tables import token_row
from litho.model.adapters import lora, saved
from litho.model.loaded import LanguageModel
from litho.model.sources import locate
from litho.model.state import State
from litho.model.watch.attention import unwatched

ADAPTER = "live"
MOST = 1024  # tokens of a text that are read


class LiveReading(Record):
    """Tokens as rows of `tokens.parquet` have them, for `before` and `after` with an adapter."""

    rows: tuple[dict[str, Any], ...]
    left: int  # tokens behind those, which were not read
    notices: tuple[str, ...]


class LiveReader:
    """A model, and an adapter, that are kept for the next text."""

    def __init__(self, device: Device = DEFAULT_DEVICE) -> None:
        self.models = Models()
        self.models.place(device)
        self._device = device
        self._open: tuple[str, LanguageModel] | None = None
        self._adapter: tuple[Path, int] | None = None

    def read(self, text: str, model: str, adapter: Path | None = None) -> LiveReading:
        """The beginning of a text, token by token.

        Raises LithoError if the text gives the model nothing to predict, or model or adapter cannot
        be used.
        """
        network = self.opened(model, adapter)
        check_text(network, text)
        count = min(MOST, network.context - len(network.start))
        pieces = network.pieces(text)
        beginning = "".join(pieces[:count])
        rows = _compared(network, beginning) if adapter else _alone(network, beginning)
        return LiveReading(
            rows=tuple(rows),
            left=max(0, len(pieces) - count),
            notices=tuple(reading_notices(network, beginning)),
        )

    def opened(self, name: str, adapter: Path | None = None) -> LanguageModel:
        """The model with the adapter on it as `ADAPTER`, or without any.

        Raises LithoError if model or adapter cannot be used.
        """
        if self._open is None or self._open[0] != name:
            self._open = self._adapter = None
            self.models.keep([locate(name).folder])
            self._open = name, self.models.load(name)
        model = self._open[1]
        wanted = (adapter, _changed(adapter)) if adapter else None
        if wanted != self._adapter:
            lora.detach(model)
            self._adapter = None
            if adapter:
                saved.load(model, ADAPTER, adapter)
                self._adapter = wanted
        return model

    @contextmanager
    def lent(self, names: Sequence[str]) -> Iterator[Models]:
        """The models as they were loaded, for what else uses those of these names.

        Afterwards models are loaded where this reader reads again.
        """
        self.models.take_adapters_off()
        self._adapter = None
        own = [self._open[1].source.folder] if self._open else []
        self.models.keep([*own, *(locate(name).folder for name in names)])
        try:
            yield self.models
        finally:
            self.models.place(self._device)


def _changed(adapter: Path) -> int:
    return max((file.stat().st_mtime_ns for file in adapter.iterdir()), default=0)


@torch.no_grad()
def _alone(model: LanguageModel, text: str) -> list[dict[str, Any]]:
    reading = read_state(State(model), model.encode(text), unwatched)
    return _rows([(token_readings(model, text, reading.predictions), "")])


def _compared(model: LanguageModel, text: str) -> list[dict[str, Any]]:
    before, after, drift = compared_maps(model, text, None, ADAPTER)
    rows = _rows([(before.tokens, "_before"), (after.tokens, "_after")])
    moved = drift.kl_T[len(model.start) :].tolist()
    return [row | {"kl": kl} for row, kl in zip(rows, moved, strict=True)]


def _rows(states: Sequence[tuple[Sequence[TokenReading], str]]) -> list[dict[str, Any]]:
    columns = [[token_row(token, ending) for token in tokens] for tokens, ending in states]
    return [
        {key: value for row in rows for key, value in row.items()}
        for rows in zip(*columns, strict=True)
    ]
