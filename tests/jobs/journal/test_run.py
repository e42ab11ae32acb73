"""A journal: losses as the saved model has them, and which spans were hard."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import litho
from litho.core.errors import LithoError
from litho.jobs.journal.hardest import by_section, contradiction, forgetting, hardest, loss_jump
from litho.jobs.journal.result import JournalResult, Span
from litho.jobs.school.finished import FinishedSchool
from litho.model.read.scoring import Target, logprobs_by_token

STAGES = ("a", "b", "c", "d")


@pytest.fixture(scope="module")
def school(tiny_school: FinishedSchool) -> FinishedSchool:
    return tiny_school


@pytest.fixture(scope="module")
def written(school: FinishedSchool, tmp_path_factory: pytest.TempPathFactory) -> JournalResult:
    out = tmp_path_factory.mktemp("journal") / "run"
    return litho.journal(school.path, out=out, sample=3, top=5)


def test_at_the_end_losses_are_those_of_the_saved_model(
    written: JournalResult, school: FinishedSchool
) -> None:
    spans = [Span(**each) for each in json.loads((Path(written.run) / "spans.json").read_text())]
    assert len(spans) == written.spans > 0
    model, build = litho.load(str(school.model)), school.build
    for span in spans[::5]:
        whole = next(d for d in build.documents(span.stage) if d[0]["document"] == span.document)
        found = next(s for s in whole if build.text(span.stage, s).strip() == span.text)
        begin = whole[0]["start"]
        ids = [build.codec.end_id, *build.tokens(span.stage)[begin : found["end"]].tolist()]
        target = Target(tuple(ids), found["start"] - begin + 1)
        (logps,) = logprobs_by_token(model, [target])
        assert span.losses[-1] == pytest.approx(-logps.mean().item(), abs=1e-4)
        assert len(span.losses) == len(written.stages)


def test_the_journal_is_written_down(written: JournalResult) -> None:
    said = json.loads((Path(written.run) / "metrics.json").read_text())
    assert set(said["hardest"]) == {"loss_jump", "forgetting", "contradiction"}
    assert all(len(found) <= 5 for found in said["hardest"].values())
    assert (Path(written.run) / "report.html").is_file()


def span(*losses: float, stage: str = "a", against: float | None = None, text: str = "t") -> Span:
    return Span(
        stage=stage, document=0, kind="reading", book="x", section="y", scene="",
        facts=("r:s",), text=text, losses=losses, against=against,
    )  # fmt: skip


def test_a_jump_is_the_largest_rise_and_says_what_mended_it() -> None:
    found = loss_jump(span(2.0, 3.0, 2.6, 2.5), STAGES)
    assert found and (found.value, found.border, found.mended) == (1.0, ("a", "b"), "d")
    never = loss_jump(span(1.0, 2.0, 4.0, 3.1), STAGES)
    assert never and (never.value, never.border, never.mended) == (2.0, ("b", "c"), None)


def test_forgetting_is_told_from_what_was_never_known() -> None:
    late = forgetting(span(0.5, 4.0, 1.0, 3.0, stage="b"), STAGES)  # before it was read: luck
    assert late and late.value == 2.0
    assert hardest([span(4.0, 3.0, 2.0, 1.0)], STAGES, "forgetting", 9) == []


def test_the_hardest_come_first_and_contradictions_where_there_are_any() -> None:
    spans = [span(1.0, 1.5, text="one"), span(1.0, 3.0, against=0.5, text="two"), span(1.0, 0.5)]
    copies = [*spans, span(1.0, 1.4, text="one")]
    found = hardest(copies, STAGES[:2], "loss_jump", 9)
    assert [each.span.text for each in found] == ["two", "one"]
    assert [each.span.text for each in hardest(spans, STAGES, "contradiction", 9)] == ["two"]
    assert contradiction(spans[0], STAGES) is None
    (section,) = by_section(spans)
    assert section.rises == pytest.approx([(0.5 + 2.0 - 0.5) / 3]) and section.spans == 3


def test_a_school_without_its_checkpoints(school: FinishedSchool, tmp_path: Path) -> None:
    gone = school.checkpoints()["primer"]
    kept = gone.with_name("kept")
    gone.replace(kept)
    try:
        with pytest.raises(LithoError, match="the checkpoint of stage 'primer' is missing"):
            litho.journal(school.path, out=tmp_path / "run")
    finally:
        kept.replace(gone)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("settings", [{"top": 0}, {"by": "luck"}, {"reinject": 0.9}])
def test_settings_that_cannot_be(
    school: FinishedSchool, tmp_path: Path, settings: dict[str, Any]
) -> None:
    with pytest.raises(LithoError, match=next(iter(settings))):
        litho.journal(school.path, out=tmp_path / "run", **settings)


def test_a_damaged_school_is_named(school: FinishedSchool, tmp_path: Path) -> None:
    run = Path(shutil.copytree(school.path, tmp_path / "school"))
    checkpoint = next((run / "checkpoints").glob("*.safetensors"))
    spans = next((run / "build").rglob("spans.parquet"))
    for path in (spans, checkpoint):
        kept = path.read_bytes()
        path.write_bytes(kept[: len(kept) // 2])
        with pytest.raises(LithoError, match=f"{path.name} is damaged"):
            litho.journal(run, out=tmp_path / "out", sample=2)
        if path == spans:
            with pytest.raises(LithoError, match=f"{path.name} is damaged"):
                litho.roles(run, out=tmp_path / "out")
        assert not list(tmp_path.glob("out*"))
        path.write_bytes(kept)
