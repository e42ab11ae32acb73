"""The models of a process, loaded once, on the device and in the precision of a job."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from litho.core.config import make_config
from litho.jobs.spec import Device
from litho.measure.precision import precision, to_measure
from litho.model.adapters import lora
from litho.model.loaded import LanguageModel
from litho.model.loading import load
from litho.model.placement import DTYPES, Placement
from litho.model.sources import locate
from litho.model.state import State


def device_of(placement: Placement) -> Device:
    """What a job starts from to be measured there."""
    said = placement.described()
    return make_config(
        Device,
        {"name": str(placement.device), **{key: said[key] for key in ("dtype", "bits", "spread")}},
    )


class Models:
    """Models of one precision at a time: loading one in another drops those before.

    Models are measured in float32 where that fits into memory, unless the job's device says
    otherwise; what was chosen for the first of them holds for all.
    """

    def __init__(self) -> None:
        self._held: dict[tuple[str, Placement], LanguageModel] = {}
        self._device = Device()
        self._placement: Placement | None = None

    def place(self, device: Device) -> None:
        """Where models are loaded from now on; those that lie elsewhere are dropped when needed."""
        self._device, self._placement = device, None

    def place_again(self, device: Device, described: Mapping[str, Any]) -> None:
        """In the precision that an earlier process chose, by what `described` said of it then."""
        self._device = device
        self._placement = Placement.parse(
            device.name, described["dtype"], described["bits"], described["spread"]
        )

    def placement(self, name: str, count: int = 1) -> Placement:
        """Where and how the model, or `count` of its size, is measured."""
        if self._placement is None:
            wanted = self._device
            if wanted.dtype or wanted.bits or wanted.spread:
                self._placement = Placement.parse(
                    wanted.name, wanted.dtype, wanted.bits, wanted.spread
                )
            else:
                self._placement = to_measure(locate(name), wanted.name, count)
        return self._placement

    @property
    def described(self) -> dict[str, Any] | None:
        """What was chosen, for a manifest; None while nothing was loaded."""
        return self._placement.described() if self._placement else None

    def precision(self) -> dict[str, Any] | None:
        """The precision of the models and its noise, for a manifest.

        None while there is none, and in float32, whose noise is that of rounding.
        """
        if not self._held or self._is_exact:
            return None
        with State(next(iter(self._held.values()))).active() as model:
            return precision(model).model_dump()

    @property
    def _is_exact(self) -> bool:
        placement = self._placement
        return placement is None or (placement.dtype, placement.bits) == (DTYPES["float32"], None)

    def load(self, name: str, dtype: str | None = None, count: int = 1) -> LanguageModel:
        """The model without adapters, to be measured or, in a precision by name, to be trained.

        `count`: how many of its size will be there together. Raises LithoError if it cannot be
        loaded.
        """
        placement = self.placement(name, count)
        if dtype:
            placement = replace(placement, dtype=DTYPES[dtype])
        source = locate(name)
        key = str(source.folder), placement
        if key not in self._held:
            self._held = {k: model for k, model in self._held.items() if k[1] == placement}
            self._held[key] = load(source, placement)
        model = self._held[key]
        lora.detach(model)
        return model

    def hold(self, model: LanguageModel) -> None:
        """Use a model that has been loaded already."""
        self._placement = model.placement
        self._held[str(model.source.folder), model.placement] = model

    def keep(self, folders: Collection[Path]) -> None:
        """Drop all models but those in these folders."""
        kept = set(map(str, folders))
        self._held = {key: model for key, model in self._held.items() if key[0] in kept}

    def take_adapters_off(self) -> None:
        """Leave all models as they were loaded: one that was given may be used again."""
        for model in self._held.values():
            lora.detach(model)
