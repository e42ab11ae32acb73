"""Compiling: the same bytes whatever the way, spans that cover everything, and nothing leaked."""

import json
import re
import shutil
from collections.abc import Callable
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from litho.core.errors import Interrupted, LithoError
from litho.core.files import WRITING
from litho.core.reporter import Event, Listener, Silent
from litho.core.runs import PARTIAL
from litho.jobs.genome.build import Build
from litho.jobs.genome.compiler import compile_genome
from litho.jobs.genome.cost import check_genome
from litho.jobs.genome.result import CompileResult
from litho.jobs.genome.stage import compile_stage
from litho.model.codec import Codec
from litho.text.school import books
from litho.text.school.books import read_book
from litho.text.school.canonical import of_folder, of_world, written
from litho.text.school.formats import extract
from litho.text.school.formats.plain import Extract
from litho.text.school.genome import Stage, parse_genome, read_of
from litho.text.school.plan import Plan
from litho.text.school.stages import School
from litho.text.school.world import World
from tests.text.school.test_world import pattern

WORLD = World(3, 2, 12)
BOOK = "\n\n".join(
    f"CHAPTER {n}.\n\n"
    + "\n\n".join(f"Of {n} and {i} it is said that naïveté helps." for i in range(9))
    for n in ("I", "II", "III")
)


def genome_of(tokens: int = 20_000, **changes: object) -> str:
    """The canonical genome of a tiny world."""
    return written(
        {**of_world(WORLD, tokens), "tokenizer": {"kind": "bpe", "vocab": 500}, **changes}
    )


def compiled(path: Path, genome: str, processes: int = 1, out: str = "build") -> Build:
    (path / "school.yaml").write_text(genome)
    compile_genome(path / "school.yaml", path / out, processes, Silent())
    return Build.opened(path / out)


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    return compiled(tmp_path_factory.mktemp("school"), genome_of())


def texts(build: Build, *kinds: str) -> list[str]:
    return [
        build.text(stage.id, span)
        for stage in build.result.stages
        for span in build.spans(stage.id)
        if not kinds or span["kind"] in kinds
    ]


def test_the_same_bytes_again_and_with_several_processes(build: Build, tmp_path: Path) -> None:
    assert files(compiled(tmp_path, genome_of()).folder) == files(build.folder)
    shutil.rmtree(tmp_path / "build")


@pytest.mark.processes
def test_the_same_bytes_with_several_processes(build: Build, tmp_path: Path) -> None:
    assert files(compiled(tmp_path, genome_of(), processes=3).folder) == files(build.folder)


def test_spans_cover_every_token_and_say_what_was_written(build: Build) -> None:
    genome = parse_genome(genome_of(), "school.yaml", build.folder)
    school = School.of(genome, build.folder)
    for stage in genome.stages[:1] + genome.stages[2:3]:
        spans, tokens = list(build.spans(stage.id)), build.tokens(stage.id)
        assert spans[0]["start"] == 0 and spans[-1]["end"] == len(tokens)
        assert all(a["end"] == b["start"] for a, b in pairwise(spans))
        assert all(span["start"] < span["end"] for span in spans)
        row = [
            piece
            for doc, _ in zip(school.readings(stage), range(40), strict=False)
            for piece in doc.pieces
        ]
        read = [span for span in spans if span["kind"] != "scene"]
        for piece, span in zip(row, read, strict=False):
            assert build.text(stage.id, span) == piece.text
            assert tuple(span["facts"]) == piece.facts
    ends = [i for i, token in enumerate(tokens) if token == build.codec.end_id]
    last = [spans[-1]["end"] - 1 for spans in build.documents(stage.id)]
    assert ends == last


