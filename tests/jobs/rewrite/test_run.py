"""Rewriting end to end: what is written, where it comes from, and when there is nothing to do."""

import json
from pathlib import Path
from typing import Any, cast

import pytest

import litho
from litho.core.errors import Interrupted, LithoError
from litho.jobs.rewrite.result import RewriteResult
from litho.jobs.rewrite.versions import leaks_of, read_documents, read_entries
from litho.jobs.school.finished import FinishedSchool
from litho.text.school.rewriting.guard import Guard

ARMS = ("accumulate", "replace", "oracle", "more_books", "re_read")
SETTINGS: dict[str, Any] = {"rounds": 2, "share": 0.6, "questions": 6}


def accepts_all(question: str, answer: str) -> bool:
    return True


@pytest.fixture(scope="module")
def rewritten(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> RewriteResult:
    out = tmp_path_factory.mktemp("rewrite") / "run"
    return litho.rewrite(folder, out, arms=ARMS, **SETTINGS)


def test_all_arms_read_as_much_and_say_what_they_read(
    rewritten: RewriteResult, school: FinishedSchool
) -> None:
    tokens = {v.tokens for arm in rewritten.arms.values() for v in arm.rounds}
    assert tokens == {round(0.6 * school.result.tokens)}
    said = json.loads((Path(rewritten.run) / "metrics.json").read_text())
    assert set(said["arms"]) == set(ARMS)
    assert [set(r) >= {"version", "added", "dropped", "tests"} for r in said["rounds"]] == [
        True
    ] * 2
    assert (Path(rewritten.run) / "report.html").is_file()
    for name, share in (("replace", 1.0), ("more_books", 0.0), ("re_read", 0.0)):
        assert {v.rewritten for v in rewritten.arms[name].rounds} == {share}
    for name in ("accumulate", "oracle"):
        assert all(0 < v.rewritten <= 0.2 for v in rewritten.arms[name].rounds)
        assert all(v.pages >= 0.4 for v in rewritten.arms[name].rounds)


def test_every_rewritten_text_leads_back_to_an_answer(
    rewritten: RewriteResult, school: FinishedSchool
) -> None:
    plan = school.school.plan
    assert plan
    guard = Guard.of(plan)
    for version in rewritten.arms["accumulate"].rounds:
        folder = Path(version.version)
        answers = [json.loads(line) for line in (folder / "answers.jsonl").read_text().splitlines()]
        entries = read_entries(folder)
        assert len(entries) == version.entries and version.added + version.dropped > 0
        for entry in entries:
            assert entry.answer is not None and entry.sections
            if entry.round == version.number:
                answer = answers[entry.answer]
                assert answer["task"] == entry.about and not answer["accepted"]
                assert answer["question"] in entry.text and answer["expected"] in entry.text
        assert version.leaks == leaks_of(folder, guard) == 0
        lineage = json.loads((folder / "lineage.json").read_text())
        assert lineage["school"] == school.result.model_sha256
        assert lineage["from"] == (None if version.number == 1 else "accumulate/round-1")


def test_a_version_that_someone_adds_to_is_found_out(
    rewritten: RewriteResult, school: FinishedSchool
) -> None:
    plan = school.school.plan
    assert plan
    folder = Path(rewritten.arms["replace"].rounds[0].version)
    entry, *others = read_entries(folder)
    path = folder / "entries.jsonl"
    kept = path.read_text()
    bad = entry.model_copy(update={"facts": (min(plan.hidden),)})
    path.write_text("".join(each.model_dump_json() + "\n" for each in (bad, *others)))
    assert leaks_of(folder, Guard.of(plan)) == 1
    path.write_text("".join(each.model_dump_json() + "\n" for each in others))
    uses = sum(text.entry == entry.id for text in read_documents(folder))
    assert uses and leaks_of(folder, Guard.of(plan)) == uses
    path.write_text(kept)


def test_a_stopped_rewriting_ends_in_the_same_data_and_models(
    rewritten: RewriteResult, folder: Path, tmp_path: Path
) -> None:
    asked = 0

    class Stop:
        def is_set(self) -> bool:
            nonlocal asked
            asked += 1
            return asked == 40

    settings = {**SETTINGS, "arms": ("accumulate",)}
    with pytest.raises(Interrupted, match="litho resume"):
        litho.rewrite(folder, tmp_path / "run", cancel=cast(Any, Stop()), **settings)
    again = litho.rewrite(folder, tmp_path / "run", **settings)
    one, other = (each.arms["accumulate"] for each in (rewritten, again))
    leave = {"version", "seconds"}
    assert [v.model_dump(exclude=leave) for v in one.rounds] == [
        v.model_dump(exclude=leave) for v in other.rounds
    ]
    weights = [Path(each.model or "") / "model.safetensors" for each in (one, other)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_a_judge_that_accepts_everything_leaves_nothing_and_is_named(
    folder: Path, tmp_path: Path
) -> None:
    judge = f"{__name__}:accepts_all"
    result = litho.rewrite(folder, tmp_path / "run", judge=judge, **SETTINGS)
    arm = result.arms["accumulate"]
    assert arm.rounds == () and result.rounds == ()
    assert arm.stopped and "the judge found no error" in arm.stopped
    assert any("takes 100% of planted errors for right" in said for said in result.notices)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"judge": "nobody"}, "there is no judge 'nobody'"),
        ({"cap": 0.6, "real_floor": 0.5}, "cap and real_floor together"),
        ({"agree": 2}, "more than half of samples"),
        ({"arms": ("oracle", "oracle")}, "each of the arms once"),
        ({"share": 0.001}, "holds no step of 256"),
    ],
)
def test_settings_that_cannot_be(
    folder: Path, tmp_path: Path, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(LithoError, match=said):
        litho.rewrite(folder, tmp_path / "run", **settings)
    assert not list(tmp_path.iterdir())


def test_what_is_no_school(rewritten: RewriteResult, tmp_path: Path) -> None:
    with pytest.raises(LithoError, match="no finished run"):
        litho.rewrite(tmp_path, tmp_path / "run")
    with pytest.raises(LithoError, match="is no run of litho school"):
        litho.rewrite(Path(rewritten.run), tmp_path / "run")
