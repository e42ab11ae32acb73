"""The effects registry: what was ever judged, on which model and text, with its evidence.

One SQLite file for all runs of a user. Several processes may write at once; what was committed
survives a killed writer (one transaction a run).
"""

import os
import re
from collections.abc import Iterable
from math import isnan
from pathlib import Path
from typing import Any

from platformdirs import user_data_path
from pydantic import ValidationError

from litho.core.errors import LithoError
from litho.core.records import Record
from litho.core.store import Schema, Store

MIGRATIONS = (
    """
    CREATE TABLE findings (
        id INTEGER PRIMARY KEY,
        effect TEXT NOT NULL, found INTEGER NOT NULL,
        statistic REAL NOT NULL, low REAL NOT NULL, high REAL NOT NULL, p REAL NOT NULL,
        model TEXT NOT NULL, model_sha TEXT NOT NULL,
        text TEXT NOT NULL, text_sha TEXT NOT NULL,
        change TEXT NOT NULL, change_sha TEXT NOT NULL,
        recipe TEXT NOT NULL, seed INTEGER NOT NULL,
        run TEXT NOT NULL, made TEXT NOT NULL,
        UNIQUE (effect, model_sha, text_sha, change_sha, recipe, seed)
    )
    """,
)
_SCHEMA = Schema(
    title="the effects registry",
    migrations=MIGRATIONS,
    if_damaged="move it away, or set LITHO_REGISTRY to another file",
    if_unusable="set LITHO_REGISTRY to another file that can be written",
)
_COLUMNS = {
    "effect", "found", "statistic", "low", "high", "p", "model", "text", "change", "recipe",
    "seed", "run", "made",
}  # fmt: skip
_NUMBERS = {"found", "statistic", "low", "high", "p", "seed"}
# An `and` inside a value joins no terms.
_JOINT = re.compile(r"\s+and\s+(?=\w+\s*(?:$|[<>=]|and\s)|not\s+found\b)")
_TERM = re.compile(r"(\w+)\s*(<=|>=|=|<|>)\s*(.+)", re.DOTALL)
# GLOB has three more special characters than `*`; in brackets each stands for itself.
_NO_WILDCARD = re.compile(r"[\[?]")
_LARGEST = 2**63 - 1  # number of a row
_UNWRITABLE = re.compile(r"[\ud800-\udfff]")  # bytes of a command line that are no text


class Evidence(Record):
    """One effect judged once."""

    effect: str
    found: bool
    statistic: float
    low: float  # the null's 95 % band
    high: float
    p: float
    model: str
    model_sha: str
    text: str  # its name
    text_sha: str
    change: str  # what lies between the two states: an adapter folder or another model
    change_sha: str
    recipe: str  # how it was judged, as JSON
    seed: int
    run: str  # where the evidence lies
    made: str  # UTC
    id: int | None = None


class Tally(Record):
    """How often an effect was found and not found."""

    effect: str
    judged: int
    found: int
    replications: int  # further changes, texts or models in which it was found again
    models: int  # in which it was found
    contradictions: int  # texts on which it was found after one change and never after another


def registry_path() -> Path:
    """`$LITHO_REGISTRY`, else a file in the user's data folder."""
    return Path(os.environ.get("LITHO_REGISTRY") or user_data_path("litho") / "effects.sqlite")


def opened(path: Path) -> Store:
    """The registry at `path`, brought to this version.

    Raises LithoError if it is damaged or was written by a newer Litho; nothing is changed then.
    """
    return Store(path, _SCHEMA)


def add(store: Store, evidence: Iterable[Evidence]) -> None:
    """Write what one run found, all or nothing; the same judgement again replaces the old one.

    Where a number is NaN nothing was measured, and that is no evidence: it is left out.
    """
    names = [name for name in Evidence.model_fields if name != "id"]
    marks = ", ".join(f":{name}" for name in names)
    into = f"INSERT OR REPLACE INTO findings ({', '.join(names)}) VALUES ({marks})"
    measured = (e for e in evidence if not any(map(isnan, (e.statistic, e.low, e.high, e.p))))
    store.write(into, [e.model_dump(exclude={"id"}) for e in measured])


