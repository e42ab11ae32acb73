"""Texts with questions about them and paraphrases, in the format of Chang et al. 2024.

Each line of the file is an object with `id`, `train_context` (the text), `mem_input` and
`mem_target`, `gen_input` and `gen_target`, `hard_gen_input` and `hard_gen_target` (cloze questions
in the text's words, reworded, or to be worked out), and `paraphrases` of the text.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import ConfigDict

from litho.core.errors import LithoError
from litho.core.records import Record
from litho.text.items import Probe, ProbeKind
from litho.text.jsonl import read_values, record
from litho.text.sentences import sentences

KINDS: dict[ProbeKind, str] = {"mem": "mem", "gen": "gen", "hard": "hard_gen"}
REFUSAL = " is no text with questions (see 'litho bench --help')"
_WORD = re.compile(r"\w+")


class _Row(Record):
    """A line of the file; such files may say more than is needed here."""

    model_config = ConfigDict(extra="ignore")

    id: str | int
    train_context: str
    mem_input: tuple[str, ...]
    mem_target: tuple[str, ...]
    gen_input: tuple[str, ...]
    gen_target: tuple[str, ...]
    hard_gen_input: tuple[str, ...]
    hard_gen_target: tuple[str, ...]
    paraphrases: tuple[str, ...] | None


class Case(Record):
    """A text, what is asked about it, and how others say it."""

    id: str
    text: str
    probes: tuple[Probe, ...]
    paraphrases: tuple[str, ...]


def read_cases(path: Path) -> list[Case]:
    """The texts in a JSONL file that have paraphrases, in order.

    Raises LithoError, with the line, on anything that is no such text, and if there is none.
    """
    cases = [
        _case(where, record(where, value, _Row, REFUSAL))
        for where, value in read_values(path, "texts")
        if not (isinstance(value, dict) and value.get("paraphrases", True) in ([], None))
    ]
    if not cases:
        raise LithoError(f"{path} holds no text with paraphrases")
    return cases


def _case(where: str, row: _Row) -> Case:
    probes = []
    for kind, key in KINDS.items():
        prefixes, targets = getattr(row, f"{key}_input"), getattr(row, f"{key}_target")
        if len(prefixes) != len(targets):
            counts = f"{len(prefixes)} of {key}_input and {len(targets)} of {key}_target"
            raise LithoError(f"{where}{REFUSAL}; {counts} are no pairs")
        probes += [
            Probe(kind=kind, prefix=prefix.strip(), target=target.strip())
            for prefix, target in zip(prefixes, targets, strict=True)
        ]
    if not all(_WORD.search(each) for each in (row.train_context, *(row.paraphrases or ()))):
        raise LithoError(f"{where}{REFUSAL}; a text or a paraphrase has no words")
    return Case(
        id=str(row.id),
        text=row.train_context.strip(),
        probes=tuple(probes),
        paraphrases=row.paraphrases or (),
    )


def shortened(case: Case, words: int) -> Case:
    """Only the sentences that the probes ask about, and of the paraphrases what says the same.

    All sentences of memory probes, then those with the answer to a hard one while the text has at
    most `words` words. Hard probes whose answer is no longer in the text are left out.
    """
    parts = sentences(case.text)
    kept = {i for p in case.probes if p.kind == "mem" for i in _places(parts, p)}
    for probe in case.probes:
        more = kept | {i for i, part in enumerate(parts) if probe.target in part}
        if probe.kind == "hard" and _words(parts[i] for i in more) <= words:
            kept = more
    said = [parts[i] for i in sorted(kept)]
    text = " ".join(said)
    return Case(
        id=case.id,
        text=text,
        probes=tuple(p for p in case.probes if p.kind != "hard" or p.target in text),
        paraphrases=tuple(_counterpart(said, paraphrase) for paraphrase in case.paraphrases),
    )


def _places(parts: Sequence[str], probe: Probe) -> list[int]:
    """The sentences over which the statement of a memory probe goes."""
    whole, statement = " ".join(parts), f"{probe.prefix} {probe.target}"
    begin = whole.find(statement)
    if begin < 0:
        begin = whole.find(probe.prefix)
    if begin < 0:
        return []
    places, start = [], 0
    for i, part in enumerate(parts):
        if start < begin + len(statement) and begin < start + len(part):
            places.append(i)
        start += len(part) + 1
    return places


def _words(parts: Iterable[str]) -> int:
    return sum(len(_WORD.findall(part)) for part in parts)


def _counterpart(said: Sequence[str], paraphrase: str) -> str:
    """The sentences of a paraphrase that have most words in common with those of a text."""
    parts = sentences(paraphrase)
    bags = [set(_WORD.findall(part.lower())) for part in parts]
    chosen = set()
    for sentence in said:
        own = set(_WORD.findall(sentence.lower()))
        chosen.add(max(range(len(parts)), key=lambda i: len(own & bags[i]) / len(own | bags[i])))
    return " ".join(parts[i] for i in sorted(chosen))
