"""What a model is held to while pages are printed into it: other text, and earlier pages."""

from dataclasses import dataclass

import torch
from torch import Tensor

from litho.jobs.imprint.baseline import Baseline
from litho.jobs.imprint.config import ImprintConfig
from litho.jobs.imprint.handbook import windows
from litho.jobs.imprint.job import EARLIER, ImprintJob
from litho.jobs.imprint.monitor import ArmMonitor
from litho.jobs.imprint.own import own_rows
from litho.jobs.imprint.talk import everyday_talk
from litho.learn.drift import LEAST, DriftController, DriftGuard, Replay, UnreadReplay
from litho.learn.earlier import EarlierGuard, EarlierPages
from litho.learn.objectives import Rows
from litho.learn.prose import prose_rows
from litho.learn.records import LoopConfig
from litho.learn.self_samples import replay_samples
from litho.measure.printing.drift import retention_blocks
from litho.model.loaded import LanguageModel
from litho.model.placement import HOST

# Share of the unseen rows, those that drift least, that count: some passages are near any text.
FAR = 0.75
OTHERS = 3  # of so many held rows one counts in the keys' C: one passage of each kind of writing
CURVE_BLOCKS = 4  # blocks of the retention text in each check along the training


@dataclass(frozen=True)
class Held:
    """Rows on which the model is held to its base, and others that show whether that suffices."""

    config: ImprintConfig
    replay: UnreadReplay
    unseen: Rows
    retention: Rows
    earlier: EarlierPages | None  # with the adapter that carries them already

    @classmethod
    def sampled(cls, job: ImprintJob, model: LanguageModel) -> "Held":
        """Collect the rows; let the base write those that are its own, once in a run."""
        held, unseen = _rows(job, model)
        blocks = retention_blocks(model, job.inputs.retention_text(), job.config.retention_tokens)
        curve = blocks[:: max(1, len(blocks) // CURVE_BLOCKS)][:CURVE_BLOCKS]
        return cls(job.config, UnreadReplay.of(held), unseen, curve, _earlier(job, model))

    @property
    def avoided_BT(self) -> Tensor:
        """Rows to which keys are not to answer: those of the drift term, and of earlier pages."""
        others_BT = self.replay.ids_BT[::OTHERS]
        return torch.cat([others_BT, self.earlier.ids_BT]) if self.earlier else others_BT

    def monitor(self, model: LanguageModel, baseline: Baseline) -> ArmMonitor:
        """Let the base read what is not trained on: there it is seen whether the rows suffice."""
        far = FAR if self.config.replay != "samples" else 1.0
        unseen = Replay.read(model, self.unseen, far)
        return ArmMonitor(baseline, unseen, Replay.read(model, self.retention))

    def guard(self, config: LoopConfig, pages: float) -> DriftGuard:
        """What holds one training, whose steps show so many pages each.

        The loss of a step is the mean over its pages, so that of each page counts the less the more
        there are: the drift must be free to count less, too.
        """
        controller = DriftController(budget=self.config.budget, least=LEAST / pages)
        drift = self.replay, controller, config.replay_rows, config.seed
        return EarlierGuard(*drift, self.earlier) if self.earlier else DriftGuard(*drift)


def _rows(job: ImprintJob, model: LanguageModel) -> tuple[list[list[int]], list[list[int]]]:
    """Rows to train on, and others to measure on."""
    config = job.config
    held, unseen = list[list[int]](), list[list[int]]()
    if config.replay != "samples":
        held, unseen = prose_rows(model, config.replay_length)
    if config.replay != "prose":
        samples = job.run.once("replay.json", lambda: _sample(job, model))
        held, unseen = held + samples[: config.replay_pool], unseen + samples[config.replay_pool :]
    held += everyday_talk(job, model)
    return held + own_rows(model, job.inputs.hold, config.replay_length)[0], unseen


def _sample(job: ImprintJob, model: LanguageModel) -> list[list[int]]:
    config = job.config
    job.reporter.stage("letting the model talk, to hold on to what it says")
    return replay_samples(
        model,
        "\n\n".join(job.inputs.pages[i].text for i in job.inputs.printed),
        config.replay_pool,
        config.replay_unseen,
        config.replay_length,
        config.seed,
    )


def _earlier(job: ImprintJob, model: LanguageModel) -> EarlierPages | None:
    """The pages that an adapter carries already, in rows as long as those of the drift term."""
    if job.inputs.onto is None:
        return None
    pages, length = job.inputs.pages[: job.inputs.printed.start], job.config.replay_length
    rows = [row for page in pages for row in windows(model, page.text, length)]
    return EarlierPages(EARLIER, job.inputs.onto.rank, torch.tensor(rows, device=HOST))