def query(store: Store, expression: str) -> list[Evidence]:
    """What matches terms joined by `and`, newest first.

    A term is the name of an effect, `found`, `not found`, or a comparison such as
    `model=bundled:*`, `p<0.001`; `*` in a value stands for anything. An empty expression matches
    all. Raises LithoError on a term that is none of these.
    """
    if _UNWRITABLE.search(expression):
        raise LithoError(f"the query {expression!r} is no text in UTF-8: write it again")
    conditions, values = [], []
    for term in filter(None, (t.strip() for t in _JOINT.split(expression.strip()))):
        condition, value = _condition(term)
        conditions.append(condition)
        values += value
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    rows = store.rows(f"SELECT * FROM findings {where} ORDER BY id DESC", values)
    return [_read(store, row) for row in rows]


def one(store: Store, number: int) -> Evidence | None:
    """The judgement with an id, or None."""
    if number > _LARGEST:
        return None
    rows = store.rows("SELECT * FROM findings WHERE id = ?", (number,))
    return _read(store, rows[0]) if rows else None


def _read(store: Store, row: dict[str, Any]) -> Evidence:
    """Raises LithoError if a row holds what Litho never writes."""
    try:
        return Evidence(**row)
    except ValidationError as error:
        place = error.errors()[0]["loc"][0]
        raise LithoError(
            f"{_SCHEMA.title} {store.path} is damaged ({place} of finding {row.get('id')}): "
            f"{_SCHEMA.if_damaged}"
        ) from None


def _condition(term: str) -> tuple[str, list[str | float]]:
    if term in ("found", "not found"):
        return f"found = {int(term == 'found')}", []
    match = _TERM.fullmatch(term)
    if not match:
        if not re.fullmatch(r"\w+", term):
            raise LithoError(_no_term(term))
        return "effect = ?", [term]
    name, sign, value = match.groups()
    if name not in _COLUMNS:
        raise LithoError(_no_term(term))
    if name not in _NUMBERS:
        if sign != "=":
            raise LithoError(f"{term!r}: {name} is no number; only = compares it")
        return f"{name} GLOB ?", [_NO_WILDCARD.sub(r"[\g<0>]", value)]
    try:
        return f"{name} {sign} ?", [float(value)]
    except ValueError:
        raise LithoError(f"{term!r}: {value!r} is no number to compare with") from None


def _no_term(term: str) -> str:
    return (
        f"{term!r} is no term of a query: write the name of an effect, found, not found, or "
        f"COLUMN=VALUE, < or > with one of {', '.join(sorted(_COLUMNS))}; join terms by 'and'"
    )


def tally(evidence: Iterable[Evidence]) -> list[Tally]:
    """Count replications and contradictions, effect by effect in alphabetical order."""
    by_effect: dict[str, list[Evidence]] = {}
    for e in evidence:
        by_effect.setdefault(e.effect, []).append(e)
    return [_tally(effect, rows) for effect, rows in sorted(by_effect.items())]


def _tally(effect: str, rows: list[Evidence]) -> Tally:
    positive = [e for e in rows if e.found]
    # The same change judged again with another seed or recipe is no further case.
    cases = {(e.model_sha, e.text_sha, e.change_sha) for e in positive}
    never = {(e.model_sha, e.text_sha, e.change_sha) for e in rows} - cases
    texts = {text for _, text, _ in cases} & {text for _, text, _ in never}
    return Tally(
        effect=effect,
        judged=len(rows),
        found=len(positive),
        replications=max(0, len(cases) - 1),
        models=len({e.model_sha for e in positive}),
        contradictions=len(texts),
    )
