"""Two models of other tokenizers or shapes on one text, aligned by characters."""

from collections.abc import Sequence
from typing import Any

import torch
from safetensors.torch import save_file

from litho.core import stats
from litho.core.files import whole_file
from litho.core.reporter import Reporter
from litho.core.runs import RunDirectory
from litho.jobs.diff.config import DiffSpec
from litho.jobs.diff.pair import Unlike
from litho.jobs.diff.result import AlignedLayer, AlignedResult, AlignedSurprise
from litho.measure.inside.alignment import AlignedDifference, aligned_difference
from litho.measure.inside.geometry import mean_of_finite
from litho.measure.readability import reading_notices
from litho.measure.scenes import split_scenes
from litho.model.placement import HOST

# Shapes: S stretches of text, L and M layers of the two models.


def compare_unlike(
    run: RunDirectory, spec: DiffSpec, pair: Unlike, notices: Sequence[str], reporter: Reporter
) -> AlignedResult:
    """Read a text in both models and write what can be compared: surprise by character, and CKA.

    There is no null, and nothing is judged: these models differ in everything.
    """
    model, states = pair.before.model, (pair.before, pair.after)
    scenes = split_scenes(model, spec.text, pair.after.model)
    reporter.stage("reading the text in both models", len(scenes))
    differences: list[AlignedDifference] = []
    for number, scene in enumerate(scenes, 1):
        differences.append(aligned_difference(*states, scene))
        reporter.advance(number)
    rows = [
        row for scene, each in zip(scenes, differences, strict=True) for row in _rows(scene, each)
    ]
    cka_LM = _mean_cka(differences)
    run.write_rows("stretches.parquet", rows)
    with whole_file(run.path / "maps.safetensors") as path:
        save_file({"cka_LM": cka_LM}, path)
    tokens = sum(len(model.tokens(scene)) for scene in scenes)
    return _summary(str(run.final_path), tokens, rows, cka_LM, notices)


def unlike_notices(spec: DiffSpec, pair: Unlike) -> list[str]:
    """What is to be known of such a comparison beforehand."""
    first, second = pair.before.model, pair.after.model
    before, after = spec.names or (spec.before, spec.after)
    return [
        *reading_notices(first, spec.text, split_scenes(first, spec.text, second)),
        *reading_notices(second, spec.text),
        f"{before} and {after} have other tokenizers or shapes: they are aligned by "
        "characters, and divergences of tokens, heads and weights are absent",
    ]


def _rows(scene: str, difference: AlignedDifference) -> list[dict[str, Any]]:
    ends = difference.stretches.characters
    return [
        {"text": scene[start:end], "surprise_before": before, "surprise_after": after}
        for start, end, before, after in zip(
            [0, *ends[:-1]],
            ends,
            difference.surprise_first_S.tolist(),
            difference.surprise_second_S.tolist(),
            strict=True,
        )
    ]


def _mean_cka(differences: list[AlignedDifference]) -> torch.Tensor:
    """Mean over the scenes in which there is one, weighted by stretches."""
    counts = [len(each.stretches.characters) for each in differences]
    weights_S = torch.tensor(counts, dtype=torch.float64, device=HOST)
    cka_SLM = torch.stack([each.cka_LM.to(HOST).double() for each in differences])
    return mean_of_finite(cka_SLM, weights_S).float().contiguous()


def _summary(
    run: str,
    tokens: int,
    rows: list[dict[str, Any]],
    cka_LM: torch.Tensor,
    notices: Sequence[str],
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
    return AlignedResult(
        run=run,
        tokens=tokens,
        layers=tuple(_layer(i, row_M) for i, row_M in enumerate(cka_LM)),
        aligned=aligned,
        notices=tuple(notices),
    )


def _layer(i: int, cka_M: torch.Tensor) -> AlignedLayer:
    """A layer of the model before with its nearest relative in the other."""
    finite = cka_M.nan_to_num(-1)
    nearest = int(finite.argmax())
    cka = finite[nearest].item()
    if cka < 0:
        return AlignedLayer(layer=i, cka=None, cka_layer=None)
    return AlignedLayer(layer=i, cka=cka, cka_layer=nearest)
