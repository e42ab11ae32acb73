"""What learns: the adapter of the printed pages, and that of the control."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from litho.jobs.imprint.config import ImprintConfig
from litho.jobs.imprint.handbook import ranks_of
from litho.jobs.imprint.job import ImprintJob
from litho.learn.objectives import Rows
from litho.learn.records import LoopConfig
from litho.model.adapters.keys import page_keys
from litho.model.adapters.slices import Factors, factors_in
from litho.model.adapters.spec import AdapterSpec
from litho.model.adapters.tokenwise import mlp_kinds
from litho.model.loaded import LanguageModel


@dataclass(frozen=True)
class Adapters:
    """Where the adapters are and of which rank; the control's carries no earlier pages."""

    layers: tuple[int, ...]  # blocks
    kinds: tuple[str, ...] | None  # what names of their layers end in; None: those of all
    ranks: Sequence[int]  # of each printed page
    carried: Factors | None  # an earlier adapter, which fills the first ranks
    imprint: ImprintConfig  # the settings with the rank of the whole adapter
    control: ImprintConfig  # and with that of the printed pages

    @classmethod
    def planned(cls, job: ImprintJob, model: LanguageModel, layers: Sequence[int]) -> "Adapters":
        """For a model without adapters."""
        config, onto, printed = job.config, job.inputs.onto, job.inputs.printed
        ranks = ranks_of(config.rank, len(job.inputs.pages), len(printed))
        carried = factors_in(job.earlier_folder) if onto else None
        kinds = carried.kinds if carried else _kinds(model, config)
        control = config.widened(sum(ranks)) if config.keys == "text" else config
        imprint = config.widened(onto.rank + sum(ranks)) if onto else control
        return cls(tuple(layers), kinds, ranks, carried, imprint, control)

    def keys(
        self, model: LanguageModel, texts: Sequence[Rows], avoided_BT: Tensor
    ) -> Mapping[str, Tensor] | None:
        """The imprint's matrices A, by name of the layer; None: they are drawn, and learn, too."""
        config = self.imprint
        if config.keys != "text":
            return None
        keys = page_keys(model, texts, avoided_BT, self.ranks, self.layers, config.seed, self.kinds)
        return self.carried.joined(keys) if self.carried else keys

    def of_imprint(self, config: LoopConfig, keys: Mapping[str, Tensor] | None) -> AdapterSpec:
        """The adapter of the pages, for a training with the rank and the seed of `config`."""
        begun = self.carried.scaled_by(config.alpha / config.rank) if self.carried else None
        return AdapterSpec(
            config.rank, config.alpha, config.seed, self.layers, self.kinds, keys, begun
        )

    def of_control(self, config: LoopConfig) -> AdapterSpec:
        """A plain one in the same places."""
        return AdapterSpec(config.rank, config.alpha, config.seed, self.layers, self.kinds)


def _kinds(model: LanguageModel, config: ImprintConfig) -> tuple[str, ...] | None:
    """What names of the layers with an adapter end in; None: those of all."""
    return mlp_kinds(model) or None if config.modules == "mlp" else None
