"""A ladder climbed while the model learns: each presentation shows the next rung."""

import math
from collections.abc import Sequence

from litho.measure.volatility import Budget
from litho.model.loaded import LanguageModel
from litho.model.read.vocabulary import Vocabulary
from litho.present.ladder import Climb

CLIMBING = 2 / 3  # of the presentations, in which a ladder is climbed


class Ascent:
    """The way from the model's own version of a text up to the text, on the model as it learns.

    As many rungs are passed in a presentation as are needed to be up in time.
    """

    def __init__(
        self, model: LanguageModel, scenes: Sequence[str], budget: Budget, presentations: int
    ) -> None:
        """`presentations`: in how many to be up."""
        vocabulary = Vocabulary(model)
        self._climbs = [Climb(model, scene, budget, vocabulary) for scene in scenes]
        self._heights = [len(climb.open_places) for climb in self._climbs]
        self._presentations = presentations

    @property
    def versions(self) -> list[list[int]]:
        """What has been reached, token ids by scene."""
        return [climb.ids for climb in self._climbs]

    def resume(self, versions: Sequence[list[int]]) -> None:
        """Go on from versions that were reached before."""
        for climb, ids in zip(self._climbs, versions, strict=True):
            climb.ids = list(ids)

    @property
    def text(self) -> str:
        """What has been reached, as it reads."""
        return "\n\n".join(climb.said for climb in self._climbs)

    @property
    def left(self) -> int:
        """Tokens of the text that are still to be brought in."""
        return sum(len(climb.open_places) for climb in self._climbs)

    @property
    def arrived(self) -> bool:
        return not self.left

    def rows(self, done: int) -> list[list[int]]:
        """Climb on the model as it is after `done` presentations; ids of what is to be presented.

        Of a bridge both ends are shown.
        """
        to_go = max(0.0, 1 - (done + 1) / self._presentations)
        shown = []
        for climb, height in zip(self._climbs, self._heights, strict=True):
            climb.look_again()
            before = len(climb.rungs)
            while len(climb.open_places) > math.floor(to_go * height):
                climb.step()
            last = climb.rungs[before:][-2:]
            if len(last) == 2 and last[0].brought == last[1].brought:
                shown.append(climb.model.encode(last[0].text))
            shown.append(climb.ids)
        return shown
