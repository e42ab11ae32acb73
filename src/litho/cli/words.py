"""A command line of Litho, read without being run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from litho.core.errors import LithoError


def out_of(words: Sequence[str]) -> tuple[Path, Mapping[str, Any]]:
    """The folder that a command line writes, and all its values by name.

    Raises LithoError if it names none, or the command has none; Typer's errors on what it refuses.
    """
    values = _values(words)
    out = values.get("out")
    if not isinstance(out, Path):
        raise LithoError(
            "give a command that writes a run, with --out FOLDER, such as imprint page.md --out "
            "runs/page"
        )
    return out, values


def _values(words: Sequence[str]) -> Mapping[str, Any]:
    from typer.main import get_command

    from litho.cli.main import app

    left = list(words)
    command: Any = get_command(app)
    context: Any = command.context_class(command, info_name="litho")
    while hasattr(command, "commands"):
        if not left:
            return {}
        name, command, left = command.resolve_command(context, left)
        context = command.context_class(command, parent=context, info_name=name)
    read: Any = command.make_context(context.info_name, left, parent=context.parent)
    values: dict[str, Any] = read.params
    return values
