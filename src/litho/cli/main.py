"""The command line: parse, call one function, show."""

import os
import sys
import traceback
import warnings
from collections.abc import Callable
from typing import Annotated

import typer
from typer.exceptions import TyperException

from litho.cli.ask import ask
from litho.cli.bench import bench
from litho.cli.calibrate import calibrate
from litho.cli.console import console
from litho.cli.diff import diff
from litho.cli.doctor import doctor
from litho.cli.dvc import dvc
from litho.cli.effects import effects
from litho.cli.ensemble import ensemble
from litho.cli.evolve import evolve
from litho.cli.exam import exam
from litho.cli.export import export, push
from litho.cli.expose import expose
from litho.cli.genome import genome
from litho.cli.imprint import imprint
from litho.cli.journal import journal
from litho.cli.map import map_
from litho.cli.once import PASSED_ON, once
from litho.cli.output import check_written, lenient_streams
from litho.cli.predict import predict
from litho.cli.process import STOPPED, ignore_signals, was_stopped
from litho.cli.rewrite import rewrite
from litho.cli.roles import roles
from litho.cli.runs import report, resume
from litho.cli.school import school
from litho.cli.serve import serve
from litho.cli.trails import trails
from litho.cli.unprint import unprint
from litho.cli.vary import vary
from litho.core.errors import (
    SHORT_OF_MEMORY,
    Interrupted,
    LithoError,
    disk_is_full,
    memory_is_short,
    unusable_file,
)
from litho.core.memory import keep_freed_memory
from litho.track.tracker import VARIABLE

app = typer.Typer(
    name="litho",
    help="Shows what a text does to a language model, and prints the text into it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"litho {version('litho')}")
        raise typer.Exit


@app.callback()
def everywhere(
    track: Annotated[
        str | None,
        typer.Option(
            "--track", help="Trackers that follow the run: wandb, mlflow, tensorboard, with commas."
        ),
    ] = None,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", is_eager=True, callback=_print_version
        ),
    ] = False,
) -> None:
    if track is not None:
        os.environ[VARIABLE] = track


app.command()(imprint)
app.command()(unprint)
app.command()(ask)
app.command()(vary)
app.command("map")(map_)
app.command()(diff)
app.command()(expose)
app.add_typer(effects, name="effects")
app.add_typer(trails, name="trails")
app.add_typer(genome, name="genome")
app.command()(school)
app.command()(exam)
app.command()(evolve)
app.command()(journal)
app.command()(rewrite)
app.command()(roles)
app.command()(bench)
app.command()(ensemble)
app.command()(predict)
app.command()(calibrate)
app.command()(serve)
app.command()(export)
app.command()(push)
app.command(context_settings=PASSED_ON)(once)
app.add_typer(dvc, name="dvc")
app.command()(resume)
app.command()(report)
app.command()(doctor)

_STOPPED_BY_TYPER = 130  # what it makes of KeyboardInterrupt


def main() -> None:
    """Run the command line; errors are one sentence, exit codes those of the README."""
    keep_freed_memory()
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
    code = guarded(lambda: app(standalone_mode=False))
    ignore_signals()
    sys.exit(code)


def guarded(command: Callable[[], object]) -> int:
    """Call `command`; turn what it raises into one sentence and an exit code."""
    with lenient_streams():
        code = _code_of(command)
        try:
            check_written()
        except LithoError as error:
            return _tell(str(error), error.exit_code)
        return code


def _code_of(command: Callable[[], object]) -> int:
    try:
        code = command()
    except typer.Exit as stop:
        return stop.exit_code
    except typer.Abort as stop:
        return _failed(stop.__cause__ or stop)  # Typer makes it of an EOFError
    except TyperException as error:
        reason = error.format_message()  # empty where the help has been shown instead
        return _tell(f"{reason} (see 'litho --help')", 2) if reason else 2
    except KeyboardInterrupt:
        return _tell(STOPPED, Interrupted.exit_code)
    except (Exception, SystemExit) as error:
        return _failed(error)
    if code == _STOPPED_BY_TYPER:
        return _tell(STOPPED, Interrupted.exit_code)
    return code if isinstance(code, int) else 0


def _failed(error: BaseException) -> int:
    if os.environ.get("LITHO_DEBUG"):
        traceback.print_exception(error)
    if was_stopped() and not isinstance(error, Interrupted):
        return _tell(STOPPED, Interrupted.exit_code)
    if memory_is_short(error) and SHORT_OF_MEMORY not in str(error):
        return _tell(SHORT_OF_MEMORY, 2)
    if isinstance(error, LithoError):
        return _tell(str(error), error.exit_code)
    if disk_is_full(error):
        return _tell("the disk is full: free some space and start again", 2)
    if reason := unusable_file(error):
        return _tell(reason, 2)
    reason = " ".join(str(error).split())[:300]
    return _tell(
        f"unexpected {type(error).__name__}: {reason} "
        "(LITHO_DEBUG=1 shows where; please report it)",
        2,
    )


def _tell(message: str, code: int) -> int:
    sentence = " ".join(line.strip() for line in message.splitlines())  # some quote a library
    console.print(f"litho: {sentence}", soft_wrap=True)
    return code
