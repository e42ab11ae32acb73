"""What a text says that was written behind a question over two facts; no torch."""

import re

from litho.text.school.questions import Question

LINKS = 3  # the thing asked about, what the first fact leads to, the answer
_SENTENCE = re.compile(r"[^.?!]*[.?!]?")


def named_last(text: str, question: Question) -> float:
    """1 where the answer is the last of all candidates that a text names."""
    found = {each: _last_place(each, text) for each in question.candidates}
    last = max(found.values())
    return float(last >= 0 and found[question.answer] == last)


def links(text: str, question: Question) -> int:
    """How many links of the chain are right before the first wrong one, from 0 to 3.

    1: the first sentence names what the question is about; 2: it also names what the first fact
    leads to; 3: the second sentence names that again, and the answer.
    """
    subject, between = (fact.partition(":")[2] for fact in question.facts)
    first, second, *_ = (*_SENTENCE.findall(text), "", "")
    if not _names(first, subject):
        return 0
    if not _names(first, between):
        return 1
    return LINKS if _names(second, between) and _names(second, question.answer) else 2


def _names(text: str, word: str) -> bool:
    return _last_place(word, text) >= 0


def _last_place(word: str, text: str) -> int:
    """Where a text names a word last; -1 if it does not."""
    return max((m.start() for m in re.finditer(rf"\b{re.escape(word)}\b", text)), default=-1)
