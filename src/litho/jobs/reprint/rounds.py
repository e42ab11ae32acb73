"""One round: answer, judge, rewrite, guard, print on, measure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from litho.jobs.imprint.baseline import Baseline
from litho.jobs.imprint.handbook import Steps
from litho.jobs.imprint.job import ImprintJob
from litho.jobs.imprint.shown import Shown as Pages
from litho.jobs.imprint.talk import conversations_of
from litho.jobs.reprint.answering import answered
from litho.jobs.reprint.config import ReprintSpec
from litho.jobs.reprint.hard import Placed, forgotten, losses, sentences_in
from litho.jobs.reprint.judges import Answered
from litho.jobs.reprint.printed import ADAPTER
from litho.jobs.reprint.result import Version
from litho.jobs.reprint.tasks import Guard, Task, tasks_of
from litho.jobs.reprint.training import measured, print_on
from litho.jobs.reprint.versions import read_entries, write_version
from litho.jobs.reprint.writing import (
    Entry,
    Rewritten,
    Shown,
    repair_target,
    rewritten,
    with_entries,
)
from litho.jobs.rewrite.answering import in_turn
from litho.jobs.rewrite.judges import EXACT
from litho.jobs.rewrite.result import Judged
from litho.jobs.rewrite.versions import read_lineage
from litho.model.adapters import files, saved
from litho.model.loaded import LanguageModel
from litho.model.read.scoring import Target
from litho.model.state import State

REWRITE = "rewrite"  # the arm that does
_ASKED = "asked"  # name of an adapter


@dataclass
class Rounds:
    """The rounds of one arm; where it stands after the last one that is done."""

    spec: ReprintSpec
    job: ImprintJob
    arm: str
    adapter: Path = field(init=False)

    def __post_init__(self) -> None:
        self.adapter = self.job.run.path / ADAPTER
        self.folder = self.job.run.path / self.arm

    @cached_property
    def _baseline(self) -> Baseline:
        return Baseline(**self.job.run.read_json("baseline.json"))

    @cached_property
    def _guard(self) -> Guard:
        return Guard.of(self._baseline.scored.probes)

    def round(self, number: int) -> dict[str, Any]:
        """What `Version` holds, or why there is nothing to do."""
        version = self.folder / f"round-{number}"
        self.job.reporter.note(f"{self.arm}, round {number} of {self.spec.config.rounds}")
        said = read_lineage(version) if version.is_dir() else self._written(number, version)
        if "stopped" in said:
            return said
        model = self.job.model()
        steps, shown = self._presented(model, number, read_entries(version, self._guard))
        name, adapter = f"{self.arm}-{number}", self.folder / f"adapter-{number}"
        scale = self.job.run.once(
            f"scale-{name}.json",
            lambda: print_on(self.job, self._baseline, self.adapter, steps, name, adapter),
        )
        final = self.job.run.final_path / self.arm
        tokens = sum(each.tokens for each in shown)
        return Version(
            version=str(final / version.name),
            number=number,
            **said["counts"],
            rewritten=sum(each.rewritten for each in shown) / tokens,
            steps=len(steps),
            tokens=tokens,
            scale=scale,
            adapter=str(final / adapter.name),
            adapter_sha256=files.adapter_sha256(adapter),
            tests=measured(self.job, self._baseline, adapter),
        ).model_dump(mode="json")

    def past(self, number: int) -> None:
        """Go on from a round that is done."""
        self.adapter = self.folder / f"adapter-{number}"

    def _written(self, number: int, folder: Path) -> dict[str, Any]:
        """Make the version of a round; what its lineage says, or why there is none."""
        model, earlier = self.job.model(), self.folder / f"round-{number - 1}"
        before = read_entries(earlier, self._guard) if number > 1 else []
        answers, refused, judge = list[Answered](), dict[str, int](), None
        made = Rewritten((), (), ())
        if self.arm == REWRITE:
            tasks, refused = self.tasks(model)
            answers, judge, made = self._rewritten(model, number, before, tasks)
            if not made.entries:
                return {"stopped": f"no error is left in {len(answers)} answers"}
        _, shown = self._presented(model, number, made.entries)
        counts = _counts(answers, made, refused, judge)
        lineage = {
            "arm": self.arm,
            "round": number,
            "from": str(earlier.relative_to(self.job.run.path)) if number > 1 else None,
            "printed": self.spec.printed,
            "adapter_sha256": files.adapter_sha256(self.adapter),
            "settings": self.spec.config.model_dump(mode="json"),
            "added": list(made.added),
            "dropped": list(made.dropped),
            "counts": counts,
        }
        write_version(folder, answers, made.entries, shown, lineage)
        return lineage

    def tasks(self, model: LanguageModel) -> tuple[list[Task], dict[str, int]]:
        """What may be asked, and how much may not, by reason."""
        job = self.job
        every = [
            task
            for page in job.inputs.printed
            for task in tasks_of(
                page, job.inputs.pages[page].text, conversations_of(job, model, page)
            )
            if task.fact or self.spec.config.judge != EXACT
        ]
        return self._guard.allowed(every)

    def _rewritten(
        self, model: LanguageModel, number: int, before: Sequence[Entry], tasks: Sequence[Task]
    ) -> tuple[list[Answered], Judged, Rewritten]:
        """Answers of the model as it stands, what the judge is worth, and what follows."""
        scenes = self.job.scenes(model)
        placed = sentences_in(model, [scenes[i] for i in self.job.inputs.printed])
        asked = _in_turn(number, before, tasks, self.spec.config.questions)
        seed = f"{self.job.config.seed} answers {number}"
        self.job.reporter.stage(f"asking {len(asked)} questions")
        saved.load(model, _ASKED, self.adapter)
        state = State(model, (_ASKED,))
        answers, judge = answered(state, scenes, asked, self.spec.config, seed)
        by_stage = self._losses(state, placed, number)
        hard = forgotten(placed, by_stage, self.spec.config.sentences)
        known = {task.id: task for task in tasks}
        return answers, judge, rewritten(number, before, known, answers, hard)

    def _losses(self, state: State, placed: Sequence[Placed], number: int) -> list[list[float]]:
        """Of every sentence: untouched, printed, and after each round so far."""
        once, untouched = self.job.run.once, State(state.model)
        first: list[float] = once("losses.json", lambda: losses(untouched, placed))
        earlier = [once(f"losses-{self.arm}-{n}.json", list) for n in range(1, number)]
        now: list[float] = once(f"losses-{self.arm}-{number}.json", lambda: losses(state, placed))
        return [first, *earlier, now]

    def _presented(
        self, model: LanguageModel, number: int, entries: Sequence[Entry]
    ) -> tuple[Steps, list[Shown]]:
        """The steps of a round: where the plan of the imprint goes on, with rewritten texts."""
        pages, config = Pages.planned(self.job, model), self.spec.config
        steps = self._planned(pages, number)
        placed = {(one.page, one.text): one.target for one in sentences_in(model, pages.scenes)}

        def target(entry: Entry, turn: int) -> Target:
            if entry.kind == "sentence":
                return placed[entry.page, entry.text]
            return repair_target(model, entry, turn)

        seed = f"{self.job.config.seed} {number}"
        return with_entries(steps, entries, target, config.repeat, model.context, seed)

    def _planned(self, pages: Pages, number: int) -> Steps:
        """So many presentations of every page, from where the imprint or the last round ended."""
        before, each = self.job.config.presentations, self.spec.config.presentations
        rhythm = self.job.config.rhythm
        if (self.job.run.path / "rhythm.json").exists():
            rhythm = self.job.run.read_json("rhythm.json")["chosen"]
        whole = pages.steps(rhythm, before + each * self.spec.config.rounds)
        size = len(whole) * each // (before + each * self.spec.config.rounds)
        begin = self.spec.done + (number - 1) * size
        return whole[begin : begin + size]


def _in_turn(number: int, before: Sequence[Entry], tasks: Sequence[Task], most: int) -> list[Task]:
    """Questions that were rewritten, then others."""
    again = {entry.question for entry in before}
    known = [task for task in tasks if task.question in again]
    others = [task for task in tasks if task.question not in again]
    return in_turn(number, known, others, most)


def _counts(
    answers: Sequence[Answered], made: Rewritten, refused: dict[str, int], judge: Judged | None
) -> dict[str, Any]:
    """What `Version` says of how a version was made."""
    right = [said.right for said in answers if said.right is not None]
    return {
        "asked": len(answers),
        "failed": sum(said.accepted is False for said in answers),
        "right": sum(right) / len(right) if right else None,
        "added": len(made.added),
        "dropped": len(made.dropped),
        "entries": len(made.entries),
        "refused": refused,
        "judge": judge.model_dump(mode="json") if judge else None,
    }
