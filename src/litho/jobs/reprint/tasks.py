"""What is asked about printed pages, and what may not be asked: the questions of the report."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from litho.core.records import Record
from litho.measure.printing.answers import is_right
from litho.text.items import Probe
from litho.text.probes import subject_of
from litho.text.questions import Conversation, answers_in_place, asked_about, conversations
from litho.text.sentences import words


class Task(Record):
    """A question about a sentence of a page."""

    id: str
    page: int  # its place
    question: str
    sentence: str
    fact: str | None  # what the question leaves out of the sentence; None: the model made it


def tasks_of(page: int, text: str, made: Sequence[Sequence[Conversation]]) -> Iterator[Task]:
    """Questions about a page of the kinds that were shown when it was printed.

    `made`: what was shown about each sentence. Each names the subject of the page, since the page
    itself is not there when it is asked.
    """
    subject = subject_of(text)
    for number, sentence in enumerate(asked_about(text)):
        facts = answers_in_place(sentence)
        shown = made[number] if number < len(made) else ()
        named = [each.question for each in shown if subject in each.question]
        own = [asked for asked in named if not any(base[:-1] in asked for base in facts)]
        found = [
            *(
                (conversations(sentence, [base], subject)[-1].question, facts[base])
                for base in facts
            ),
            *((asked, None) for asked in dict.fromkeys(own)),
        ]
        for place, (asked, fact) in enumerate(found):
            yield Task(
                id=f"{page}:{number}:{place}",
                page=page,
                question=asked,
                sentence=sentence,
                fact=fact,
            )


@dataclass(frozen=True)
class Guard:
    """Knows what the report asks: of that, nothing is asked and nothing is written."""

    asked: frozenset[str]  # in plain words
    answers: tuple[str, ...]

    @classmethod
    def of(cls, probes: Sequence[Probe]) -> "Guard":
        return cls(
            frozenset(_plain(probe.prefix) for probe in probes),
            tuple(dict.fromkeys(probe.target for probe in probes)),
        )

    def objection(self, question: str, sentence: str, fact: str | None) -> str | None:
        """Why a question may not be asked; None if it may."""
        if _plain(question) in self.asked:
            return "a question of the report"
        if any(_asks_for(answer, question, sentence, fact) for answer in self.answers):
            return "what the report asks for"
        return None

    def allowed(self, tasks: Sequence[Task]) -> tuple[list[Task], dict[str, int]]:
        """Those that may be asked, and how many may not, by reason."""
        said = [self.objection(task.question, task.sentence, task.fact) for task in tasks]
        refused = Counter(reason for reason in said if reason)
        return [t for t, reason in zip(tasks, said, strict=True) if not reason], dict(refused)


def _asks_for(answer: str, question: str, sentence: str, fact: str | None) -> bool:
    """Whether a question asks for an answer of the report, or may, where its own is not known."""
    if fact is None:
        return is_right(sentence, answer) and not is_right(question, answer)
    return is_right(fact, answer) or is_right(answer, fact)


def _plain(text: str) -> str:
    return " ".join(words(text))
