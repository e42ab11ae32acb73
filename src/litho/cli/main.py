"""The command line: parse, call one function, show."""

import glob
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from litho.cli.console import console
from litho.core.config import with_options
from litho.core.errors import Interrupted, LithoError, disk_is_full
from litho.core.memory import keep_freed_memory

app = typer.Typer(
    name="litho",
    help="Shows what a text does to a language model, and prints the text into it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

DEFAULT_MODEL = "bundled:smollm2-135m"
ModelOption = Annotated[
    str,
    typer.Option(
        "--model", help="bundled:smollm2-135m, a folder, a hub id (ORG/NAME@REVISION) or tiny:NAME."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
OutOption = Annotated[
    Path | None,
    typer.Option("--out", help="Folder of the run; must not exist.", show_default="runs/…"),
]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one setting.")
]
ConfigOption = Annotated[Path | None, typer.Option("--config", help="Settings as YAML.")]


@app.command()
def imprint(
    text: Annotated[Path | None, typer.Argument(help="The text to print, UTF-8.")] = None,
    probes: Annotated[Path | None, typer.Option(help="Probes as JSONL.")] = None,
    retention: Annotated[
        Path | None, typer.Option(help="Unrelated prose on which drift is measured.")
    ] = None,
    model: ModelOption = DEFAULT_MODEL,
    budget: Annotated[
        float | None, typer.Option(help="Drift allowed, nats a token.", show_default="0.015")
    ] = None,
    controls: Annotated[
        str | None, typer.Option(help="duplicates or none.", show_default="duplicates")
    ] = None,
    out: OutOption = None,
    config: ConfigOption = None,
    settings: SetOption = None,
    resume: Annotated[
        Path | None, typer.Option(help="Continue this interrupted run instead.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Print a text into a model and prove what happened."""
    from litho.cli import imprint as job

    if (text is None) == (resume is None):
        raise LithoError("give either a TEXT to print or --resume RUN")
    given = (probes, retention, budget, controls, out, config, settings)
    if resume and any(option is not None for option in given):
        raise LithoError("--resume takes everything from the run: give no other option but --json")
    if resume:
        result = job.resume(resume)
    else:
        assert text is not None
        options = {"budget": ("--budget", budget), "controls": ("--controls", controls)}
        values = with_options(settings, options)
        folder = out or default_folder(text)
        result = job.begin(text, probes, retention, model, folder, config, values)
    job.show(result, as_json)
    if result.verdict in ("memorised", "not printed"):
        raise typer.Exit(1)


@app.command()
def vary(
    text: Annotated[Path, typer.Argument(help="The text to vary, UTF-8.")],
    count: Annotated[
        int | None, typer.Option("-n", min=1, help="How many variants.", show_default="50")
    ] = None,
    volatility: Annotated[
        float | None,
        typer.Option(min=0, help="Budget of a variant, nats a token.", show_default="1.5"),
    ] = None,
    step: Annotated[
        int | None,
        typer.Option(min=1, help="Tokens that a step of the ladder changes.", show_default="2"),
    ] = None,
    ladder: Annotated[
        bool | None,
        typer.Option(
            "--ladder/--no-ladder",
            help="Also plan the ladder up to the text.",
            show_default="ladder",
        ),
    ] = None,
    model: ModelOption = DEFAULT_MODEL,
    out: OutOption = None,
    seed: Annotated[int | None, typer.Option(help="Of the variants.", show_default="0")] = None,
    config: ConfigOption = None,
    settings: SetOption = None,
    as_json: JsonOption = False,
    as_lines: Annotated[
        bool, typer.Option("--jsonl", help="Print plan and variants as lines of JSON.")
    ] = False,
) -> None:
    """Make minimally different versions of a text, each within a volatility budget."""
    from litho.cli import readings

    if as_json and as_lines:
        raise LithoError("give either --json or --jsonl")
    if step and ladder is False:
        raise LithoError("--step is about the ladder: leave out --no-ladder")
    options = {
        "count": ("-n", count),
        "max_mean_kl": ("--volatility", volatility),
        "step_tokens": ("--step", step),
        "ladder": ("--ladder" if ladder else "--no-ladder", ladder),
        "seed": ("--seed", seed),
    }
    values = with_options(settings, options)
    folder = out or default_folder(text, "vary")
    form: readings.Form = "json" if as_json else "lines" if as_lines else "table"
    readings.vary(text, model, folder, config, values, form)


@app.command("map")
def map_(
    text: Annotated[Path, typer.Argument(help="The text to read, UTF-8.")],
    model: ModelOption = DEFAULT_MODEL,
    adapter: Annotated[Path | None, typer.Option(help="PEFT adapter to read with.")] = None,
    gradients: Annotated[
        bool, typer.Option("--gradients", help="Also how strongly the loss pulls at each layer.")
    ] = False,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a text does inside a model: token by token, layer by layer."""
    from litho.cli import readings

    folder = out or default_folder(text, "map")
    readings.show_map(text, model, adapter, gradients, folder, as_json)


@app.command()
def diff(
    text: Annotated[Path, typer.Argument(help="The text to read, UTF-8.")],
    after: Annotated[
        str, typer.Option(help="Folder of a LoRA adapter, MODEL+ADAPTER_DIR, or another model.")
    ],
    before: Annotated[
        str, typer.Option(help="As --model of the other commands, or MODEL+ADAPTER_DIR.")
    ] = DEFAULT_MODEL,
    unseen: Annotated[
        Path | None, typer.Option(help="A text that training never saw, for comparison.")
    ] = None,
    unrelated: Annotated[
        Path | None,
        typer.Option(help="A text to train on, for comparison: what would any training change?"),
    ] = None,
    behaviour: Annotated[
        bool, typer.Option("--behaviour", help="Let the model speak, too: loops and spill.")
    ] = False,
    out: OutOption = None,
    config: ConfigOption = None,
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what training changed on a text, and from which layer on."""
    from litho.cli import readings

    folder = out or default_folder(text, "diff")
    values = with_options(settings, {"behaviour": ("--behaviour", behaviour or None)})
    readings.show_diff(text, before, after, unseen, unrelated, folder, config, values, as_json)


@app.command()
def expose(
    text: Annotated[Path, typer.Argument(help="The text to present, UTF-8.")],
    unrelated: Annotated[
        Path | None,
        typer.Option(help="Another text, for comparison.", show_default="shipped pages"),
    ] = None,
    model: ModelOption = DEFAULT_MODEL,
    out: OutOption = None,
    config: ConfigOption = None,
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Present a text in several ways, in the context and in training, and map each response."""
    from litho.cli import readings

    folder = out or default_folder(text, "expose")
    readings.show_exposure(text, unrelated, model, folder, config, settings or [], as_json)


effects = typer.Typer(help="What was ever judged, over all runs.", no_args_is_help=True)
app.add_typer(effects, name="effects")


@effects.command("list")
def effects_list(as_json: JsonOption = False) -> None:
    """Every effect: how often judged and found, replications, contradictions."""
    from litho.cli import effects as registry

    registry.show_list(as_json)


@effects.command("query")
def effects_query(
    expression: Annotated[
        str, typer.Argument(help="Such as: entropy_collapse and found and model=bundled:*")
    ],
    as_json: JsonOption = False,
) -> None:
    """Findings that match all terms of an expression."""
    from litho.cli import effects as registry

    registry.show_query(expression, as_json)


@effects.command("show")
def effects_show(
    number: Annotated[int, typer.Argument(help="The id that 'effects query' shows.")],
    as_json: JsonOption = False,
) -> None:
    """One finding with its evidence; the run's report is written again."""
    from litho.cli import effects as registry

    registry.show_one(number, as_json)


@app.command()
def bench(
    name: Annotated[str, typer.Argument(help="What to compare: lithography.")],
    texts: Annotated[Path, typer.Argument(help="Texts with questions and paraphrases, JSONL.")],
    retention: Annotated[Path, typer.Option(help="Unrelated prose on which drift is measured.")],
    out: Annotated[Path, typer.Option(help="Folder; if it holds a part, it is gone on with.")],
    decoys: Annotated[
        Path | None,
        typer.Option(
            help="Other prose, for the adapters beside which prints are made to last.",
            show_default="pages shipped with Litho",
        ),
    ] = None,
    protocol: Annotated[str, typer.Option(help="quick or full.")] = "quick",
    only: Annotated[
        str, typer.Option(help="Arms to do now, separated by commas.", show_default="all")
    ] = "",
    so_far: Annotated[
        bool, typer.Option("--so-far", help="Only show the comparison of what is done.")
    ] = False,
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare ways of presenting a text, with rivals and ablations; takes hours."""
    from litho.cli import bench as comparisons

    if name != "lithography":
        raise LithoError(f"there is no comparison {name!r}: there is lithography")
    comparisons.lithography(
        texts, retention, decoys, protocol, out, only, so_far, settings or [], as_json
    )


@app.command()
def ensemble(
    plan: Annotated[Path, typer.Argument(help="Texts, probes, recipes, seeds, models: YAML.")],
    out: Annotated[Path, typer.Option(help="Folder; if it holds a part, it is gone on with.")],
    cluster: Annotated[
        str | None,
        typer.Option(help="A Ray cluster that does the runs: auto, or its address."),
    ] = None,
    processes: Annotated[
        int, typer.Option(help="How many processes on this machine do the runs.", min=1)
    ] = 1,
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train on many texts one by one and see what each does to every question."""
    from litho.cli import ensemble as ensembles

    ensembles.ensemble(plan, out, cluster, processes, settings or [], as_json)


@app.command()
def predict(
    texts: Annotated[Path, typer.Argument(help='Texts as JSONL: {"id": "...", "text": "..."}.')],
    probes: Annotated[
        Path, typer.Argument(help='Probes: {"id": "...", "prefix": "...", "target": "..."}.')
    ],
    out: Annotated[Path, typer.Option(help="Folder; if it holds a part, it is gone on with.")],
    recipe: Annotated[Path | None, typer.Option(help="How it would be trained on: YAML.")] = None,
    price: Annotated[str, typer.Option(help="cheap or careful.")] = "cheap",
    calibration: Annotated[
        Path | None, typer.Option(help="What 'litho calibrate' wrote, for intervals.")
    ] = None,
    model: ModelOption = DEFAULT_MODEL,
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what training on each text would do to each probe, without training."""
    from litho.cli import predict as predictions

    predictions.predict(
        texts,
        probes,
        recipe,
        model,
        predictions.checked_price(price),
        calibration,
        out,
        settings or [],
        as_json,
    )


@app.command()
def calibrate(
    plan: Annotated[Path, typer.Argument(help="The plan of an ensemble: YAML.")],
    out: Annotated[Path, typer.Option(help="Folder; if it holds a part, it is gone on with.")],
    price: Annotated[str, typer.Option(help="cheap or careful.")] = "cheap",
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fit predictions to the runs of an ensemble, so that others come with intervals."""
    from litho.cli import predict as predictions

    predictions.calibrate(plan, out, predictions.checked_price(price), settings or [], as_json)


@app.command()
def report(run: Annotated[Path, typer.Argument(help="A finished run.")]) -> None:
    """Write the report of a finished run again."""
    from litho.core.runs import RunDirectory
    from litho.show.report import write_report

    print(write_report(RunDirectory.opened(run)))


@app.command()
def doctor(as_json: JsonOption = False) -> None:
    """Say what is installed, what is missing and the line that mends it."""
    from litho.cli import doctor as checks

    findings = checks.examine()
    checks.show(findings, as_json)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def default_folder(text: Path, ending: str = "") -> Path:
    """`runs/NAME-DATE-TIME`, with a number behind it if that second has one already."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    name = "-".join(part for part in (text.stem, ending, stamp) if part)
    taken = len(list(Path("runs").glob(f"{glob.escape(name)}*")))
    return Path("runs") / (f"{name}-{taken + 1}" if taken else name)


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
