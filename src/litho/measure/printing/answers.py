"""What a model says when it is asked, and whether that is right."""

from collections.abc import Sequence

from litho.measure.printing.probes import target_of
from litho.model.read.chat import question, replies
from litho.model.read.scoring import greedy
from litho.model.state import State
from litho.text.items import Probe
from litho.text.sentences import words

REPLY_TOKENS = 48  # of an answer in the chat format, at most


def answers(state: State, probes: Sequence[Probe], page: str = "") -> list[str]:
    """A state's own answer to each probe, every token the likeliest.

    To a cloze as many tokens as its target has; in the chat format at most `REPLY_TOKENS`, with
    `page` in front of the question.
    """
    clozes = [target_of(state.model, probe) for probe in probes if probe.kind != "chat"]
    counts = [len(target.ids) - target.first for target in clozes]
    with state.active() as model:
        rows = greedy(model, [target.ids[: target.first] for target in clozes], counts)
        asked = [[question(p.prefix, page)] for p in probes if p.kind == "chat"]
        replied = iter(replies(model, asked, REPLY_TOKENS))
        continued = iter([model.decode(row).strip() for row in rows])
        return [next(replied if probe.kind == "chat" else continued) for probe in probes]


def is_right(answer: str, target: str) -> bool:
    """Whether an answer holds the words of `target` in their order, whatever their case."""
    said, wanted = (" ".join(words(text)) for text in (answer, target))
    if not wanted:  # signs alone
        return target.strip() in answer
    return f" {wanted} " in f" {said} "
