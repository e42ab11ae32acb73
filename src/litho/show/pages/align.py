"""The report of `litho diff` on models that are built differently."""

from safetensors.numpy import load_file

from litho.core.runs import RunDirectory
from litho.jobs.diff.result import AlignedResult
from litho.show.figures.layers import likeness_figure
from litho.show.page import origin_of, render
from litho.show.wording import aligned_sentence

CHANGED = 12  # stretches that are listed


def page(run: RunDirectory) -> str:
    """Which layers are alike, and where the text surprises one more than the other."""
    result = AlignedResult(**run.read_json("metrics.json"))
    rows = run.read_rows("stretches.parquet")
    changed = sorted(rows, key=lambda row: -abs(row["surprise_after"] - row["surprise_before"]))
    cka_LM = load_file(run.path / "maps.safetensors")["cka_LM"]
    return render(
        "align.html.j2",
        run,
        f"Litho diff: {origin_of(run).settings['text_name']}",
        {"figure-cka": likeness_figure(cka_LM)},
        result=result,
        rows=rows,
        changed=changed[:CHANGED],
        says=aligned_sentence(result.aligned),
    )
