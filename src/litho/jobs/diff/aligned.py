"""Two models of other tokenizers or shapes on one text, aligned by characters."""

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from litho.core import stats
from litho.core.files import whole_file
from litho.core.reporter import Reporter
from litho.core.runs import RunDirectory, whole_or_nothing
from litho.jobs.diff.pair import Unlike, described
from litho.jobs.diff.result import AlignedLayer, AlignedResult, AlignedSurprise
from litho.measure.inside.alignment import AlignedDifference, aligned_difference
from litho.measure.scenes import check_text, split_scenes
from litho.model.placement import HOST

# Shapes: S stretches of text, L and M layers of the two models.


def diff_unlike(
    text: str, name: str, pair: Unlike, names: tuple[str, str], out: Path, reporter: Reporter
) -> RunDirectory:
    """Read `text` in both models and write what can be compared: surprise by character, and CKA.

    There is no null, and nothing is judged: these models differ in everything.
    """
    states = (pair.before, pair.after)
    for state in states:
        check_text(state.model, text)
    scenes = split_scenes(pair.before.model, text, pair.after.model)
    with whole_or_nothing(RunDirectory.create(out)) as run:
        reporter.stage("reading the text in both models", len(scenes))
        found: list[AlignedDifference] = []
        for number, scene in enumerate(scenes, 1):
            found.append(aligned_difference(*states, scene))
            reporter.advance(number)
        rows = [
            row for scene, each in zip(scenes, found, strict=True) for row in _rows(scene, each)
        ]
        cka_LM = _mean_cka(found)
        run.write_rows("stretches.parquet", rows)
        with whole_file(run.path / "maps.safetensors") as path:
            save_file({"cka_LM": cka_LM}, path)
        run.write_yaml(
            "manifest.yaml",
            {"command": "align", "text_name": name}
            | {
                key: described(given, state)
                for key, given, state in zip(("before", "after"), names, states, strict=True)
            },
        )
        tokens = sum(len(pair.before.model.tokens(scene)) for scene in scenes)
        result = _summary(str(run.final_path), tokens, rows, cka_LM, *names)
        run.write_json("metrics.json", result.model_dump())
    return run


def _rows(scene: str, found: AlignedDifference) -> list[dict[str, Any]]:
    ends = found.stretches.characters
    return [
        {"text": scene[start:end], "surprise_before": before, "surprise_after": after}
        for start, end, before, after in zip(
            [0, *ends[:-1]],
            ends,
            found.surprise_first_S.tolist(),
            found.surprise_second_S.tolist(),
            strict=True,
        )
    ]


def _mean_cka(found: list[AlignedDifference]) -> torch.Tensor:
    """Mean over scenes, weighted by stretches."""
    counts = [len(each.stretches.characters) for each in found]
    weights_S = torch.tensor(counts, dtype=torch.float64, device=HOST)
    cka_LMS = torch.stack([each.cka_LM.to(HOST).double() for each in found], -1)
    return ((cka_LMS @ weights_S) / weights_S.sum()).float().contiguous()


def _summary(
    run: str,
    tokens: int,
    rows: list[dict[str, Any]],
    cka_LM: torch.Tensor,
    before: str,
    after: str,
) -> AlignedResult:
    lengths = [float(len(row["text"])) for row in rows]
    first, second = ([row[f"surprise_{key}"] for row in rows] for key in ("before", "after"))
    rises = [b - a for a, b in zip(first, second, strict=True)]
    aligned = AlignedSurprise(
        stretches=len(rows),
        before=stats.ratio(first, lengths),
        after=stats.ratio(second, lengths),
        rise=stats.ratio(rises, lengths),
    )
    notice = (
        f"{before} and {after} have other tokenizers or shapes: they are aligned by "
        "characters, and divergences of tokens, heads and weights are absent"
    )
    return AlignedResult(
        run=run,
        tokens=tokens,
        layers=tuple(_layer(i, row_M) for i, row_M in enumerate(cka_LM)),
        aligned=aligned,
        notices=(notice,),
    )


def _layer(i: int, cka_M: torch.Tensor) -> AlignedLayer:
    """A layer of the model before with its nearest relative in the other."""
    finite = cka_M.nan_to_num(-1)
    nearest = int(finite.argmax())
    cka = finite[nearest].item()
    if cka < 0:
        return AlignedLayer(layer=i, cka=None, cka_layer=None)
    return AlignedLayer(layer=i, cka=cka, cka_layer=nearest)
