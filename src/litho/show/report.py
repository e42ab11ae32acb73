"""Reports: one HTML file a run, made from nothing but the files of the run."""

from collections import defaultdict
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs
from safetensors.numpy import load_file

from litho.core.runs import RunDirectory
from litho.jobs.diff.result import AlignedResult, DiffResult
from litho.jobs.expose.result import ExposeResult, Response
from litho.jobs.imprint.config import IMPRINT
from litho.jobs.imprint.result import ArmMetrics, ImprintResult
from litho.jobs.map.result import MapResult
from litho.jobs.predict.result import CalibrationRecord, PredictedEffect, PredictResult
from litho.jobs.vary.result import VaryResult
from litho.learn.records import Step
from litho.learn.steps import StepLedger
from litho.measure.printing.imprint import MIN_GAIN
from litho.show.figures import (
    anchor_figure,
    checked_figure,
    climb_figure,
    curve_figure,
    depth_figure,
    dose_figure,
    dose_layers,
    effects_figure,
    head_grid,
    heat_map,
    ladder_figure,
    layer_figure,
    likeness_figure,
    onset_figure,
    rhythm_figure,
)
from litho.show.wording import (
    agreement_sentence,
    aligned_sentence,
    cell,
    control_sentence,
    onset_sentence,
    unseen_sentence,
)
from litho.text.variants import PresentationPlan

MEANINGS = {
    "printed": "The model answers questions about the text that it was never trained on, "
    "and stayed within its drift budget elsewhere.",
    "memorised": "The model can continue the text, but falls short on other words or hard "
    "questions.",
    "not printed": "The text is not in the model, or got in at too high a cost to the rest.",
    "unproven": "There is not enough evidence for a verdict.",
}
BOTH = {"before": "_before", "after": "_after"}  # states and the endings of their columns
_TEMPLATES = files("litho.show") / "templates"


def write_report(run: RunDirectory) -> Path:
    """Write `report.html` of a run whose numbers are all there."""
    command = run.read_yaml("manifest.yaml")["command"]
    pages = {
        "imprint": _imprint_page,
        "map": _map_page,
        "vary": _vary_page,
        "diff": _diff_page,
        "align": _align_page,
        "expose": _expose_page,
        "predict": _predict_page,
    }
    run.write_text("report.html", pages[command](run))
    return run.path / "report.html"


def _imprint_page(run: RunDirectory) -> str:
    result = ImprintResult(**run.read_json("metrics.json"))
    plan = PresentationPlan(**run.read_json("plan.json"))
    tokens = run.read_rows("tokens.parquet")
    maps = load_file(run.path / "maps.safetensors")
    ledgers = {arm: _steps(run, arm) for arm in (IMPRINT, *result.controls)}
    curves = {arm: _curve(steps) for arm, steps in ledgers.items()}
    steps = ledgers[IMPRINT]
    rungs = [
        {"presentation": step.presentations, "left": step.left, "text": step.rung}
        for step in steps
        if step.rung is not None
    ]
    embedded = {
        "tokens": _tokens(tokens, BOTH),
        "figure-imprint": curve_figure(curves, "imprint on rewordings", "gen"),
        "figure-drift": curve_figure(
            curves, "drift, nats a token", "drift", logarithmic=True, limit=result.budget
        ),
        "figure-anchor": anchor_figure(_anchors(steps)),
        "figure-map": heat_map(maps["change_LT"], "relative change"),
    }
    if shown := [step.shown for step in steps if step.shown]:
        embedded["figure-rhythm"] = rhythm_figure(shown)
    if rungs:
        embedded["figure-climb"] = climb_figure(rungs)
    depth = run.read_json("depth.json") if (run.path / "depth.json").exists() else None
    if depth:
        embedded["figure-depth"] = depth_figure(depth["pull"], depth["trained"])
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
        drawn=embedded.keys(),
        rungs=rungs,
        depth=depth,
        neighbours=run.read_rows("neighbours.parquet"),
        plan=plan,
        shown=[(variant, None) for variant in plan.variants],
        refused=[(refusal.variant, refusal.reason) for refusal in plan.refused],
        parent_tokens=[row["text"] for row in tokens],
    )


