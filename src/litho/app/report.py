"""Reports: one HTML file a run, made from nothing but the files of the run."""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs
from safetensors.numpy import load_file

from litho.app.figures import curve_figure, head_grid, heat_map, layer_figure, onset_figure
from litho.app.wording import onset_sentence, unseen_sentence
from litho.core.records import Plan
from litho.core.runs import Ledger, RunDirectory
from litho.measure.effects import detector_meanings
from litho.measure.probes import MIN_GAIN
from litho.train.imprint import ImprintResult
from litho.train.job import IMPRINT
from litho.train.loop import Step
from litho.train.proof import ArmMetrics

MEANINGS = {
    "printed": "The model answers questions about the text that it was never trained on, "
    "and stayed within its drift budget elsewhere.",
    "memorised": "The model can continue the text, but falls short on other words or hard "
    "questions.",
    "not printed": "The text is not in the model, or got in at too high a cost to the rest.",
    "unproven": "There is not enough evidence for a verdict.",
}
_TEMPLATES = files("litho.app") / "templates"


def write_report(run: RunDirectory) -> Path:
    """Write `report.html` of a run whose numbers are all there."""
    command = run.read_yaml("manifest.yaml")["command"]
    pages = {"imprint": _imprint_page, "map": _map_page, "vary": _vary_page, "diff": _diff_page}
    run.write_text("report.html", pages[command](run))
    return run.path / "report.html"


def _imprint_page(run: RunDirectory) -> str:
    result = ImprintResult(**run.read_json("metrics.json"))
    plan = Plan(**run.read_json("plan.json"))
    tokens = run.read_rows("tokens.parquet")
    maps = load_file(run.path / "maps.safetensors")
    curves = _curves(run, [IMPRINT, *result.controls])
    embedded = {
        "tokens-before": [_token(row, "_before") for row in tokens],
        "tokens-after": [_token(row, "_after") | {"kl": row["kl"]} for row in tokens],
        "figure-imprint": curve_figure(curves, "imprint on rewordings", "gen"),
        "figure-drift": curve_figure(
            curves, "drift, nats a token", "drift", logarithmic=True, limit=result.budget
        ),
        "figure-map": heat_map(maps["change_LT"], [row["text"] for row in tokens], "change"),
    }
    return _render(
        "imprint.html.j2",
        run,
        embedded,
        title=f"Litho: {run.read_json('inputs.json')['text_name']}",
        result=result,
        min_gain=MIN_GAIN,
        meaning=MEANINGS[result.verdict],
        headline=_headline(result),
        inputs=run.read_json("inputs.json"),
        how_probes=run.read_json("baseline.json")["how_probes"],
        probes=run.read_rows("probes.parquet"),
        neighbours=run.read_rows("neighbours.parquet"),
        plan=plan,
        shown=[(variant, None) for variant in plan.variants],
        refused=[(refusal.variant, refusal.reason) for refusal in plan.refused],
        parent_tokens=[row["text"] for row in tokens],
    )


def _map_page(run: RunDirectory) -> str:
    tokens = run.read_rows("tokens.parquet")
    result = run.read_json("metrics.json")
    maps = load_file(run.path / "maps.safetensors")
    embedded = {
        "tokens-before": [_token(row, "") for row in tokens],
        "figure-map": heat_map(maps["change_LT"], [row["text"] for row in tokens], "change"),
        "figure-layers": layer_figure(result["layers"]),
    }
    if result["heads"]:
        embedded["figure-entropy"] = head_grid(result["heads"], "entropy", "nats")
        embedded["figure-distance"] = head_grid(result["heads"], "distance", "tokens")
    name = run.read_yaml("manifest.yaml")["text_name"]
    return _render(
        "map.html.j2", run, embedded, title=f"Litho map: {name}", text_name=name, result=result
    )


