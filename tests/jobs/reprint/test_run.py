"""Rewriting printed pages end to end: what is asked, what is shown in its place, when it stops."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import litho
from litho.core.errors import Interrupted, LithoError
from litho.core.runs import PARTIAL
from litho.core.stats import Estimate
from litho.jobs.reprint.result import ReprintResult, Tests, Version
from litho.jobs.reprint.run import best, gained
from litho.jobs.reprint.tasks import Guard
from litho.jobs.reprint.versions import read_entries
from litho.model.adapters.files import adapter_sha256
from tests.builders import check_numbers, small_inputs

SETTINGS: dict[str, Any] = {"rounds": 2, "presentations": 2, "sentences": 1}


def fails(question: str, answer: str) -> bool:
    raise ValueError("out of patience")


def accepts(question: str, answer: str) -> bool:
    return True


@pytest.fixture(scope="module")
def both(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> ReprintResult:
    """Two rounds of both arms; the page is too short for anchors, which could end them."""
    out = tmp_path_factory.mktemp("reprint") / "run"
    return litho.rewrite_pages(finished, out, arms=("rewrite", "more"), **SETTINGS)


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_both_arms_show_the_same_pages_and_as_many_tokens(both: ReprintResult) -> None:
    one, other = (both.arms[arm].rounds for arm in ("rewrite", "more"))
    assert len(one) == len(other) == 2
    for left, right in zip(one, other, strict=True):
        shown, plan = (rows(Path(v.version) / "presentations.jsonl") for v in (left, right))
        same = ("step", "page", "version", "tokens")
        assert [[row[key] for key in same] for row in shown] == [
            [row[key] for key in same] for row in plan
        ]
        assert left.tokens == right.tokens and left.steps == right.steps == 2
        assert left.rewritten > 0 == right.rewritten
        assert any(row["entries"] for row in shown) and not any(row["entries"] for row in plan)
    assert set(both.before) == {"mem", "gen", "hard", "anchor", "drift"} == set(one[0].tests)
    assert one[0].tests["drift"].value != both.before["drift"].value
    said = json.loads((Path(both.run) / "metrics.json").read_text())
    assert all(set(r) == {"version", "added", "dropped", "tests"} for r in said["rounds"])
    check_numbers(Path(both.run))


def test_every_rewritten_text_leads_back_to_an_answer(both: ReprintResult) -> None:
    page = small_inputs().pages[0]
    guard = Guard.of([probe for probe in page.probes or () if probe.kind != "neighbour"])
    earlier = set[str]()
    for version in both.arms["rewrite"].rounds:
        folder = Path(version.version)
        entries, answers = read_entries(folder, guard), rows(folder / "answers.jsonl")
        assert len(entries) == version.entries and version.asked == len(answers) > 0
        assert version.refused == {"what the report asks for": 2}  # Marek Dolny, 1931
        for entry in entries:
            assert " ".join(entry.text.split()) in " ".join(page.text.split())
            if entry.kind == "repair" and entry.round == version.number:
                answer = answers[entry.answer or 0]
                assert answer["question"] == entry.question and answer["accepted"] is False
                assert (entry.attempt, entry.fact) == (answer["written"], answer["expected"])
        lineage = json.loads((folder / "lineage.json").read_text())
        assert lineage["from"] == (None if version.number == 1 else "rewrite/round-1")
        assert set(lineage["dropped"]) <= earlier
        earlier = {entry.id for entry in entries}
        assert adapter_sha256(Path(version.adapter)) == version.adapter_sha256


def test_a_version_that_asks_what_the_report_asks_is_found_out(
    both: ReprintResult, tmp_path: Path
) -> None:
    folder = Path(both.arms["rewrite"].rounds[0].version)
    guard = Guard.of(list(small_inputs().pages[0].probes or ()))
    entry = next(e for e in read_entries(folder, guard) if e.kind == "repair")
    bad = entry.model_copy(update={"fact": "1931"})
    (tmp_path / "entries.jsonl").write_text(bad.model_dump_json() + "\n")
    with pytest.raises(LithoError, match="holds what the report asks for"):
        read_entries(tmp_path, guard)


def test_a_round_counts_by_the_anchors(both: ReprintResult) -> None:
    def measured(*anchors: float | None) -> tuple[Tests, list[Version]]:
        first, *later = ({"anchor": Estimate(value=each, ci=None, n=9)} for each in anchors)
        version = both.arms["more"].rounds[0]
        return first, [version.model_copy(update={"tests": tests}) for tests in later]

    assert gained(*measured(0.5, 0.6)) and not gained(*measured(0.5, 0.505))
    assert not gained(*measured(0.5, 0.6, 0.6)) and gained(*measured(None, None))
    assert best(*measured(0.5, 0.7, 0.6)) == 1 and best(*measured(0.5, 0.4)) == 0
    assert best(*measured(None, None, None)) == 2


def test_what_is_understood_is_not_rewritten(finished: Path, tmp_path: Path) -> None:
    judge = f"{__name__}:accepts"
    settings = SETTINGS | {"sentences": 0}
    result = litho.rewrite_pages(finished, tmp_path / "run", judge=judge, **settings)
    arm = result.arms["rewrite"]
    assert not arm.rounds and "no error is left" in (arm.stopped or "")
    assert arm.best == 0 and arm.tests == result.before and set(arm.gained.values()) == {0.0}


def test_a_stopped_run_goes_on_to_the_same(
    finished: Path, both: ReprintResult, tmp_path: Path
) -> None:
    out, given = tmp_path / "run", SETTINGS | {"arms": ("rewrite", "more")}
    for last in (6, 9, 12):
        told = iter(range(last))

        def stop(event: object, told: Iterator[int] = told) -> None:
            if next(told, None) is None:
                raise KeyboardInterrupt

        with pytest.raises(Interrupted, match="litho resume"):
            litho.rewrite_pages(finished, out, progress=stop, **given)
    found = litho.rewrite_pages(finished, out, **given)
    shas = [[v.adapter_sha256 for v in arm.rounds] for arm in found.arms.values()]
    assert shas == [[v.adapter_sha256 for v in arm.rounds] for arm in both.arms.values()]


def test_what_cannot_be_rewritten(finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"

    def refused(match: str, run: Path = finished, **settings: Any) -> None:  # noqa: ANN401
        with pytest.raises(LithoError, match=match):
            litho.rewrite_pages(run, out, **{**SETTINGS, **settings})
        assert not list(tmp_path.glob("run*"))

    refused("no finished run", tmp_path)
    refused("there is no judge 'luck'", judge="luck")
    refused("input should be 'rewrite' or 'more'", arms=("luck",))
    refused("more than samples", agree=9)
    with pytest.raises(LithoError, match=r"fails on an answer to .*: ValueError: out of patience"):
        litho.rewrite_pages(finished, out, judge=f"{__name__}:fails", **SETTINGS)
    assert not out.exists() and out.with_name(out.name + PARTIAL).is_dir()  # goes on with another


def test_damaged_imprints_are_named(finished: Path, tmp_path: Path) -> None:
    for name, match in {
        "plan.json": "lacks its plan",
        "baseline.json": "lacks its plan, baseline.json",
        "manifest.yaml": "manifest.yaml is missing",
        "adapter": "is no PEFT adapter",
    }.items():
        run = tmp_path / f"without {name}"
        run.mkdir()
        for path in finished.iterdir():
            if path.name != name:
                (run / path.name).symlink_to(path)
        with pytest.raises(LithoError, match=match):
            litho.rewrite_pages(run, tmp_path / "out", **SETTINGS)
        assert not list(tmp_path.glob("out*"))
