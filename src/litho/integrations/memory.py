"""The same page printed, retrieved, both or neither, in one table."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from litho.core import stats
from litho.core.errors import LithoError
from litho.core.records import Record
from litho.core.runs import RunDirectory
from litho.core.stats import Estimate
from litho.integrations.pages import Pages
from litho.jobs.ask.ask import ADAPTER, Asked
from litho.jobs.spec import Device
from litho.measure.printing.answers import REPLY_TOKENS, is_right
from litho.measure.printing.probes import opened, target_of
from litho.model.loaded import LanguageModel
from litho.model.read.chat import answer_ids
from litho.model.read.scoring import target_logprobs
from litho.text.items import Probe

Memory = Literal["neither", "retrieved", "printed", "both"]
MEMORIES: tuple[Memory, ...] = ("neither", "retrieved", "printed", "both")
Retrieve = Callable[[str], Sequence[str]]  # paragraphs for a question, the nearest first


class Remembered(Record):
    """A question with each kind of memory."""

    question: str
    target: str
    retrieved: tuple[str, ...]
    logprob: dict[Memory, float]  # of the target, mean over its tokens, nats
    answers: dict[Memory, str]  # each token the likeliest
    right: dict[Memory, bool]  # whether the answer holds the words of the target


class MemoryTable(Record):
    """All questions, and the mean over them."""

    rows: tuple[Remembered, ...]
    logprob: dict[Memory, Estimate]
    right: dict[Memory, Estimate]

    def __str__(self) -> str:
        lines = ["| memory | log-probability of the answer, nats | right |", "| --- | --- | --- |"]
        for memory in MEMORIES:
            cells = [_said(self.logprob[memory]), _said(self.right[memory])]
            lines.append(f"| {memory} | {' | '.join(cells)} |")
        return "\n".join(lines)


def compared(
    run: Path | str,
    probes: Sequence[Probe] | None = None,
    *,
    retrieve: Retrieve | None = None,
    device: str = "auto",
) -> MemoryTable:
    """Ask the model of a finished imprint with its page printed, retrieved, both and neither.

    `probes`: questions; none: those of the run, but for its neighbours. `retrieve`: a retriever;
    none: the two nearest paragraphs by BM25. Raises LithoError if there is nothing to ask, or what
    was retrieved leaves no room for the answer.
    """
    asked = [*probes] if probes is not None else _own(Path(run))
    if not asked:
        raise LithoError("there is no question to ask: give probes")
    pages = Pages(run)
    find = retrieve or (lambda text: [each.text for each in pages.nearest(text, 2)])
    model = Asked(Path(run), Device(name=device)).model
    read = [tuple(find(probe.prefix)) for probe in asked]
    logprob, answers = dict[Memory, list[float]](), dict[Memory, list[str]]()
    for memory in MEMORIES:
        books = read if memory in ("retrieved", "both") else [()] * len(asked)
        contexts = ["\n\n".join(book) for book in books]
        with model.state(ADAPTER if memory in ("printed", "both") else None):
            logprob[memory], answers[memory] = _asked(model, asked, contexts)
    return _table(asked, read, logprob, answers)


def _own(run: Path) -> list[Probe]:
    rows = RunDirectory.opened(run).read_rows("probes.parquet")
    known = [{key: row[key] for key in Probe.model_fields} for row in rows]
    return [probe for probe in map(Probe.model_validate, known) if probe.kind != "neighbour"]


def _asked(
    model: LanguageModel, probes: Sequence[Probe], contexts: Sequence[str]
) -> tuple[list[float], list[str]]:
    """Log-probability of each target, and what the model says, in the state that it is in."""
    targets = [
        target_of(model, probe, opened(context) if context and probe.kind != "chat" else context)
        for probe, context in zip(probes, contexts, strict=True)
    ]
    # In the chat format until the answer ends; behind a cloze as many tokens as its target has.
    lengths = [
        REPLY_TOKENS if probe.kind == "chat" else len(target.ids) - target.first
        for probe, target in zip(probes, targets, strict=True)
    ]
    asked = [target.ids[: target.first] for target in targets]
    if any(len(ids) + n > model.context for ids, n in zip(asked, lengths, strict=True)):
        raise LithoError("what was retrieved leaves no room for the answer: retrieve less")
    said = [""] * len(probes)
    for length in set(lengths):
        places = [i for i, own in enumerate(lengths) if own == length]
        replies = answer_ids(model, [asked[i] for i in places], length)
        for i, ids in zip(places, replies, strict=True):
            said[i] = str(model.tokenizer.decode(ids, skip_special_tokens=True)).strip()
    return target_logprobs(model, targets), said


def _table(
    probes: Sequence[Probe],
    read: Sequence[tuple[str, ...]],
    logprob: dict[Memory, list[float]],
    answers: dict[Memory, list[str]],
) -> MemoryTable:
    rows = [
        Remembered(
            question=probe.prefix,
            target=probe.target,
            retrieved=read[i],
            logprob={memory: logprob[memory][i] for memory in MEMORIES},
            answers={memory: answers[memory][i] for memory in MEMORIES},
            right={memory: is_right(answers[memory][i], probe.target) for memory in MEMORIES},
        )
        for i, probe in enumerate(probes)
    ]
    return MemoryTable(
        rows=tuple(rows),
        logprob={memory: stats.mean(logprob[memory]) for memory in MEMORIES},
        right={memory: stats.mean([float(r.right[memory]) for r in rows]) for memory in MEMORIES},
    )


def _said(estimate: Estimate) -> str:
    interval = "" if estimate.ci is None else f" ({estimate.ci[0]:.2f} to {estimate.ci[1]:.2f})"
    return f"{estimate.value:.2f}{interval}"