def _map_page(run: RunDirectory) -> str:
    tokens = run.read_rows("tokens.parquet")
    result = MapResult(**run.read_json("metrics.json"))
    maps = load_file(run.path / "maps.safetensors")
    embedded = {
        "tokens": _tokens(tokens, {"now": ""}),
        "figure-map": heat_map(maps["change_LT"], "relative change"),
        "figure-layers": layer_figure(result.layers),
    }
    embedded |= _edges(run, len(tokens))
    if "gradient_LT" in maps:
        embedded["figure-gradient"] = heat_map(maps["gradient_LT"], "norm of the gradient")
    if result.heads:
        embedded["figure-entropy"] = head_grid(result.heads, "entropy", "nats")
        embedded["figure-distance"] = head_grid(result.heads, "distance", "tokens")
    name = run.read_yaml("manifest.yaml")["text_name"]
    return _render(
        "map.html.j2", run, embedded, title=f"Litho map: {name}", text_name=name, result=result
    )


def _diff_page(run: RunDirectory) -> str:
    tokens = run.read_rows("tokens.parquet")
    result = DiffResult(**run.read_json("metrics.json"))
    maps = load_file(run.path / "maps.safetensors")
    embedded = {
        "tokens": _tokens(tokens, BOTH),
        "figure-map": heat_map(maps["relative_LT"], "relative change"),
        "figure-onset": onset_figure(result.layers, result.onset.layer),
    }
    embedded |= _edges(run, len(tokens))
    if result.heads:
        embedded["figure-heads"] = head_grid(result.heads, "js", "JS, nats")
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
        onset_says=onset_sentence(result.onset),
        control_says=control_sentence(result.onset),
        unseen_says=unseen_sentence(result.unseen) if result.unseen else None,
    )


def _align_page(run: RunDirectory) -> str:
    result = AlignedResult(**run.read_json("metrics.json"))
    manifest = run.read_yaml("manifest.yaml")
    names = [manifest[key]["name"] for key in ("before", "after")]
    cka_LM = load_file(run.path / "maps.safetensors")["cka_LM"]
    rows = run.read_rows("stretches.parquet")
    changed = sorted(rows, key=lambda row: -abs(row["surprise_after"] - row["surprise_before"]))
    return _render(
        "align.html.j2",
        run,
        {"figure-cka": likeness_figure(cka_LM, *names)},
        title=f"Litho diff: {manifest['text_name']}",
        text_name=manifest["text_name"],
        result=result,
        rows=rows,
        changed=changed[:12],
        says=aligned_sentence(result.aligned),
    )


def _expose_page(run: RunDirectory) -> str:
    result = ExposeResult(**run.read_json("metrics.json"))
    manifest = run.read_yaml("manifest.yaml")
    by_name: dict[str, list[Response]] = {}
    for response in result.responses:
        by_name.setdefault(response.experiment, []).append(response)
    alone, injection = result.alone.value, by_name["injection"]
    doses = {"context": "presentations in the context", "training": "training steps"}
    embedded: dict[str, Any] = {}
    for name, title in doses.items():
        if found := by_name.get(name):
            embedded[f"figure-{name}"] = dose_figure(found, "surprise", title, alone)
            embedded[f"figure-{name}-layers"] = dose_layers(found, title)
    embedded["figure-injection"] = dose_figure(injection, "surprise", "strength", alone)
    embedded["figure-injection-drift"] = dose_figure(injection, "drift", "strength", None)
    return _render(
        "expose.html.j2",
        run,
        embedded,
        title=f"Litho expose: {manifest['text_name']}",
        text_name=manifest["text_name"],
        result=result,
        drawn=embedded.keys(),
        injection_layer=injection[0].layers[0] if injection[0].layers else None,
        cell=cell,
    )


def _predict_page(run: RunDirectory) -> str:
    result = PredictResult(**run.read_json("metrics.json"))
    rows = [PredictedEffect(**row) for row in run.read_rows("predictions.parquet")]
    texts, probes = (
        list(dict.fromkeys(getattr(row, key) for row in rows)) for key in ("text", "probe")
    )
    found = result.calibration
    trusted = sum(row.trusted for row in rows)
    embedded = {"figure-effects": effects_figure(rows, texts, probes)}
    if found:
        embedded["figure-checked"] = checked_figure(
            CalibrationRecord(**run.read_json("calibration.json")[0])
        )
    return _render(
        "predict.html.j2",
        run,
        embedded,
        title="Litho predict",
        result=result,
        texts=len(texts),
        probes=len(probes),
        headline=_relied_on(trusted, len(rows)) if found else "Estimates without intervals",
        says=agreement_sentence(found) if found else "Nothing was run to check them against.",
    )


def _relied_on(trusted: int, predictions: int) -> str:
    if not trusted:
        return "Not to be relied on: run it"
    if trusted == predictions:
        return "Predictions reach this recipe"
    return f"{100 * trusted / predictions:.0f} % of the predictions can be relied on"


