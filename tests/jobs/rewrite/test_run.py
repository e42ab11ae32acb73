"""Rewriting end to end: what is written, where it comes from, and when there is nothing to do."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

import litho
from litho.core.errors import Interrupted, LithoError
from litho.jobs.rewrite.result import RewriteResult
from litho.jobs.rewrite.versions import leaks_of, read_documents, read_entries
from litho.jobs.school.finished import FinishedSchool
from litho.text.school.rewriting.guard import Guard

TWICE = ("accumulate",)
ONCE = ("replace", "oracle", "more_books", "re_read", "journal", "random_spans")
SETTINGS: dict[str, Any] = {"rounds": 2, "share": 0.6, "questions": 6, "bridges": 2}
SWITCHING: dict[str, Any] = {"rounds": 1, "questions": 12, "on_failure": "switch_book"}


def accepts_all(question: str, answer: str) -> bool:
    return True


@pytest.fixture(scope="module")
def school(tiny_school: FinishedSchool) -> FinishedSchool:
    return tiny_school


@pytest.fixture(scope="module")
def folder(tiny_school: FinishedSchool) -> Path:
    return tiny_school.path


@pytest.fixture(scope="module")
def rewritten(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> RewriteResult:
    out = tmp_path_factory.mktemp("rewrite") / "run"
    return litho.rewrite(folder, out, arms=TWICE, **SETTINGS)


@pytest.fixture(scope="module")
def once(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> RewriteResult:
    out = tmp_path_factory.mktemp("rewrite") / "once"
    return litho.rewrite(folder, out, arms=ONCE, **{**SETTINGS, **SWITCHING})


def test_all_arms_read_as_much_and_say_what_they_read(
    rewritten: RewriteResult, once: RewriteResult, school: FinishedSchool
) -> None:
    arms = {**rewritten.arms, **once.arms}
    assert set(arms) == {*TWICE, *ONCE}
    tokens = {version.tokens for arm in arms.values() for version in arm.rounds}
    assert tokens == {round(0.6 * school.result.tokens)}
    share = {name: {v.rewritten for v in arm.rounds} for name, arm in arms.items()}
    assert share["replace"] == {1.0}
    assert share["more_books"] == share["re_read"] == share["journal"] == {0.0}
    for name in ("accumulate", "oracle"):
        assert all(0 < each <= 0.25 for each in share[name])
        assert all(version.pages >= 0.4 for version in arms[name].rounds)
    said = json.loads((Path(rewritten.run) / "metrics.json").read_text())
    assert all(set(r) == {"version", "added", "dropped", "tests"} for r in said["rounds"])
    assert len(said["rounds"]) == 2 and set(said["arms"]) == set(TWICE)
    assert (Path(rewritten.run) / "report.html").is_file()


def test_the_rule_for_what_was_not_understood_is_written_down(once: RewriteResult) -> None:
    for name, arm in once.arms.items():
        version = arm.rounds[0]
        said = json.loads((Path(version.version) / "lineage.json").read_text())["readings"]
        assert [each["section"] for each in said] == list(version.not_understood)
        assert bool(said) == (name in ("replace", "oracle"))
        for each in said:
            assert each["accepted"] < 0.5 and each["asked"] >= 3
            assert (each["rule"] == "switch_book") == bool(each["instead"])


def test_what_is_read_again_was_read_before(once: RewriteResult, school: FinishedSchool) -> None:
    build = school.build
    known = {
        build.text(stage.id, {"start": spans[0]["start"], "end": spans[-1]["end"]})
        for stage in build.result.stages
        for spans in build.documents(stage.id)
    }

    def texts(arm: str) -> set[str]:
        folder = Path(once.arms[arm].rounds[0].version)
        return {text.text for text in read_documents(folder)}

    assert texts("re_read") <= known and not texts("more_books") & known
    for arm in ("journal", "random_spans"):  # true text in new words, and some that was read
        again = texts(arm) & known
        assert again and texts(arm) - again <= texts("more_books")


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
        assert {entry.kind for entry in entries} == {"repair", "bridge"}
        for entry in entries:
            assert entry.sections and (entry.answer is None) == (entry.kind == "bridge")
            if entry.answer is None:
                assert entry.span and len(entry.facts) == 2
                continue
            if entry.round == version.number:
                answer = answers[entry.answer]
                assert answer["task"] == entry.about and not answer["accepted"]
                assert answer["question"] in entry.text and answer["expected"] in entry.text
        assert version.leaks == leaks_of(folder, guard) == 0
        lineage = json.loads((folder / "lineage.json").read_text())
        assert lineage["school"] == school.result.model_sha256
        assert lineage["from"] == (None if version.number == 1 else "accumulate/round-1")


def test_a_version_that_someone_adds_to_is_found_out(
    once: RewriteResult, school: FinishedSchool
) -> None:
    plan = school.school.plan
    assert plan
    folder = Path(once.arms["replace"].rounds[0].version)
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
    result = litho.rewrite(folder, tmp_path / "run", judge=judge, **{**SETTINGS, "bridges": 0})
    arm = result.arms["accumulate"]
    assert arm.rounds == () and result.rounds == ()
    assert arm.stopped and "the judge found no error" in arm.stopped
    for warning in ("takes 100% of planted errors for right", "are wrong by the world"):
        assert any(warning in said for said in result.notices)


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


def test_the_disk_of_out_counts(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def usage(asked: Path) -> SimpleNamespace:
        assert asked == tmp_path
        return SimpleNamespace(free=100)

    monkeypatch.setattr("shutil.disk_usage", usage)
    with pytest.raises(LithoError, match="choose another disk with --out"):
        litho.rewrite(folder, tmp_path / "deep" / "run", **SETTINGS)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_school(rewritten: RewriteResult, tmp_path: Path) -> None:
    with pytest.raises(LithoError, match="no finished run"):
        litho.rewrite(tmp_path, tmp_path / "run")
    with pytest.raises(LithoError, match="is no run of litho school"):
        litho.rewrite(Path(rewritten.run), tmp_path / "run")
