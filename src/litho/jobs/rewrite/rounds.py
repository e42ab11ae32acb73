"""One round: answer, judge, rewrite, guard, train, examine."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from litho.core.errors import LithoError
from litho.jobs.rewrite.answering import answered, in_turn
from litho.jobs.rewrite.config import RewriteSpec
from litho.jobs.rewrite.data import (
    REWRITTEN,
    Text,
    documents_of,
    mixed,
    more_books,
    read_again,
    repeated,
    rewritten_text,
    rows_of,
    share_of,
)
from litho.jobs.rewrite.judges import AGREEMENT, Answered
from litho.jobs.rewrite.reading import Reading, factors, readings
from litho.jobs.rewrite.result import Judged, Version
from litho.jobs.rewrite.training import ENDING, subjects, train
from litho.jobs.rewrite.transitions import Transitions
from litho.jobs.rewrite.versions import (
    leaks_of,
    read_documents,
    read_entries,
    read_lineage,
    write_version,
)
from litho.jobs.rewrite.writing import Rewritten, bridges_for, rewritten
from litho.jobs.runner import Context
from litho.jobs.school.exam import examined
from litho.jobs.school.finished import FinishedSchool
from litho.model.loaded import LanguageModel
from litho.model.loading import load
from litho.model.placement import Placement
from litho.model.sources import locate
from litho.text.school.chance import chance
from litho.text.school.rewriting.entries import Entry
from litho.text.school.rewriting.guard import Guard
from litho.text.school.rewriting.pool import Task, tasks
from litho.text.school.rewriting.settings import Rewrite

AGAIN = frozenset({"journal", "random_spans"})
BRIDGING = frozenset({"accumulate", "replace"})
ANSWERING = frozenset({"accumulate", "replace", "agreement", "oracle"})


def round_tokens(finished: FinishedSchool, config: Rewrite) -> int:
    return round(config.share * finished.result.tokens)


@dataclass
class Rounds:
    """The rounds of one arm; where it stands after the last one that is done."""

    context: Context[RewriteSpec]
    finished: FinishedSchool
    arm: str
    checkpoint: Path = field(init=False)
    model: Path = field(init=False)
    folder: Path = field(init=False)  # of the arm

    def __post_init__(self) -> None:
        last = self.finished.result.stages[-1].id
        self.checkpoint = self.finished.checkpoints()[last]
        self.model = self.finished.model
        self.folder = self.context.run.path / self.arm
        plan = self.finished.school.plan
        assert plan
        self.plan, self.guard = plan, Guard.of(plan)
        every = tasks(plan, self._seed)
        self.tasks = {
            task.id: task
            for task in every
            if not self.guard.objection([fact.id for fact in task.facts], task.question)
        }

    @property
    def _seed(self) -> int:
        return self.finished.genome.seed

    @property
    def _placement(self) -> Placement:
        return Placement.parse(self.context.spec.device.name)

    @property
    def _config(self) -> Rewrite:
        return self.context.spec.config

    def version(self, number: int) -> Path:
        return self.folder / f"round-{number}"

    def round(self, number: int) -> dict[str, Any]:
        """What `Version` holds and the checkpoint, or why there is nothing to do."""
        finished, reporter = self.finished, self.context.reporter
        version, tokens = self.version(number), round_tokens(finished, self._config)
        reporter.note(f"{self.arm}, round {number} of {self._config.rounds}")
        said = read_lineage(version) if version.is_dir() else self._written(number, tokens)
        if "stopped" in said:
            return said
        texts, codec = read_documents(version), finished.build.codec
        leaks = leaks_of(version, self.guard)
        if leaks:
            raise LithoError(f"{version} holds {leaks} texts that the guard should have kept out")
        rows = rows_of(codec, texts, subjects(finished), tokens, finished.genome.train.seq)
        model = self.folder / f"model-{number}"
        trained = train(
            finished, self.checkpoint, rows, f"{self.arm} {number}", self.folder, model,
            self.context.models, self._placement, reporter, self.context.run.tick,
        )  # fmt: skip
        exam = examined(finished.genome, finished.folder, self._loaded(model), reporter)
        final = self.context.run.final_path / self.arm / version.name
        found = Version(
            version=str(final),
            number=number,
            **said["counts"],
            leaks=leaks,
            rewritten=share_of(codec, texts, REWRITTEN),
            pages=share_of(codec, texts, "reading"),
            tokens=rows.count,
            loss=trained.loss,
            exam=exam,
        )
        return {
            "version": found.model_dump(mode="json"),
            "checkpoint": trained.checkpoint.name,
        }

    def past(self, number: int, checkpoint: str) -> None:
        """Go on from a round that is done; the checkpoint before it is needed no more."""
        if self.checkpoint.parent == self.folder:
            self.checkpoint.unlink(missing_ok=True)
        self.checkpoint = self.folder / checkpoint
        self.model = self.folder / f"model-{number}"

    def _loaded(self, folder: Path) -> LanguageModel:
        """A model by itself, which goes when it is not needed any more."""
        return load(locate(str(folder)), self._placement)

    def _written(self, number: int, tokens: int) -> dict[str, Any]:
        """Make the version of a round; what its lineage says, or why there is none."""
        before = read_entries(self.version(number - 1)) if number > 1 else []
        answers: list[Answered] = []
        judge: Judged | None = None
        read: list[Reading] = []
        made = Rewritten((), (), (), {})
        if self.arm in ANSWERING:
            asked = self._asked(number, before)
            answers, judge = self._answers(number, asked)
            made = rewritten(
                self.arm, number, before, self.tasks, answers, self._bridges(number), self.plan,
                self.guard, self._config.agree,
            )  # fmt: skip
            read = list(readings(self._config.on_failure, self.tasks, answers))
            if not made.entries:
                return {
                    "stopped": self._nothing(answers, made),
                    "judge": judge.model_dump(mode="json"),
                }
        texts = self._texts(number, made.entries, tokens, factors(read))
        lineage = {
            "arm": self.arm,
            "round": number,
            "from": str(Path(self.arm) / f"round-{number - 1}") if number > 1 else None,
            "school": self.finished.result.model_sha256,
            "checkpoint": self.checkpoint.name.removesuffix(ENDING),
            "settings": self._config.model_dump(mode="json"),
            "added": list(made.added),
            "dropped": list(made.dropped),
            "readings": [each.model_dump(mode="json") for each in read],
            "counts": _counts(answers, made, read, judge),
        }
        write_version(self.version(number), answers, made.entries, texts, lineage)
        return lineage

    def _asked(self, number: int, before: Sequence[Entry]) -> list[Task]:
        """Questions that were rewritten, then others."""
        known = {entry.about: None for entry in before if entry.about in self.tasks}
        again = [self.tasks[name] for name in known]
        others = [task for task in self.tasks.values() if task.id not in known]
        return in_turn(number, again, others, self._config.questions)

    def _answers(self, number: int, asked: Sequence[Task]) -> tuple[list[Answered], Judged]:
        judge = AGREEMENT if self.arm == "agreement" else self._config.judge
        seed = chance(self._seed, "answers", number).getrandbits(62)
        return answered(
            self._loaded(self.model), self.plan, asked, judge, self._config, seed,
            self.context.reporter,
        )  # fmt: skip

    def _texts(
        self, number: int, entries: Sequence[Entry], tokens: int, more: Mapping[str, float]
    ) -> list[Text]:
        config, codec = self._config, self.finished.build.codec
        order = list(entries)
        chance(self._seed, "entries", number).shuffle(order)
        texts = [rewritten_text(entry) for entry in order]
        if self.arm == "replace":
            return repeated(codec, texts, tokens, None)
        if self.arm in AGAIN:
            share = self.context.spec.journal.reinject
            some = repeated(codec, self._again(number), round(share * tokens), None)
        else:
            some = repeated(codec, texts, round(config.cap * tokens), config.repeat)
        floor = config.real_floor if self.arm in ANSWERING else 0.0
        return mixed(codec, self._true(number, more), some, tokens, floor, self._seed + number)

    def _bridges(self, number: int) -> list[Entry]:
        """Paragraphs for the hard transitions of the school, once."""
        if number > 1 or self.arm not in BRIDGING or not self._config.bridges:
            return []
        hard = Transitions(self.context, self.finished).hardest()
        return list(bridges_for(hard, self.tasks, self.plan, self._config.bridges))

    def _again(self, number: int) -> list[Text]:
        """Documents that are read again: those of the hardest spans, or of as many by chance."""
        hard = Transitions(self.context, self.finished)
        spans = hard.by_chance() if self.arm == "random_spans" else hard.hardest_few()
        texts = documents_of(self.finished.build, spans)
        chance(self._seed, "again", number).shuffle(texts)
        return texts

    def _true(self, number: int, more: Mapping[str, float]) -> Iterator[Text]:
        if self.arm == "re_read":
            return read_again(self.finished.build, number, self._seed)
        return more_books(self.finished.school, number, more)

    def _nothing(self, answers: Sequence[Answered], made: Rewritten) -> str:
        """Why there is nothing to rewrite."""
        said = "nothing is left to rewrite"
        if made.refused:
            return f"{said}: the guard refused all {sum(made.refused.values())} texts"
        if self.arm == "agreement":
            return f"{said}: samples agree on none of {len(answers)} answers"
        return f"{said}: the judge found no error in {len(answers)} answers"


def _counts(
    answers: Sequence[Answered], made: Rewritten, read: Sequence[Reading], judge: Judged | None
) -> dict[str, Any]:
    return {
        "asked": len(answers),
        "failed": sum(said.accepted is False for said in answers),
        "right": sum(said.right for said in answers) / len(answers) if answers else None,
        "added": len(made.added),
        "dropped": len(made.dropped),
        "entries": len(made.entries),
        "refused": made.refused,
        "judge": judge.model_dump(mode="json") if judge else None,
        "not_understood": [each.section for each in read],
    }
