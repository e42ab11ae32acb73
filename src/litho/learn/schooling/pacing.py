"""A curriculum that adapts: probes while it trains, decisions, and the journal of both."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from litho.learn.checkpoint import Memory
from litho.learn.schooling.alarms import alarms, is_slow
from litho.learn.schooling.course import Course
from litho.learn.schooling.lesson import Lesson
from litho.learn.schooling.probing import ProbeText, bits_per_byte
from litho.learn.schooling.records import Action, Event, Probe
from litho.model.learner import Learner
from litho.text.school.training import Pacing

ALARM: Action = "alarm"
ANSWERS: dict[str, tuple[Action, ...]] = {  # what may be done about an alarm
    "forget": ("reread", "inject_scene"),
    "gap": ("switch_book", "inject_scene"),
}


@dataclass
class Pace:
    """Probes a learner, and changes the course of a stage by what they say.

    With `replayed`, the events of another run happen in place of decisions; probes are made, too.
    """

    pacing: Pacing
    texts: Sequence[ProbeText]  # of all stages
    batch_tokens: int
    replayed: Sequence[Event] | None = None
    probes: list[Probe] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def course(self, lessons: Sequence[Lesson], number: int) -> Course:
        """The course of a stage, with what happened in it before a process ended."""
        course = Course(lessons, number, self.batch_tokens, self.pacing.probe // 2)
        for event in self.events:
            if event.stage == lessons[number].id:
                course.take(event)
        return course

    def look(
        self, learner: Learner, lessons: Sequence[Lesson], number: int, course: Course,
        step: int, tokens: int,
    ) -> list[Event]:  # fmt: skip
        """Behind a step: probe if it is time to, and let happen what is to happen."""
        stage, ended = lessons[number].id, step >= course.steps
        due = ended or step % max(1, round(self.pacing.probe / self.batch_tokens)) == 0
        if due:
            self.probes.append(self._probe(learner, lessons, number, step, tokens))
        last = number == len(lessons) - 1
        if ended or last:
            wanted = self._noted(step, tokens) if due else []
            happened = [self._as_alarm(event) for event in wanted]
        elif self.replayed is not None:
            some = [e for e in self.replayed if (e.stage, e.step) == (stage, step)]
            happened = [self._happen(course, [event.model_copy(update={"tokens": tokens})])
                        for event in some]  # fmt: skip
        else:
            happened = self._decided(course, step, tokens) if due else []
        self.events += happened
        return happened

    def _probe(
        self, learner: Learner, lessons: Sequence[Lesson], number: int, step: int, tokens: int
    ) -> Probe:
        stage = lessons[number].id
        known = [lesson.id for lesson in lessons[: number + 1]]
        # Gaps are looked at where a book can be put off: in the stage that reads it.
        some = [
            text
            for text in self.texts
            if text.stage == stage or (text.stage in known and text.kind == "page")
        ]
        names = [(text.stage, text.book, text.kind) for text in some]
        bits = dict(zip(names, bits_per_byte(learner, some), strict=True))
        bpb: dict[str, dict[str, float]] = {}
        for (read_in, book, kind), each in bits.items():
            if kind == "page":
                bpb.setdefault(read_in, {})[book] = each
        gap = {
            book: each - bits[stage, book, "said"]
            for (_, book, kind), each in bits.items()
            if kind == "held"
        }
        return Probe(stage=stage, step=step, tokens=tokens, bpb=bpb, gap=gap)

    def _noted(self, step: int, tokens: int) -> list[Event]:
        return [event for raised in self._wanted(step, tokens) for event in raised[:1]]

    def _decided(self, course: Course, step: int, tokens: int) -> list[Event]:
        """At most one thing is done; alarms about which nothing is done are noted."""
        happened: list[Event] = []
        for wanted in self._wanted(step, tokens):
            done = any(event.action != "alarm" for event in happened)
            happened.append(self._as_alarm(wanted[0]) if done else self._happen(course, wanted))
        stage = self.probes[-1].stage
        advance = self.pacing.advance
        here = [probe for probe in self.probes if probe.stage == stage]
        done = any(event.action != "alarm" for event in happened)
        if not done and is_slow(here, advance):
            cause = (
                f"its books got easier by less than {advance.slope_bpb:g} bits per byte "
                f"{advance.patience} times in a row"
            )
            end = Event(stage=stage, step=step, tokens=tokens, action="advance", cause=cause)
            happened.append(self._happen(course, [end]))
        return happened

    def _wanted(self, step: int, tokens: int) -> Iterator[list[Event]]:
        """Of each alarm, what may be done about it, in the order in which it is tried."""
        stage = self.probes[-1].stage
        for raised in alarms(self.probes, self.pacing.alarm):
            actions: list[Action] = [
                each for each in self.pacing.on_alarm if each in ANSWERS[raised.kind]
            ]
            said = {"book": raised.book, "taught": raised.taught, "cause": raised.cause}
            yield [
                Event(stage=stage, step=step, tokens=tokens, action=action, **said)
                for action in [*actions, ALARM]
            ]

    def _happen(self, course: Course, wanted: Sequence[Event]) -> Event:
        """The first that can be; else the last is noted as an alarm."""
        for event in wanted:
            if course.take(event):
                return event
        return self._as_alarm(wanted[-1])

    def _as_alarm(self, event: Event) -> Event:
        return event.model_copy(update={"action": "alarm"})

    def memory(self) -> Memory:
        probes = [probe.model_dump() for probe in self.probes]
        return Memory(values={"probes": probes, "events": [e.model_dump() for e in self.events]})

    def recall(self, memory: Memory) -> None:
        self.probes = [Probe(**each) for each in memory.values["probes"]]
        self.events = [Event(**each) for each in memory.values["events"]]
