"""What each step of the printing shows: chains of several forms, always with new words."""

import random
from collections.abc import Sequence
from statistics import fmean

from litho.jobs.trails.config import PrintConfig
from litho.jobs.trails.pairs import PairPlan
from litho.jobs.trails.shown import scrambled, without_connectives
from litho.learn.checkpoint import Memory
from litho.learn.sources import Presentation
from litho.measure.trails.asked import Asked, asked
from litho.measure.trails.looking import Pointer, pointers
from litho.model.loaded import LanguageModel
from litho.text.trails.chains import Draw, Pair, draw
from litho.text.trails.library import Form

AT_ONCE = 2  # forms that enter together
SEEN = 3  # pairs of a form before its loss says anything
KEPT = 0.7  # share of the loss so far that the next one leaves
ENTERED_BY = 0.5  # of the training: then all forms are there, ready or not


class Mixture:
    """Pairs of the trained forms and wordings, a few forms first, then more of them.

    The next forms enter when the newest ones are learned, and in time for all to have been there in
    the second half.
    """

    def __init__(self, plan: PairPlan, config: PrintConfig) -> None:
        self._plan, self._config = plan, config
        self._forms = plan.library.trained()
        random.Random(f"{config.seed} forms").shuffle(self._forms)
        self.entered = min(config.start_forms, len(self._forms))
        self._losses: dict[str, float] = {}  # by form, the newest counting most
        self._seen: dict[str, int] = {}
        self._shown: list[str] = []  # forms of the rows of this step
        self._pointers: list[Pointer] = []  # of these rows

    def next(self, done: int) -> Presentation:
        chance = random.Random(f"{self._config.seed} step {done}")
        # Of its own, so that chains and what is shown to compare with are drawn alike.
        changes = random.Random(f"{self._config.seed} changes {done}")
        self.entered = max(self.entered, self._due(done))
        forms = self._forms[: self.entered]
        count = self._config.chains // 2
        drawn = [
            form
            for _ in range(-(-count // len(forms)))
            for form in chance.sample(forms, len(forms))
        ]
        rows: list[list[int]] = []
        self._shown, self._pointers = [], []
        for form in drawn[:count]:
            pair = self._changed(self._pair(form, chance), changes)
            turned = self._turned(changes)
            rows += self._rows(pair, turned)
            self._shown += [form.form] * 2
            if "routing" in self._config.objective:
                pointing = pointers(self._plan.model, pair)
                self._pointers += [each.turned() for each in pointing] if turned else pointing
        return Presentation(rows, f"{self.entered} forms")

    def _due(self, done: int) -> int:
        """Forms that have to be there by now."""
        first = min(self._config.start_forms, len(self._forms))
        part = min(1.0, done / (ENTERED_BY * self._config.presentations))
        return first + int(part * (len(self._forms) - first))

    def _pair(self, form: Form, chance: random.Random) -> Pair:
        if self._config.shown == "fixed":
            chance = random.Random(f"{self._config.seed} {form.form} fixed")
        wording = chance.choice(form.numbers(held_out=False))
        drawn = Draw(wording, unseen=False)
        return draw(self._plan.library, form, drawn, chance, self._plan.apart)

    def _changed(self, pair: Pair, chance: random.Random) -> Pair:
        if self._config.shown == "scrambled":
            return scrambled(pair, chance)
        return without_connectives(pair) if self._config.shown == "bare" else pair

    def _turned(self, chance: random.Random) -> bool:
        """Whether a pair's answers are the wrong ones."""
        shown = self._config.shown
        return shown == "turned" or (shown == "shuffled" and chance.random() < 0.5)

    def _rows(self, pair: Pair, turned: bool) -> list[list[int]]:
        """Both contexts, each with the answer that is right in it, or with that of the other."""
        read: Asked = asked(self._plan.model, pair)
        answers = read.tokens[::-1] if turned else read.tokens
        return [[*row, token] for row, token in zip(read.rows, answers, strict=True)]

    def pointers(self) -> list[Pointer]:
        """Where the answers stand in the rules, for each row of the last step."""
        return self._pointers

    def note(self, losses: Sequence[float]) -> None:
        """Take in the loss of each row of the last step: the newest forms may be learned."""
        for form, loss in zip(self._shown, losses, strict=True):
            before = self._losses.get(form, loss)
            self._losses[form] = KEPT * before + (1 - KEPT) * loss
            self._seen[form] = self._seen.get(form, 0) + 1
        newest = [form.form for form in self._forms[: self.entered][-AT_ONCE:]]
        seen = min(self._seen.get(form, 0) for form in newest)
        if seen >= 2 * SEEN and fmean(map(self._losses.__getitem__, newest)) < self._config.ready:
            self.entered = min(len(self._forms), self.entered + AT_ONCE)

    def memory(self) -> Memory:
        return Memory(values={"entered": self.entered, "losses": self._losses, "seen": self._seen})

    def recall(self, memory: Memory) -> None:
        self.entered = memory.values["entered"]
        self._losses, self._seen = dict(memory.values["losses"]), dict(memory.values["seen"])


def untouched_chains(plan: PairPlan, count: int) -> tuple[list[list[int]], list[Pointer]]:
    """Rows of all trained forms and wordings, by which heads are chosen, and their pointers."""
    rows, pointing = list[list[int]](), list[Pointer]()
    for form in plan.library.trained():
        for number in range(count):
            wordings = form.numbers(held_out=False)
            chance = random.Random(f"{form.form} heads {number}")
            wanted = Draw(wordings[number % len(wordings)], unseen=False)
            pair = draw(plan.library, form, wanted, chance, plan.apart)
            rows += [[*row, 0] for row in asked(plan.model, pair).rows]
            pointing += pointers(plan.model, pair)
    return rows, pointing


def check_chains(model: LanguageModel, plan: PairPlan) -> None:
    """Raises LithoError if a wording that is trained cannot be drawn or read."""
    for form in plan.library.trained():
        for wording in form.numbers(held_out=False):
            chance = random.Random(f"{form.form} {wording}")
            drawn = draw(plan.library, form, Draw(wording, unseen=False), chance, plan.apart)
            asked(model, drawn)
