"""`litho ask`: what the model answers, before and after, with and without the text."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from litho.cli.console import console, print_json, results
from litho.cli.options import BitsOption, DeviceOption, DtypeOption, JsonOption, chosen_device
from litho.core.errors import LithoError

if TYPE_CHECKING:
    from litho.jobs.ask.ask import Asked
    from litho.jobs.ask.result import Voice
    from litho.jobs.spec import Device

NAMES = {
    "base": "before",
    "adapter": "after",
    "openbook": "open book",
    "retrieval": "retrieval",
}


def ask(
    run: Annotated[
        Path, typer.Argument(help="A finished run of 'litho imprint', or of 'litho roles'.")
    ],
    question: Annotated[
        str | None, typer.Argument(help="Without it, a conversation: one question a line.")
    ] = None,
    voices: Annotated[
        str | None,
        typer.Option(
            help="Who answers, with commas: base, adapter, openbook, retrieval.",
            show_default="base,adapter,openbook,retrieval",
        ),
    ] = None,
    roles: Annotated[
        str | None,
        typer.Option(help="Of a run of 'litho roles': who speaks in turn, with commas."),
    ] = None,
    tokens: Annotated[
        int | None, typer.Option(min=1, help="At most, of an answer.", show_default="80")
    ] = None,
    device: DeviceOption = "auto",
    dtype: DtypeOption = None,
    bits: BitsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask the model of a run: before, after, with the text open, and with retrieval."""
    from litho.jobs.ask.ask import TOKENS, Asked

    if roles is not None:
        if voices is not None or tokens is not None:
            raise LithoError("--voices and --tokens do not go with --roles: leave them out")
        _ask_roles(run, question, roles, chosen_device(device, dtype, bits), as_json)
        return
    chosen, most = _voices(voices), tokens or TOKENS
    if as_json and question is None:
        raise LithoError("--json needs a QUESTION")
    with console.status("loading the model"):
        asked = Asked(run, chosen_device(device, dtype, bits))
    if question is None:
        _converse(asked, chosen, most)
    elif as_json:
        print_json(asked.ask(question, chosen, most))
    else:
        _answer(asked, question, chosen, most)


def _ask_roles(
    run: Path, question: str | None, names: str, device: "Device", as_json: bool
) -> None:
    """Let roles speak in turn, and print each turn as it comes."""
    from litho.jobs.ask.turns import Turned

    given = [name.strip() for name in names.split(",") if name.strip()]
    if not given:
        raise LithoError("--roles names nobody: give some, with commas")
    if question is None:
        raise LithoError("--roles needs a QUESTION")
    with console.status("loading the model"):
        turned = Turned(run, given, device)
    if as_json:
        print_json(turned.ask(question))
        return
    width = max(map(len, given))
    turned.ask(
        question,
        lambda turn: results.print(f"{turn.role:<{width}}  {turn.said}", soft_wrap=True),
    )


def _voices(names: str | None) -> "list[Voice]":
    """Those of the names; all where none are given."""
    from litho.jobs.ask.result import VOICES

    if names is None:
        return list(VOICES)
    given = [name.strip() for name in names.split(",")]
    if unknown := [name for name in given if name not in VOICES]:
        raise LithoError(f"unknown voice {unknown[0]!r} (choose from {', '.join(VOICES)})")
    return [voice for voice in VOICES if voice in given]


def _converse(asked: "Asked", voices: "list[Voice]", tokens: int) -> None:
    """Answer line by line until the input ends."""
    console.print("one question a line; an empty line ends", style="dim")
    while True:
        try:
            said = console.input("> ")
        except EOFError:
            return
        if not said.strip():
            return
        _answer(asked, said, voices, tokens)


def _answer(asked: "Asked", question: str, voices: "list[Voice]", tokens: int) -> None:
    """Print each answer as it comes."""
    speaking: list[str] = []

    def said(voice: "Voice", piece: str) -> None:
        if speaking[-1:] != [voice]:
            end = "\n" if speaking else ""
            results.print(f"{end}{NAMES[voice]:<10} ", end="")
            speaking.append(voice)
        results.print(piece.replace("\n", " "), end="", soft_wrap=True)

    asked.ask(question, voices, tokens, said)
    results.print()
