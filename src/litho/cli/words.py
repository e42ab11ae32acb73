"""A command line of Litho, read without being run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from litho.core.errors import LithoError


def out_of(words: Sequence[str]) -> tuple[Path, Mapping[str, Any]]:
    """The folder that a command line writes, and all its values by name.

    Raises LithoError if it names none, or the command makes no run; Typer's errors on what it
    refuses.
    """
    from litho.jobs.commands import JOBS

    command, values = _read(words)
    out = values.get("out")
    if not isinstance(out, Path) or command not in JOBS:
        raise LithoError(
            "give a command that writes a run, with --out FOLDER, such as imprint page.md --out "
            "runs/page"
        )
    return out, values


def _read(words: Sequence[str]) -> tuple[str, Mapping[str, Any]]:
    """The name of a command, with that of its group, and the values of the line."""
    from typer.main import get_command

    from litho.cli.main import app

    left, names = list(words), list[str]()
    command: Any = get_command(app)
    context: Any = command.context_class(command, info_name="litho")
    while hasattr(command, "commands"):
        if not left:
            return " ".join(names), {}
        name, command, left = command.resolve_command(context, left)
        context = command.context_class(command, parent=context, info_name=name)
        names.append(name)
    read: Any = command.make_context(context.info_name, left, parent=context.parent)
    values: dict[str, Any] = read.params
    return " ".join(names), values
