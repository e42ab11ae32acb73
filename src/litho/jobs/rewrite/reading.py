"""Who does not understand a book reads it again, or switches to another on the same pair."""

from collections.abc import Iterator, Mapping, Sequence

from litho.core.records import Record
from litho.jobs.rewrite.judges import Answered
from litho.text.school.rewriting.pool import Task
from litho.text.school.rewriting.settings import OnFailure

FEWEST = 3  # judged answers about a section, from which on they count
UNDERSTOOD = 0.5  # share of these that the judge accepts
AGAIN = 2.0  # times as much as before


class Reading(Record):
    """What became of a section that was not understood."""

    section: str  # BOOK#SECTION
    asked: int
    accepted: float  # share of these
    rule: OnFailure
    instead: tuple[str, ...]  # sections that are read in its place


def readings(
    rule: OnFailure, tasks: Mapping[str, Task], answers: Sequence[Answered]
) -> Iterator[Reading]:
    """What becomes of each section of which the judge accepts fewer than half of the answers.

    A switch leads to sections over which questions were asked together with it and that were
    understood; where there are none, the section is read again.
    """
    if rule == "nothing":
        return
    said: dict[str, list[bool]] = {}
    beside: dict[str, set[str]] = {}
    for each in answers:
        sections = tasks[each.task].sections
        for section in sections if each.accepted is not None else ():
            said.setdefault(section, []).append(bool(each.accepted))
            beside.setdefault(section, set()).update(sections)
    share = {section: sum(right) / len(right) for section, right in said.items()}
    failed = {s for s, right in said.items() if len(right) >= FEWEST and share[s] < UNDERSTOOD}
    for section in sorted(failed):
        others = sorted(beside[section] - failed - {section})
        instead = others if rule == "switch_book" else []
        yield Reading(
            section=section,
            asked=len(said[section]),
            accepted=share[section],
            rule="switch_book" if instead else "reread",
            instead=tuple(instead),
        )


def factors(found: Sequence[Reading]) -> dict[str, float]:
    """By how much more of each section there is in the true text of a round than before."""
    again = {each.section: 0.0 if each.instead else AGAIN for each in found}
    return again | {section: AGAIN for each in found for section in each.instead}
