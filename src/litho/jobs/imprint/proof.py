"""What an arm did to the model, measured in float32 on the weights as they are stored."""

from collections.abc import Iterator, Sequence

import torch
from pydantic import BaseModel
from safetensors.torch import save_file
from torch import Tensor

from litho.core import stats
from litho.core.files import whole_file
from litho.core.runs import RunDirectory
from litho.core.stats import Estimate
from litho.jobs.imprint.baseline import Baseline
from litho.jobs.imprint.result import Answered, ArmMetrics, Chat, Drift, PageResult, Passage
from litho.measure.inside.response import compared_maps
from litho.measure.printing.answers import answers as answers_to
from litho.measure.printing.answers import is_right
from litho.measure.printing.drift import RetentionDrift, retention_drift
from litho.measure.printing.imprint import imprint_by_kind, imprint_of
from litho.measure.printing.locality import greedy_answers, locality
from litho.measure.printing.probes import score
from litho.measure.printing.spill import spill, spill_scores
from litho.measure.tables import token_row
from litho.model.loaded import LanguageModel
from litho.model.state import State
from litho.text.pages import Page
from litho.text.shipped import unrelated_prefixes

SHOWN = 80  # characters of a passage


class ArmProof(BaseModel):
    """The numbers of one arm and the rows behind them."""

    metrics: ArmMetrics
    after: list[float]  # ell of each probe, nats per target token
    said: list[str]  # to each probe, each token the likeliest
    answers: list[list[int]]  # greedy answer to each neighbour fact


def prove_arms(
    model: LanguageModel,
    arms: Sequence[str],
    baseline: Baseline,
    retention: Sequence[Sequence[int]],
) -> dict[str, ArmProof]:
    """Measure the adapters `arms` of a model against the baseline."""
    drifts = retention_drift(model, retention, arms)
    return {
        arm: _prove_arm(model, arm, baseline, drift_of(model, retention, drifts[arm]))
        for arm in arms
    }


def drift_of(model: LanguageModel, rows: Sequence[Sequence[int]], drift: RetentionDrift) -> Drift:
    """Drift on rows of the retention text, with the passage that moved most."""
    worst = max(range(len(rows)), key=drift.by_row.__getitem__)
    beginning = " ".join(model.decode(rows[worst][len(model.start) :]).split())[:SHOWN]
    return Drift(
        retention=drift.mean,
        far=drift.mean,
        worst=Passage(passage=beginning, value=drift.by_row[worst]),
        moved=tuple(drift.moved.farthest),
        moved_count=drift.moved.count,
    )


def _prove_arm(model: LanguageModel, arm: str, baseline: Baseline, drift: Drift) -> ArmProof:
    probes, asked = baseline.scored.probes, baseline.asked()
    state = State(model, (arm,))
    after, said = score(state, probes), answers_to(state, probes)
    answers = greedy_answers(state, baseline.neighbours)
    words, prefixes = baseline.words(), unrelated_prefixes()
    spilled = spill_scores(state, words, prefixes)
    metrics = ArmMetrics(
        imprint=imprint_by_kind(baseline.scored.part(asked), [after[i] for i in asked]),
        drift=drift,
        spill=spill(baseline.spill, spilled.whole),
        spill_first=spill(baseline.spill_first, spilled.first) if baseline.spill_first else None,
        locality=locality(baseline.neighbour_answers, answers),
        chat=_chat(baseline, after, said, asked),
    )
    return ArmProof(metrics=metrics, after=after, said=said, answers=answers)


def page_results(
    pages: Sequence[Page], baseline: Baseline, proof: ArmProof
) -> Iterator[PageResult]:
    """What each page got, if there are several."""
    for number, page in enumerate(pages if len(pages) > 1 else ()):
        yield PageResult(
            name=page.name,
            imprint=page_imprint(baseline, number, proof.after),
            chat=_chat(baseline, proof.after, proof.said, baseline.places([number])),
        )


def page_imprint(baseline: Baseline, number: int, after: Sequence[float]) -> dict[str, Estimate]:
    """The imprint of one page by kind; `after`: ell of the probes of all pages."""
    places = baseline.places([number])
    return imprint_by_kind(baseline.scored.part(places), [after[i] for i in places])


def _chat(
    baseline: Baseline, after: Sequence[float], said: Sequence[str], places: Sequence[int]
) -> Chat | None:
    """The chat questions among some of the probes."""
    probes = baseline.scored.probes
    asked = [i for i in places if probes[i].kind == "chat"]
    if not asked:
        return None

    def right(given: Sequence[str | None]) -> Estimate:
        return stats.mean([float(is_right(given[i] or "", probes[i].target)) for i in asked])

    return Chat(
        accuracy={
            "before": right(baseline.answers),
            "openbook": right(baseline.openbook_answers),
            "after": right(said),
        },
        imprint=imprint_of("chat", baseline.scored.part(asked), [after[i] for i in asked]),
    )


def answered(baseline: Baseline, said: Sequence[str]) -> list[Answered]:
    """Every probe with its answers; none of a run that an earlier version began."""
    if not baseline.answers:
        return []
    return [
        Answered(
            probe=probe.prefix,
            target=probe.target,
            before=before,
            after=after,
            openbook=openbook,
            right=is_right(after, probe.target),
        )
        for probe, before, openbook, after in zip(
            baseline.scored.probes, baseline.answers, baseline.openbook_answers, said, strict=True
        )
    ]


def write_probes(run: RunDirectory, baseline: Baseline, arms: dict[str, ArmProof]) -> None:
    """One row a probe: ell before, with the open book and after each arm."""
    scored = baseline.scored
    rows = [
        probe.model_dump()
        | {"before": scored.before[i], "openbook": scored.openbook[i]}
        | {arm: proof.after[i] for arm, proof in arms.items()}
        for i, probe in enumerate(scored.probes)
    ]
    run.write_rows("probes.parquet", rows)


def write_neighbours(
    run: RunDirectory, model: LanguageModel, baseline: Baseline, arms: dict[str, ArmProof]
) -> None:
    """One row a neighbour fact: the greedy answers before and after each arm."""
    rows = [
        {"prefix": probe.prefix, "expected": probe.target}
        | {"before": model.decode(baseline.neighbour_answers[i])}
        | {arm: model.decode(proof.answers[i]) for arm, proof in arms.items()}
        for i, probe in enumerate(baseline.neighbours)
    ]
    run.write_rows("neighbours.parquet", rows)


def write_maps(
    run: RunDirectory, model: LanguageModel, pages: Sequence[Sequence[str]], arm: str
) -> None:
    """Tokens of the text with surprise and alternatives in both states, and the drift map.

    `pages`: the scenes of each.
    """
    rows: list[dict[str, object]] = []
    changes: list[Tensor] = []
    offset = len(model.start)
    for number, scenes in enumerate(pages):
        which = {"page": number} if len(pages) > 1 else {}
        for scene in scenes:
            before, after, drift = compared_maps(model, scene, None, arm)
            changes.append(drift.change_LT[:, offset:])
            for old, new, kl in zip(before.tokens, after.tokens, drift.kl_T[offset:], strict=True):
                read = token_row(old, "_before") | token_row(new, "_after")
                rows.append(which | read | {"kl": kl.item()})
    run.write_rows("tokens.parquet", rows)
    with whole_file(run.path / "maps.safetensors") as path:
        save_file({"change_LT": torch.cat(changes, dim=1).contiguous().cpu()}, path)
