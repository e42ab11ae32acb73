"""Sentences that say, or give away, what a gap hides."""

import re
from collections.abc import Iterator

from litho.text.school.plan import Plan

_SENTENCE = re.compile(r"[^.?!\n]+[.?!]?")
_WORD = re.compile(r"\w+")


def leaks_in(
    plan: Plan, text: str, pairs: dict[str, frozenset[str]] | None = None
) -> Iterator[str]:
    """Sentences that name the subject and the object of a hidden fact, or both ends of a chain."""
    pairs = hidden_pairs(plan) if pairs is None else pairs
    for sentence in _SENTENCE.findall(text):
        names = [word for word in _WORD.findall(sentence.lower()) if word in plan.world.type_of]
        if any(pairs.get(one, frozenset()) & set(names) for one in names):
            yield sentence.strip()


def hidden_pairs(plan: Plan, chains_only: bool = False) -> dict[str, frozenset[str]]:
    """What must not be named together: for each subject, what its hidden facts lead to.

    `chains_only`: what two of them lead to.
    """
    world = plan.world
    found: dict[str, set[str]] = {}
    for relation in () if chains_only else world.relations():
        for fact in world.facts(relation):
            if fact.id in plan.hidden:
                found.setdefault(fact.subject, set()).add(fact.object)
    for bridge in plan.bridges():
        for first, second in world.chains(bridge):
            if plan.is_hidden((first, second)):
                found.setdefault(first.subject, set()).add(second.object)
    return {subject: frozenset(ends) for subject, ends in found.items()}
