"""The command line: parse, call one function, show."""

import os
import sys
import warnings
from collections.abc import Callable

import typer
from typer.exceptions import TyperException

from litho.cli.bench import bench
from litho.cli.calibrate import calibrate
from litho.cli.console import console
from litho.cli.diff import diff
from litho.cli.doctor import doctor
from litho.cli.effects import effects
from litho.cli.ensemble import ensemble
from litho.cli.expose import expose
from litho.cli.imprint import imprint
from litho.cli.map import map_
from litho.cli.predict import predict
from litho.cli.runs import report, resume
from litho.cli.vary import vary
from litho.core.errors import Interrupted, LithoError, disk_is_full
from litho.core.memory import keep_freed_memory

app = typer.Typer(
    name="litho",
    help="Shows what a text does to a language model, and prints the text into it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(imprint)
app.command()(vary)
app.command("map")(map_)
app.command()(diff)
app.command()(expose)
app.add_typer(effects, name="effects")
app.command()(bench)
app.command()(ensemble)
app.command()(predict)
app.command()(calibrate)
app.command()(resume)
app.command()(report)
app.command()(doctor)


def main() -> None:
    """Run the command line; errors are one sentence, exit codes those of the README."""
    keep_freed_memory()
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
    sys.exit(guarded(lambda: app(standalone_mode=False)))


def guarded(command: Callable[[], object]) -> int:
    """Call `command`; turn what it raises into one sentence and an exit code."""
    try:
        code = command()
    except typer.Exit as stop:
        return stop.exit_code
    except LithoError as error:
        return _tell(str(error), error.exit_code)
    except TyperException as error:
        reason = error.format_message()  # empty where the help has been shown instead
        return _tell(f"{reason} (see 'litho --help')", 2) if reason else 2
    except (KeyboardInterrupt, typer.Abort):
        return _tell("stopped", Interrupted.exit_code)
    except Exception as error:
        if os.environ.get("LITHO_DEBUG"):
            raise
        if disk_is_full(error):
            return _tell("the disk is full: free some space and start again", 2)
        reason = " ".join(str(error).split())[:300]
        return _tell(
            f"unexpected {type(error).__name__}: {reason} "
            "(LITHO_DEBUG=1 shows where; please report it)",
            2,
        )
    return code if isinstance(code, int) else 0


def _tell(message: str, code: int) -> int:
    console.print(f"litho: {message}", markup=False, soft_wrap=True)
    return code
