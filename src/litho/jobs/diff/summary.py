"""The numbers of a comparison of two states."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from litho.core.stats import MeanAndMax
from litho.jobs.diff.judge import ChangeJudgement
from litho.jobs.diff.result import (
    ControlFinding,
    ControlOnset,
    DiffLayer,
    DiffOnset,
    DiffResult,
    HeadDivergence,
    JudgedEffect,
    UnseenText,
)
from litho.measure.inside.effects import detector_meanings

# Shapes: L layers, H heads, T tokens.


def summary(
    run: str,
    rows: Sequence[Mapping[str, Any]],
    maps: Mapping[str, Tensor],
    watched: Sequence[int],
    judgement: ChangeJudgement | None,
    unseen: UnseenText | None,
    notices: Sequence[str],
) -> DiffResult:
    """The result of a run from the rows of its tokens and its maps.

    `maps` are L x T, js_LHT of the layers `watched` alone; `judgement` is None where nothing
    changed.
    """
    return DiffResult(
        run=run,
        tokens=len(rows),
        kl=MeanAndMax.of([row["kl"] for row in rows]),
        reverse_kl=MeanAndMax.of([row["reverse_kl"] for row in rows]),
        onset=_onset(judgement),
        layers=tuple(_layer(i, maps, judgement) for i in range(len(maps["relative_LT"]))),
        heads=_heads(maps, watched),
        effects=_effects(judgement),
        notices=tuple(notices),
        unseen=unseen,
    )


def _onset(judgement: ChangeJudgement | None) -> DiffOnset:
    if judgement is None:
        return DiffOnset(layer=None, p=1.0)
    begins, control = judgement.chance.onset, judgement.control
    against = ControlOnset(layer=control.onset.layer, p=control.onset.p) if control else None
    return DiffOnset(layer=begins.layer, p=begins.p, control=against)


def _effects(judgement: ChangeJudgement | None) -> tuple[JudgedEffect, ...]:
    """Every effect; `control` is its judgement against training on the unrelated text."""
    if judgement is None:
        return ()
    meanings = detector_meanings()
    controls: list[ControlFinding | None] = [None] * len(judgement.chance.effects)
    if judgement.control:
        controls = [
            ControlFinding(**finding.model_dump(include={"null", "p", "found"}))
            for finding in judgement.control.effects
        ]
    judged = list(zip(judgement.chance.effects, controls, strict=True))
    if judgement.phantom:
        judged.append((judgement.phantom, None))
    return tuple(
        JudgedEffect(**finding.model_dump(), control=control, meaning=meanings[finding.name])
        for finding, control in judged
    )


def _layer(i: int, maps: Mapping[str, Tensor], judgement: ChangeJudgement | None) -> DiffLayer:
    cka = maps["cka_L"][i]
    layer = DiffLayer(
        layer=i,
        relative_norm=maps["relative_LT"][i].mean().item(),
        cosine=maps["cosine_LT"][i].mean().item(),
        cka=cka.item() if cka.isfinite() else None,
        rank_before=maps["rank_before_L"][i].item(),
        rank_after=maps["rank_after_L"][i].item(),
    )
    return layer.model_copy(update=_judged(i, judgement)) if judgement else layer


def _judged(i: int, judgement: ChangeJudgement) -> dict[str, object]:
    """What the nulls say of a layer."""
    begins, control = judgement.chance.onset, judgement.control
    judged: dict[str, object] = {
        "own_effect": begins.effect_by_layer[i],
        "null": (begins.null_low[i], begins.null_high[i]),
        "p": begins.p_by_layer[i],
    }
    if control:
        judged["control"] = (control.onset.null_low[i], control.onset.null_high[i])
        judged["control_p"] = control.onset.p_by_layer[i]
    return judged


def _heads(maps: Mapping[str, Tensor], watched: Sequence[int]) -> tuple[HeadDivergence, ...]:
    if "js_LHT" not in maps:
        return ()
    return tuple(
        HeadDivergence(layer=layer, head=head, js=js)
        for layer, js_H in zip(watched, maps["js_LHT"].mean(-1).tolist(), strict=True)
        for head, js in enumerate(js_H)
    )
