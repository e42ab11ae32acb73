"""The effects registry: what was ever judged, on which model and text, with its evidence.

One SQLite file for all runs of a user. Several processes may write at once; what was committed
survives a killed writer (write-ahead log, one transaction a run).
"""

import os
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from platformdirs import user_data_path

from litho.core.errors import LithoError
from litho.core.records import Record
from litho.core.store import PATIENCE, patiently

# Each entry brings a registry from the version that is its index to the next one.
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
_COLUMNS = {
    "effect", "found", "statistic", "low", "high", "p", "model", "text", "change", "recipe",
    "seed", "run", "made",
}  # fmt: skip
_NUMBERS = {"found", "statistic", "low", "high", "p", "seed"}
# An `and` inside a value joins no terms.
_JOINT = re.compile(r"\s+and\s+(?=\w+\s*(?:$|[<>=]|and\s)|not\s+found\b)")
_TERM = re.compile(r"(\w+)\s*(<=|>=|=|<|>)\s*(.+)", re.DOTALL)


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


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """The registry at `path`, brought to this version.

    Raises LithoError if it is damaged or was written by a newer Litho; nothing is changed then.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
    except (OSError, sqlite3.OperationalError) as error:
        raise _unusable(path, error) from None
    try:
        try:
            patiently(lambda: _bring_up(db, path))
        except sqlite3.OperationalError as error:
            raise _unusable(path, error) from None
        except sqlite3.DatabaseError as error:
            raise LithoError(
                f"the effects registry {path} is damaged ({error}): move it away, or set "
                "LITHO_REGISTRY to another file"
            ) from None
        db.row_factory = sqlite3.Row
        yield db
    finally:
        db.close()


def check_writable(path: Path) -> None:
    """Raises LithoError if nothing could be added to the registry at `path`."""
    with opened(path) as db:
        try:
            db.execute("BEGIN IMMEDIATE")
            db.execute("SELECT id FROM findings LIMIT 1")
            db.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            raise _unusable(path, error) from None


def _unusable(path: Path, error: Exception) -> LithoError:
    return LithoError(
        f"the effects registry {path} cannot be used ({error}): set LITHO_REGISTRY to a file that "
        "can be written"
    )


def _bring_up(db: sqlite3.Connection, path: Path) -> None:
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise LithoError(
            f"the effects registry {path} was written by a newer Litho (version {version}, this "
            f"one knows {len(MIGRATIONS)}): update Litho, or set LITHO_REGISTRY to another file"
        )
    (health,) = db.execute("PRAGMA quick_check(1)").fetchone()
    if health != "ok":
        raise sqlite3.DatabaseError(health)
    if version == len(MIGRATIONS):
        return
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("BEGIN IMMEDIATE")
    # Another process may have done it while we waited for the lock.
    (version,) = db.execute("PRAGMA user_version").fetchone()
    for number in range(version, len(MIGRATIONS)):
        db.execute(MIGRATIONS[number])
        db.execute(f"PRAGMA user_version = {number + 1}")
    db.execute("COMMIT")


def add(db: sqlite3.Connection, evidence: Iterable[Evidence]) -> None:
    """Write what one run found, all or nothing; the same judgement again replaces the old one."""
    rows = [e.model_dump(exclude={"id"}) for e in evidence]
    if not rows:
        return
    names = list(rows[0])
    marks = ", ".join(f":{name}" for name in names)
    into = f"INSERT OR REPLACE INTO findings ({', '.join(names)}) VALUES ({marks})"
    db.execute("BEGIN IMMEDIATE")
    try:
        db.executemany(into, rows)
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def query(db: sqlite3.Connection, expression: str) -> list[Evidence]:
    """What matches terms joined by `and`, newest first.

    A term is the name of an effect, `found`, `not found`, or a comparison such as
    `model=bundled:*`, `p<0.001`; `*` in a value stands for anything. An empty expression matches
    all. Raises LithoError on a term that is none of these.
    """
    conditions, values = [], []
    for term in filter(None, (t.strip() for t in _JOINT.split(expression.strip()))):
        condition, value = _condition(term)
        conditions.append(condition)
        values += value
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    rows = db.execute(f"SELECT * FROM findings {where} ORDER BY id DESC", values)
    return [Evidence(**dict(row)) for row in rows]


def one(db: sqlite3.Connection, number: int) -> Evidence | None:
    """The judgement with an id, or None."""
    row = db.execute("SELECT * FROM findings WHERE id = ?", (number,)).fetchone()
    return Evidence(**dict(row)) if row else None


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
        return f"{name} GLOB ?", [value]
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
    found = [e for e in rows if e.found]
    # The same change judged again with another seed or recipe is no further case.
    cases = {(e.model_sha, e.text_sha, e.change_sha) for e in found}
    never = {(e.model_sha, e.text_sha, e.change_sha) for e in rows} - cases
    texts = {text for _, text, _ in cases} & {text for _, text, _ in never}
    return Tally(
        effect=effect,
        judged=len(rows),
        found=len(found),
        replications=max(0, len(cases) - 1),
        models=len({e.model_sha for e in found}),
        contradictions=len(texts),
    )