def _vary_page(run: RunDirectory) -> str:
    plan = PresentationPlan(**run.read_json("plan.json"))
    result = VaryResult(**run.read_json("metrics.json"))
    name = run.read_yaml("manifest.yaml")["text_name"]
    depth = result.depth
    embedded = {"figure-depth": depth_figure(depth.pull, depth.layers)}
    if result.ladder:
        embedded["figure-ladder"] = ladder_figure(result.ladder)
    return _render(
        "vary.html.j2",
        run,
        embedded,
        title=f"Litho vary: {name}",
        text_name=name,
        result=result,
        plan=plan,
        shown=[(variant, None) for variant in plan.variants],
        refused=[(refusal.variant, refusal.reason) for refusal in plan.refused],
        parent_tokens=run.read_json("tokens.json"),
    )


def _render(template: str, run: RunDirectory, embedded: dict[str, Any], **values: object) -> str:
    environment = Environment(
        loader=PackageLoader("litho.show"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Without spaces and with letters as they are, long texts take about half the room.
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "ensure_ascii": False}
    manifest = run.read_yaml("manifest.yaml")
    shared = {
        "css": _asset("base.css"),
        "js": _asset("base.js") + _asset("token.js"),
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


def _tokens(rows: list[dict[str, Any]], endings: dict[str, str]) -> dict[str, Any]:
    """What the page says of the tokens: columns, since keys in each row would double its size."""
    columns: dict[str, Any] = {"text": [row["text"] for row in rows]}
    if "kl" in rows[0]:
        columns["kl"] = [round(row["kl"], 3) for row in rows]
    columns["states"] = {state: _state(rows, ending) for state, ending in endings.items()}
    return columns


def _state(rows: list[dict[str, Any]], ending: str) -> dict[str, list[Any]]:
    surprises = [row[f"surprise{ending}"] for row in rows]
    expected = [row[f"alternatives{ending}"] for row in rows]
    return {
        "surprise": [None if nats is None else round(nats, 3) for nats in surprises],
        "rank": [row[f"rank{ending}"] for row in rows],
        "words": [[option["word"] for option in options] for options in expected],
        "p": [[round(option["probability"], 4) for option in options] for options in expected],
    }


def _edges(run: RunDirectory, count: int) -> dict[str, Any]:
    """What each token looks at most; nothing where attention was not watched.

    By state and token: [source, its largest share, its heads], the strongest source first.
    """
    if not (run.path / "edges.parquet").is_file():
        return {}
    found: defaultdict[str, list[dict[int, list[Any]]]]
    found = defaultdict(lambda: [{} for _ in range(count)])
    for row in sorted(run.read_rows("edges.parquet"), key=lambda row: -row["share"]):
        new = [row["source"], round(row["share"], 3), []]
        sources = found[row.get("state", "now")][row["token"]]
        sources.setdefault(row["source"], new)[2].append(f"{row['layer']}.{row['head']}")
    if not found:
        return {}
    return {"edges": {state: [list(t.values()) for t in tokens] for state, tokens in found.items()}}


def _steps(run: RunDirectory, arm: str) -> list[Step]:
    """What the ledger says of an arm."""
    return [Step(**record) for record in StepLedger(run).records(arm)]


def _anchors(steps: list[Step]) -> list[dict[str, Any]]:
    return [
        {
            "presentations": step.check.presentations,
            "anchor": step.check.anchor,
            "interval": step.check.anchor_interval,
        }
        for step in steps
        if step.check
    ]


def _curve(steps: list[Step]) -> list[dict[str, float | None]]:
    """The checks of an arm: presentations, imprint on rewordings, drift."""
    return [
        {
            "presentations": step.check.presentations,
            "gen": step.check.imprint["gen"],
            "drift": step.check.drift_retention,
        }
        for step in steps
        if step.check
    ]


def _headline(result: ImprintResult) -> list[tuple[str, int, list[Any]]]:
    """(label, digits, values of the run and of each control) for the table at the top."""
    arms: list[ArmMetrics] = [result, *result.controls.values()]
    first = [arm.spill_first for arm in arms if arm.spill_first]
    rows = [
        ("imprint: its own words", 2, [arm.imprint["mem"] for arm in arms]),
        ("imprint: rewordings", 2, [arm.imprint["gen"] for arm in arms]),
        ("imprint: hard", 2, [arm.imprint["hard"] for arm in arms]),
        ("drift on unrelated text, nats a token", 4, [arm.drift.retention for arm in arms]),
        ("spill into unrelated openings, nats a token", 2, [arm.spill for arm in arms]),
        ("spill of the words' first tokens, nats", 2, first),
        ("neighbour facts unchanged", 2, [arm.locality for arm in arms]),
    ]
    return [row for row in rows if row[2]]


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