def _diff_page(run: RunDirectory) -> str:
    tokens = run.read_rows("tokens.parquet")
    result = run.read_json("metrics.json")
    maps = load_file(run.path / "maps.safetensors")
    embedded = {
        "tokens-before": [_token(row, "_before") for row in tokens],
        "tokens-after": [_token(row, "_after") | {"kl": row["kl"]} for row in tokens],
        "figure-map": heat_map(maps["relative_LT"], [row["text"] for row in tokens], "change"),
        "figure-onset": onset_figure(result["layers"], result["onset"]["layer"]),
    }
    if result["heads"]:
        embedded["figure-heads"] = head_grid(result["heads"], "js", "JS, nats")
    name = run.read_yaml("manifest.yaml")["text_name"]
    moved = sorted(tokens, key=lambda row: -row["kl"])[:12]
    return _render(
        "diff.html.j2",
        run,
        embedded,
        title=f"Litho diff: {name}",
        text_name=name,
        result=result,
        moved=moved,
        meanings=detector_meanings(),
        onset_says=onset_sentence(result["onset"]),
        unseen_says=unseen_sentence(result["unseen"]) if "unseen" in result else None,
    )


def _vary_page(run: RunDirectory) -> str:
    plan = Plan(**run.read_json("plan.json"))
    name = run.read_yaml("manifest.yaml")["text_name"]
    return _render(
        "vary.html.j2",
        run,
        {},
        title=f"Litho vary: {name}",
        text_name=name,
        plan=plan,
        shown=[(variant, None) for variant in plan.variants],
        refused=[(refusal.variant, refusal.reason) for refusal in plan.refused],
        parent_tokens=run.read_json("tokens.json"),
    )


def _render(template: str, run: RunDirectory, embedded: dict[str, Any], **values: object) -> str:
    environment = Environment(
        loader=PackageLoader("litho.app"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    manifest = run.read_yaml("manifest.yaml")
    shared = {
        "css": _asset("base.css"),
        "js": _asset("base.js"),
        "plotly_js": Markup(get_plotlyjs()) if embedded else "",
        "manifest": manifest,
        "manifest_yaml": yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True),
        "numbers": list(flat_numbers(run.read_json("metrics.json"))),
        "embedded": embedded,
    }
    return environment.get_template(template).render(shared | values)


def _asset(name: str) -> Markup:
    """A stylesheet or script of ours, which is put into the page as it is."""
    return Markup((_TEMPLATES / name).read_text(encoding="utf-8"))


def _token(row: dict[str, Any], ending: str) -> dict[str, Any]:
    return {
        "text": row["text"],
        "surprise": row[f"surprise{ending}"],
        "rank": row[f"rank{ending}"],
        "alternatives": row[f"alternatives{ending}"],
    }


def _curves(run: RunDirectory, arms: list[str]) -> dict[str, list[dict[str, float | None]]]:
    """The checks of every arm: presentations, imprint on rewordings, drift."""
    ledger = Ledger(run)
    found = {}
    for arm in arms:
        checks = [Step(**record).check for record in ledger.records(arm)]
        found[arm] = [
            {
                "presentations": check.presentations,
                "gen": check.imprint["gen"],
                "drift": check.drift_retention,
            }
            for check in checks
            if check
        ]
    ledger.close()
    return found


def _headline(result: ImprintResult) -> list[tuple[str, int, list[Any]]]:
    """(label, digits, values of the run and of each control) for the table at the top."""
    arms: list[ArmMetrics] = [result, *result.controls.values()]
    return [
        ("imprint: its own words", 2, [arm.imprint["mem"] for arm in arms]),
        ("imprint: rewordings", 2, [arm.imprint["gen"] for arm in arms]),
        ("imprint: hard", 2, [arm.imprint["hard"] for arm in arms]),
        ("drift on unrelated text, nats a token", 4, [arm.drift.retention for arm in arms]),
        ("spill into unrelated openings, nats a token", 2, [arm.spill for arm in arms]),
        ("neighbour facts unchanged", 2, [arm.locality for arm in arms]),
    ]


def flat_numbers(value: Any, path: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401  JSON
    """Every leaf of `metrics.json` that is a number, with its path, as the report prints it."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from flat_numbers(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from flat_numbers(item, f"{path}[{index}]")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path, f"{value:.6g}"
