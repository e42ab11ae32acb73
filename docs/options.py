"""Writes the tables of options into the pages of docs/, from the command line and its settings.

    python docs/options.py

fills whatever stands between `<!-- options: imprint -->`, or `<!-- settings: imprint -->`, and
`<!-- end -->` in a page. What an option means is said by its help, what a setting means by the
string below its field.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from typer.main import get_command

from litho.cli.main import app
from litho.core.config import Config
from litho.jobs.arrange.config import ArrangePlan
from litho.jobs.bench.config import PROTOCOLS, BenchConfig
from litho.jobs.diff.config import DiffConfig
from litho.jobs.ensemble.config import EnsemblePlan
from litho.jobs.evolve.config import EvolveConfig
from litho.jobs.expose.config import ExposeConfig
from litho.jobs.imprint.config import ImprintConfig
from litho.jobs.reprint.config import ReprintConfig
from litho.jobs.roles.config import RolesConfig
from litho.jobs.spec import Device
from litho.jobs.trails.config import CaptureConfig, PrintConfig
from litho.jobs.vary.config import VaryConfig
from litho.learn.records import Recipe
from litho.text.school import genome, training
from litho.text.school.rewriting import settings as rewriting

PAGES = Path(__file__).parent
SETTINGS: dict[str, type[Config]] = {
    "imprint": ImprintConfig,
    "vary": VaryConfig,
    "diff": DiffConfig,
    "expose": ExposeConfig,
    "ensemble": EnsemblePlan,
    "evolve": EvolveConfig,
    "evolve documents": ArrangePlan,
    "roles": RolesConfig,
    "rewrite": rewriting.Rewrite,
    "rewrite pages": ReprintConfig,
    "journal": rewriting.Journal,
    "recipe": Recipe,
    "bench": BenchConfig,
    "trails print": PrintConfig,
    "trails test": CaptureConfig,
    "device": Device,
    "genome": genome.Genome,
    "genome tokenizer": genome.Tokenizer,
    "genome model": training.Model,
    "genome train": training.Train,
    "genome average": training.Average,
    "genome adapter": training.Adapter,
    "genome pacing": training.Pacing,
    "genome advance": training.Advance,
    "genome alarm": training.Alarm,
    "genome budget": genome.Budget,
    "genome library": genome.Book,
    "genome stages": genome.Stage,
    "genome practice": genome.Practice,
    "genome mismatch": genome.Mismatch,
    "genome gate": genome.Gate,
    "genome gaps": genome.Gap,
    "genome crossrefs": genome.CrossRef,
    "genome scenes": genome.Scene,
    "genome trigger": genome.Trigger,
    "genome resolution": genome.Resolution,
    "genome loss": training.Loss,
    "genome roles": training.RoleAdapter,
    "genome tests": genome.Tests,
}
_TABLE = re.compile(r"<!-- (options|settings): ([a-z ]+) -->\n(.*?)<!-- end -->", re.DOTALL)
# Sets of values that a setting has, where there are several.
_COLUMNS: dict[type[Config], dict[str, Config]] = {BenchConfig: dict(PROTOCOLS)}
_NAMES: dict[type, str] = {int: "integer", float: "number", str: "string", bool: "true or false"}
_BOUNDS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}


def filled(page: str) -> str:
    """A page with its tables as they should be."""

    def fill(place: re.Match[str]) -> str:
        kind, name, _ = place.groups()
        table = options_of(name) if kind == "options" else settings_of(SETTINGS[name])
        return f"<!-- {kind}: {name} -->\n\n{table}\n\n<!-- end -->"

    return _TABLE.sub(fill, page)


def options_of(name: str) -> str:
    """Arguments and options of a command, such as `map` or `effects query`."""
    command: Any = get_command(app)
    for part in name.split():
        command = command.commands[part]
    rows = [
        (f"`{_written(each)}`", _default_of(each), each.help or "")
        for each in command.params
        if not getattr(each, "hidden", False)
    ]
    return _table(("argument or option", "default", "meaning"), rows)


def settings_of(kind: type[Config]) -> str:
    """The settings of a command, for `--set`, `--config` and Python."""
    columns = _COLUMNS.get(kind, {})
    rows = []
    for name, field in kind.model_fields.items():
        values = [_shown(getattr(each, name)) for each in columns.values()] or [_value(field)]
        meaning = " ".join((field.description or "").split())
        rows.append((f"`{field.alias or name}`", _type_of(field), *values, meaning))
    defaults = [f"`{name}`" for name in columns] or ["default"]
    return _table(("setting", "type", *defaults, "meaning"), rows)


def _written(option: Any) -> str:  # noqa: ANN401  typer's class of an option is its own affair
    if not option.opts[0].startswith("-"):
        return str(option.name.upper())
    names = ", ".join([*option.opts, *option.secondary_opts])
    return f"{names} {option.metavar}" if option.metavar else names


def _default_of(option: Any) -> str:  # noqa: ANN401
    if option.required:
        return "required"
    if isinstance(option.show_default, str):
        said = option.show_default
        return said if " " in said else f"`{said}`"
    return "" if option.default in (None, False, "") else f"`{option.default}`"


def _type_of(field: FieldInfo) -> str:
    bounds = [
        f" {sign} {getattr(limit, name)}"
        for limit in field.metadata
        for name, sign in _BOUNDS.items()
        if getattr(limit, name, None) is not None
    ]
    kinds = get_args(field.annotation) if _is_union(field.annotation) else (field.annotation,)
    named = ", ".join(_type_named(kind) for kind in kinds if kind is not NoneType)
    return named + " and".join(bounds) + (" or none" if NoneType in kinds else "")


def _is_union(kind: object) -> bool:
    return get_origin(kind) in (Union, UnionType)


def _type_named(kind: Any) -> str:  # noqa: ANN401  whatever annotates a field
    arguments = get_args(kind)
    if get_origin(kind) is Literal:
        return ", ".join(f"`{value}`" for value in arguments)
    if get_origin(kind) is tuple:
        of = _type_named(arguments[0])
        return f"list of {of}" if get_origin(arguments[0]) is Literal else f"list of {of}s"
    if get_origin(kind) is dict:
        return f"{_type_named(arguments[1])}s by name"
    if hasattr(kind, "__metadata__"):
        return _type_named(arguments[0])
    return _NAMES.get(kind, "file" if kind is Path else str(kind.__name__).lower())


def _value(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    return _shown(field.default)


def _shown(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, Config):
        return "its defaults"
    if isinstance(value, tuple):
        known = [each for each in value if not isinstance(each, Config)]
        return f"`[{', '.join(map(str, known))}]`" if known or not value else "one, of defaults"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cells(line))} |" for line in lines)


def _cells(line: Sequence[str]) -> Iterator[str]:
    return (cell.replace("|", "\\|") for cell in line)


def main() -> None:
    for path in sorted(PAGES.glob("*.md")):
        page = path.read_text(encoding="utf-8")
        path.write_text(filled(page), encoding="utf-8")


if __name__ == "__main__":
    main()