def test_budgets_are_kept_and_scenes_have_their_rates(build: Build) -> None:
    genome = parse_genome(genome_of(), "school.yaml", build.folder)
    shares = [*(stage.share for stage in genome.stages), genome.budget.tail]
    for stage, share in zip(build.result.stages, shares, strict=True):
        assert 0 <= stage.tokens - share * 20_000 < 500
    dialogue = next(stage for stage in genome.stages if stage.mismatch)
    spans = list(build.spans(dialogue.id))
    kinds = [span["scene"] for span in spans]
    assert kinds[0] == "mismatch-1" and "mismatch-1" not in kinds[kinds.index("") :]
    for name in dialogue.scenes:
        size = sum(span["end"] - span["start"] for span in spans if span["scene"] == name)
        assert size / spans[-1]["end"] == pytest.approx(genome.scene(name).rate, abs=0.05)
    speakers = {span["role"] for span in spans if span["scene"] == "repair-1"}
    assert speakers == {"teacher", "student", "critic", "reformulator"}


def test_held_out_wordings_are_never_compiled(build: Build) -> None:
    everything = "\n".join(texts(build))
    for relation in WORLD.relations():
        assert any(pattern(wording[:-1]).search(everything) for wording in relation.say)
        for wording in relation.held_out:
            assert not pattern(wording[:-1]).search(everything)


def test_hidden_facts_are_read_and_never_practised(tmp_path: Path) -> None:
    stages = of_world(WORLD)["stages"]
    asked = stages[1]["practice"] | {"hidden_facts": False}
    stages[1] = stages[1] | {"practice": asked}
    build = compiled(tmp_path, genome_of(stages=stages))
    plan = plan_of(build)
    assert plan.hidden
    every = {
        fact for s in build.result.stages for span in build.spans(s.id) for fact in span["facts"]
    }
    assert plan.hidden <= every
    for stage in build.result.stages:
        for span in build.spans(stage.id):
            if span["kind"] != "reading":
                assert not plan.hidden.intersection(span["facts"])
    spoken = " ".join(texts(build, "practice", "scene", "crossref"))
    for sentence in re.findall(r"[^.?]+[.?]", spoken):
        words = set(re.findall(r"\w+", sentence))
        for relation in WORLD.relations():
            for subject, found in WORLD.objects[relation.name].items():
                if f"{relation.name}:{subject}" in plan.hidden:
                    assert not {subject, found} <= words, sentence
    assert build.result.audit.leaks == 0


def test_hidden_facts_are_asked_alone_and_chained_nowhere(build: Build) -> None:
    plan, asked = plan_of(build), set[str]()
    for stage in build.result.stages:
        for span in build.spans(stage.id):
            hidden = plan.hidden.intersection(span["facts"])
            if span["kind"] == "practice" and hidden:
                assert stage.id in ("school", "tail") and len(span["facts"]) == 1
                asked |= hidden
            assert span["kind"] in ("practice", "reading") or not hidden
    assert asked and build.result.audit.leaks == 0


def plan_of(build: Build) -> Plan:
    plan = School.of(parse_genome(genome_of(), "school.yaml", build.folder), build.folder).plan
    assert plan
    return plan


def test_the_audit_finds_a_leak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("litho.text.school.plan.Plan.is_free", lambda self, facts: True)
    build = compiled(tmp_path, genome_of())
    audit = build.result.audit
    assert audit.leaks > 0 and audit.leaked[0].sentence
    assert build.where(audit.leaked[0].sentence).count > 0


def test_a_late_change_leaves_the_bytes_of_earlier_stages(build: Build, tmp_path: Path) -> None:
    stages = of_world(WORLD)["stages"]
    late = stages[3] | {"books": stages[3]["books"][::-1], "practice": None}
    other = compiled(tmp_path, genome_of(stages=[*stages[:3], late, stages[4]]))
    before, after = build.result.stages, other.result.stages
    same = [one.prefix_hash == two.prefix_hash for one, two in zip(before, after, strict=True)]
    assert same == [True, True, True, False, False, False]
    assert before[4].sha256 == after[4].sha256
    for stage in before[:3]:
        folder = Path("stages", stage.id)
        assert files(build.folder / folder) == files(other.folder / folder)


