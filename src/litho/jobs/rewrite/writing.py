"""From answers to rewritten texts: failures are repaired, what is understood is dropped."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from litho.jobs.journal.result import Span
from litho.jobs.rewrite.judges import Answered, agreed
from litho.text.school.chance import chance
from litho.text.school.loops import last_named
from litho.text.school.plan import Plan
from litho.text.school.rewriting.entries import Entry, Kind, bridge, repair, solution
from litho.text.school.rewriting.guard import Guard
from litho.text.school.rewriting.pool import Task
from litho.text.school.speech import Speech
from litho.text.school.world import Fact


@dataclass(frozen=True)
class Rewritten:
    """What a round makes of the entries of the rounds before."""

    entries: tuple[Entry, ...]
    added: tuple[str, ...]  # ids
    dropped: tuple[str, ...]
    refused: dict[str, int]  # by reason


def rewritten(
    arm: str,
    number: int,
    before: Sequence[Entry],
    tasks: Mapping[str, Task],
    answers: Sequence[Answered],
    bridges: Sequence[Entry],
    plan: Plan,
    guard: Guard,
    agree: int,
) -> Rewritten:
    """Entries of the next version. `bridges`: paragraphs that are offered, too."""
    understood = {said.task for said in answers if _is_understood(arm, said, tasks, agree)}
    offered = [
        *_written(arm, number, tasks, answers, plan, agree),
        *(each for each in bridges if each.about not in understood),
    ]
    refused, added = Counter[str](), list[Entry]()
    for entry in offered:
        objection = guard.objection(entry.facts, entry.text)
        if objection:
            refused[objection] += 1
        else:
            added.append(entry)
    anew = {entry.about for entry in added}
    if arm == "replace":
        dropped = [entry.id for entry in before]
        kept: list[Entry] = []
    else:
        # What is written anew is written from the latest attempt.
        again = {entry.id for entry in before if entry.about in anew and entry.kind != "bridge"}
        dropped = [entry.id for entry in before if entry.about in understood - anew]
        gone = again.union(dropped)
        kept = [entry for entry in before if entry.id not in gone]
    entries = (*kept, *added)
    return Rewritten(entries, tuple(e.id for e in added), tuple(dropped), dict(refused))


def _is_understood(arm: str, said: Answered, tasks: Mapping[str, Task], agree: int) -> bool:
    """Of own agreed answers the opposite: they go where nothing is agreed on any more."""
    if arm == "agreement":
        return agreed(tasks[said.task], said.samples, agree) is None
    return said.accepted is True


def _written(
    arm: str,
    number: int,
    tasks: Mapping[str, Task],
    answers: Sequence[Answered],
    plan: Plan,
    agree: int,
) -> Iterator[Entry]:
    for line, said in enumerate(answers):
        task = tasks[said.task]
        speech = Speech(plan.world, chance(plan.world.seed, "rewritten", number, task.id))
        found = _own(speech, task, said, agree) if arm == "agreement" else None
        if arm != "agreement" and said.accepted is False:
            if arm == "oracle":
                found = "solution", solution(speech, task)
            else:
                found = "repair", repair(speech, task, said.written)
        if found is None:
            continue
        kind, text = found
        yield Entry(
            id=f"{number}:{task.id}",
            kind=kind,
            about=task.id,
            text=text,
            facts=said.facts,
            sections=task.sections,
            attempt=said.written if kind != "solution" else None,
            round=number,
            answer=line,
        )


def _own(speech: Speech, task: Task, said: Answered, agree: int) -> tuple[Kind, str] | None:
    """What the samples agree on, in the model's own words; no book is opened."""
    thing = agreed(task, said.samples, agree)
    if thing is None:
        return None
    agreeing = next(each for each in said.samples if last_named(each, task.things) == thing)
    if said.named == thing:
        return "own", f"{task.question} {said.written}"
    return "repair", repair(speech, task, said.written, agreeing)


def bridges_for(
    spans: Sequence[Span], tasks: Mapping[str, Task], plan: Plan, most: int
) -> Iterator[Entry]:
    """Paragraphs that lead from one book to another over a fact that was hard."""
    seen = set[str]()
    for span in spans:
        facts = [_fact(plan, identity) for identity in span.facts]
        if len(seen) == most or len(facts) != 1 or facts[0] is None or facts[0].id in seen:
            continue
        speech = Speech(plan.world, chance(plan.world.seed, "bridge", facts[0].id))
        found = bridge(speech, plan, facts[0])
        if found is None:
            continue
        text, chain = found
        about = "+".join(fact.id for fact in chain)
        if about not in tasks:
            continue
        seen.add(facts[0].id)
        yield Entry(
            id=f"bridge:{facts[0].id}",
            kind="bridge",
            about=about,
            text=text,
            facts=tuple(fact.id for fact in chain),
            sections=tuple(plan.places[fact.relation] for fact in chain),
            attempt=None,
            round=1,
            answer=None,
            span=f"{span.stage}, document {span.document}: {span.text}",
        )


def _fact(plan: Plan, identity: str) -> Fact | None:
    """A fact of a relation by its id."""
    relation, _, subject = identity.partition(":")
    if relation not in plan.places or subject not in plan.world.objects[relation]:
        return None
    return plan.world.fact(plan.world.relation(relation), subject)