def test_the_order_of_stages_changes_neither_their_bytes_nor_the_tail(
    build: Build, tmp_path: Path
) -> None:
    stages = of_world(WORLD)["stages"]
    other = compiled(tmp_path, genome_of(stages=stages[::-1]))
    assert other.result.audit.multiset == build.result.audit.multiset
    assert {s.sha256 for s in other.result.stages} == {s.sha256 for s in build.result.stages}
    assert other.result.sha256 != build.result.sha256
    first, second = other.result.audit.precedence, build.result.audit.precedence
    assert first is not None and second is not None and first < second == 1


def test_unchanged_stages_are_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = compiled(tmp_path, genome_of())
    kept = files(first.folder)
    made: list[str] = []

    def noted(school: School, codec: Codec, stage: Stage | None, *rest: object) -> None:
        made.append(stage.id if stage else "tail")
        compile_stage(school, codec, stage, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr("litho.jobs.genome.compiler.compile_stage", noted)
    assert files(compiled(tmp_path, genome_of()).folder) == kept and made == []
    stages = of_world(WORLD)["stages"]
    other = genome_of(stages=[*stages[:4], stages[4] | {"books": stages[4]["books"][:1]}])
    compiled(tmp_path, other)
    assert made == ["dialogue", "tail"]
    fresh = compiled(tmp_path, other, out="fresh")
    assert files(fresh.folder) == files(tmp_path / "build")
    assert not list(tmp_path.glob(f"*{PARTIAL}")) and not list(tmp_path.glob(".*"))


def test_what_was_stopped_goes_on_with_finished_stages(build: Build, tmp_path: Path) -> None:
    (tmp_path / "school.yaml").write_text(genome_of())
    events: list[Event] = []
    reporter = Listener(events.append, lambda: bool(events) and events[-1].done == 2)
    with pytest.raises(Interrupted, match="goes on"):
        compile_genome(tmp_path / "school.yaml", tmp_path / "build", 1, reporter)
    assert not (tmp_path / "build").exists()
    half = tmp_path / f"build{PARTIAL}" / "stages" / f".school{WRITING}"  # of a killed process
    half.mkdir()
    (half / "tokens.bin").write_bytes(b"half")
    result = compile_genome(tmp_path / "school.yaml", tmp_path / "build", 1, Silent())
    assert [stage.reused for stage in result.stages] == [True, True] + [False] * 4
    assert files(tmp_path / "build") == files(build.folder)


def test_where_things_come_from(build: Build) -> None:
    whole = sum(stage.tokens for stage in build.result.stages)
    first = build.where("0").places[0]
    assert (first.stage, first.token, first.named) == ("primer", 0, "minerals#names")
    assert build.where(str(whole - 1)).places[0].stage == "tail"
    assert build.where("science:0").places[0].stage == "science"
    spans = list(build.spans("university"))
    for span in spans[:: len(spans) // 20]:
        found = build.where(f"university:{span['end'] - 1}").places[0]
        assert (found.token, found.facts) == (span["start"], tuple(span["facts"]))
        assert found.text in [place.text for place in build.where(found.text).places]
    unknown = build.where("No book   says it")
    assert unknown.count == sum(unknown.sections.values()) and unknown.places[0].scene
    for asked, message in ((str(whole), "only"), ("school:99999999", "only"), ("xyzzy", "holds")):
        with pytest.raises(LithoError, match=message):
            build.where(asked)


def test_books_from_files(tmp_path: Path) -> None:
    (tmp_path / "books").mkdir()
    (tmp_path / "books" / "one.txt").write_text(BOOK)
    (tmp_path / "books" / "two.md").write_text("# A\n\n" + "Red hens lay. " * 30)
    values = of_folder(tmp_path / "books", tmp_path / "school.yaml")
    values["tokenizer"], values["budget"]["tokens"] = {"kind": "bytes"}, 6000
    build = compiled(tmp_path, written(values))
    assert build.result.vocabulary == 257 and build.result.tests["order"] > 0
    found = 0
    for stage in build.result.stages:
        for span in build.spans(stage.id):
            text = read_book(tmp_path / read_book_path(values, span["book"])).text
            source = text[span["source_start"] : span["source_end"]]
            assert build.text(stage.id, span) == source and source.strip() == source
            found += 1
    assert found >= 4
    assert build.where("Of III and 8 it is").places[0].named == "one#chapter-iii"


def genome_of_one(source: str, read: str = "b", **changes: object) -> str:
    """A genome of one book, as bytes, with a tail."""
    stage = {"id": "s", "layer": "school", "share": 0.5, "books": [read]}
    return written(
        {
            "genome": "litho.genome/1",
            "id": "one",
            "seed": 1,
            "tokenizer": {"kind": "bytes"},
            "budget": {"tokens": 3000, "tail": 0.5},
            "library": {"b": {"source": source, **changes}},
            "stages": [stage],
        }
    )


def is_fresh(folder: Path, first: str, then: str) -> bool:
    """Whether a build that is brought up to date is what a new one would be."""
    compiled(folder, first)
    again = files(compiled(folder, then).folder)
    return again == files(compiled(folder, then, out="fresh").folder)


@pytest.mark.parametrize(
    ("source", "first", "then"),
    [
        ("file:one.txt", {}, {"sections": ["chapter-iii"]}),
        ("file:one.txt", {}, {"pattern": "^CHAPTER III?"}),
        ("world:3:2x12x2/plants", {}, {"sections": ["soils", "names"]}),
        ("world:3:2x12x2/plants", {"sections": ["names", "soils"]}, {"sections": ["soils"]}),
    ],
)
def test_other_sections_of_a_book_are_not_taken_over(
    source: str, first: dict[str, Any], then: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "one.txt").write_text(BOOK)
    assert is_fresh(tmp_path, genome_of_one(source, **first), genome_of_one(source, **then))


def test_a_scene_about_sections_in_another_order_is_not_taken_over(tmp_path: Path) -> None:
    one, other = (
        genome_of_one("world:3:2x12x2/plants", "b#names", sections=["names", *order])
        .replace("books: [b#names]", "books: [b#names]\n    scenes: [u]")
        .replace("stages:", "scenes: [{id: u, kind: unknown, book: b, rate: 0.3}]\nstages:")
        for order in (["soils", "shelter"], ["shelter", "soils"])
    )
    assert "scenes: [u]" in one and is_fresh(tmp_path, one, other)


def test_a_reference_to_a_section_with_another_title_is_not_taken_over(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text(BOOK)
    said = "crossrefs: [{id: x, from: b#chapter-ii, to: c#chapter-i, rate: 0.5}]\nstages:"
    (tmp_path / "two.txt").write_text(BOOK.replace("naïveté", "wit"))
    one = genome_of_one("file:one.txt").replace("stages:", said).replace("3000", "9000")
    one = one.replace("library:\n", "library:\n  c: {source: 'file:two.txt'}\n")
    (tmp_path / "three.txt").write_text((tmp_path / "two.txt").read_text())
    assert is_fresh(tmp_path, one, one.replace("two.txt", "three.txt"))


def read_book_path(values: dict[str, object], name: str) -> str:
    library = values["library"]
    assert isinstance(library, dict)
    return str(library[read_of(name).book]["source"]).removeprefix("file:")


def test_the_tail_is_the_same_however_many_are_made_together(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    genome = parse_genome(genome_of(), "school.yaml", build.folder)
    school = School.of(genome, build.folder)
    together = list(islice(school.tail(), 60))
    monkeypatch.setattr("litho.text.school.stages.BLOCK", 1)
    monkeypatch.setattr("litho.text.school.stages.LARGEST_BLOCK", 1)
    assert list(islice(school.tail(), 60)) == together


def test_the_tail_reads_each_book_once_for_many_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "books").mkdir()
    for number in range(12):
        (tmp_path / "books" / f"{number}.txt").write_text(f"{number} {BOOK}")
    text = written(of_folder(tmp_path / "books", tmp_path / "school.yaml"))
    school = School.of(parse_genome(text, "school.yaml", tmp_path), tmp_path)
    read: list[Path] = []

    def counted(path: Path) -> Extract:
        read.append(path)
        return extract(path)

    monkeypatch.setattr(books, "extract", counted)
    books._read.cache_clear()
    blocks = 3  # of 16, 32 and 64 pages
    assert len(list(islice(school.tail(), 16 + 32 + 64))) == 112
    assert len(read) <= blocks * 12


def test_the_tokenizer_of_an_earlier_build(build: Build, tmp_path: Path) -> None:
    kept = {"kind": "model", "model": str(build.folder)}
    other = compiled(tmp_path, genome_of(tokenizer=kept))
    assert [s.sha256 for s in other.result.stages] == [s.sha256 for s in build.result.stages]


def test_the_tokenizer_loads_in_transformers_and_writes_any_text(build: Build) -> None:
    from transformers import AutoTokenizer

    theirs = AutoTokenizer.from_pretrained(build.folder / "tokenizer")
    for text in ("Of plants: soils.", "Ünïcode 語 🙂", f"a {build.codec._end} b"):
        (encoded,) = build.codec.encode([text])
        assert build.codec.decode(encoded.ids) == text
        assert build.codec.end_id not in encoded.ids
    assert (
        theirs("Of plants: soils.")["input_ids"] == build.codec.encode(["Of plants: soils."])[0].ids
    )
    assert theirs.eos_token_id == build.codec.end_id


def test_the_files_are_those_of_the_page(build: Build) -> None:
    said = json.loads((build.folder / "build.json").read_text())
    assert CompileResult(build=str(build.folder), **said) == build.result
    order = np.load(build.folder / "stages" / "school" / "order.npy")
    assert order.tolist() == list(range(build.result.stages[1].documents))
    page = (Path(__file__).parents[3] / "docs" / "genome.md").read_text()
    for name in files(build.folder / "stages" / "school"):
        assert f"stages/ID/{name}" in page


def test_check_says_how_often_each_book_is_read(build: Build, tmp_path: Path) -> None:
    (tmp_path / "school.yaml").write_text(genome_of())
    result = check_genome(tmp_path / "school.yaml")
    spans = list(build.spans("school"))
    titles = [s for s in spans if build.text("school", s).startswith("Of minerals: colours.")]
    assert result.stages[1].passes == pytest.approx(len(titles), abs=1.5)
    assert set(result.repeats) == {"minerals", "plants"} and not result.violations


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda out: out.mkdir(), "is no build"),
        (lambda out: out.write_text("mine"), "is no build"),
    ],
)
def test_what_is_there_is_not_overwritten(
    tmp_path: Path, prepare: Callable[[Path], object], message: str
) -> None:
    prepare(tmp_path / "build")
    with pytest.raises(LithoError, match=message):
        compiled(tmp_path, genome_of())
    assert not list(tmp_path.glob(f"*{PARTIAL}"))


def test_a_disk_that_is_too_small(tmp_path: Path) -> None:
    with pytest.raises(LithoError, match=r"GB are free: lower budget.tokens"):
        compiled(tmp_path, genome_of(10**13))
    assert [path.name for path in tmp_path.iterdir()] == ["school.yaml"]


def test_a_library_that_is_too_small_for_the_vocabulary(tmp_path: Path) -> None:
    with pytest.raises(LithoError, match=r"set tokenizer.vocab to \d+ at most"):
        compiled(tmp_path, genome_of(tokenizer={"kind": "bpe", "vocab": 60_000}))
    assert [path.name for path in tmp_path.iterdir()] == ["school.yaml"]


def test_what_no_stage_reads_is_said(tmp_path: Path) -> None:
    stages = of_world(WORLD)["stages"]
    (tmp_path / "school.yaml").write_text(genome_of(stages=stages[:2]).replace("0.2\n", "0.8\n"))
    (said,) = [n for n in check_genome(tmp_path / "school.yaml").notices if "no stage reads" in n]
    assert "minerals#rules" in said and "and 2 more" in said
    (tmp_path / "school.yaml").write_text(genome_of(600_000))
    assert not any("no stage" in n for n in check_genome(tmp_path / "school.yaml").notices)
