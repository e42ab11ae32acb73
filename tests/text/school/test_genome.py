"""Genomes: what is refused, with line and field; the canonical ones; differences in words."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from litho.core.errors import LithoError
from litho.text.school.canonical import layers_in, of_folder, of_world, written
from litho.text.school.changes import changes
from litho.text.school.genome import Genome, parse_genome, read_of
from litho.text.school.world import World

GENOME = """\
genome: litho.genome/1
id: tiny
seed: 1
budget: {tokens: 10000, tail: 0.1}
library:
  minerals: {source: 'world:3:2x12x2/minerals'}
  plants: {source: 'world:3:2x12x2/plants'}
stages:
  - id: primer
    layer: lexicon
    share: 0.4
    books: [minerals#names, plants#soils x2]
  - id: science
    layer: science
    share: 0.5
    books: [minerals, plants]
    practice: {per_fact: 0.1}
    scenes: [sc1]
gaps:
  - {id: gp1, between: [plants#soils, minerals#colours], bridge: others}
crossrefs:
  - {id: xr1, from: plants#soils, to: minerals#colours}
scenes:
  - {id: sc1, kind: conflict, book: minerals}
tests: {n: 10}
"""


def parsed(text: str, folder: Path = Path()) -> Genome:
    return parse_genome(text, "school.yaml", folder)


def test_the_example_is_sound() -> None:
    genome = parsed(GENOME)
    assert genome.crossrefs[0].from_ == "plants#soils" and genome.budget.tokens == 10_000
    assert read_of("plants#soils x2") == ("plants", "soils", 2) and read_of("a") == ("a", None, 1)


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("id: tiny", "id: tiny\nspeed: 3", 3, "speed: unknown key"),
        ("id: tiny", "id: 'a b'", 2, "id: string should match pattern"),
        ("seed: 1", "seed: yes", 3, "seed: input should be a valid integer"),
        ("tail: 0.1", "tail: 0.2", 9, "stages: shares (0.9) and budget.tail (0.2) make 1.1"),
        ("tokens: 10000", "tokens: 10", 4, "budget.tokens: input should be greater"),
        ("/minerals'", "/metals'", 6, "library.minerals.source: there is no science 'metals'"),
        ("/minerals'", "'", 6, "library.minerals.source: 'world:3:2x12x2' is no book of a world"),
        ("3:2x12x2/plants", "4:2x12x2/plants", 7, "library.plants.source: is of another world"),
        ("3:2x12x2/plants", "3:2x12x2:fluent/plants", 7, "is of another world, or of a twin"),
        ("3:2x12x2/plants", "3:2x12x2/minerals", 7, "has the same content as 'minerals'"),
        ("3:2x12x2/plants", "3:9x12x2/plants", 7, "a world has 2 to 6 sciences, not 9"),
        ("world:3:2x12x2/plants", "web:plants", 7, "with none of 'world:', 'file:' and 'plugin:'"),
        ("world:3:2x12x2/plants", "file:none.txt", 7, "none.txt cannot be read"),
        ("plants: {", "plants: {sections: [soils, seas], ", 7, "it has no section 'seas', but"),
        ("plants: {", "plants: {sections: [], ", 7, "library.plants.sections: is empty: name some"),
        ("plants: {", "plants: {pattern: X, ", 7, "takes neither pattern nor sha256"),
        ("id: primer", "id: tail", 9, "stages[0].id: 'tail' is taken"),
        ("id: science", "id: primer", 13, "stages[1].id: 'primer' is taken"),
        ("layer: lexicon", "layer: nursery", 10, "stages[0].layer: input should be"),
        ("plants#soils x2", "plants#soils x0", 12, "stages[0].books[1]: 'plants#soils x0' is no"),
        ("plants#soils x2", "trees#soils", 12, "stages[0].books[1]: there is no book 'trees'"),
        ("plants#soils x2", "plants#seas", 12, "'plants' has no section 'seas', but names, soils"),
        ("[minerals, plants]", "[minerals#names]", 17, "stages[1].practice: there is nothing"),
        ("scenes: [sc1]", "scenes: [sc2]", 18, "stages[1].scenes[0]: there is no scene 'sc2'"),
        ("scenes: [sc1]", "mismatch: {scenes: [sc1]}", 18, "is of kind 'conflict', not mismatch"),
        (", bridge: others", "", 22, "crossrefs[0]: bridges gap 'gp1'"),
        ("plants#soils, minerals#c", "plants#names, minerals#c", 20, "no fact of the one leads to"),
        ("plants#soils, minerals#c", "plants, minerals#c", 20, "'plants' is no section"),
        ("to: minerals#colours", "to: minerals#seas", 22, "crossrefs[0].to: 'minerals' has no"),
        ("to: minerals#colours}", "to: minerals#colours}\n  - {id: xr2, from: minerals#colours, "
         "to: plants#soils}", 22, "crossrefs: each should be read before the next, in a ring"),
        ("book: minerals}", "book: minerals#names}", 24, "scenes[0].book: tells of no relation"),
        ("book: minerals}", "book: trees}", 24, "scenes[0].book: there is no book 'trees'"),
        ("book: minerals}", "rate: 0.1}", 24, "a scene of kind 'conflict' needs a book of a world"),
        ("book: minerals}", "book: minerals, rate: 0.6}", 24, "scenes[0].rate: input should be"),
        ("book: minerals}", "book: minerals, roles: [a]}", 24, "scenes[0].roles: has to name four"),
        ("book: minerals}", "book: minerals, roles: [a, d.w, c, d]}", 24, "scenes[0].roles[1]: s"),
        ("book: minerals}", "book: minerals, roles: [a, Base, c, d]}", 24, "of its own 'base'"),
        ("conflict, book: minerals}", "text, text: 'Single. Hm.'}", 24, "of its own 'single'"),
        ("book: minerals}", "book: minerals, text: 'A. B.'}", 24, "scenes[0].text: belongs to"),
        ("conflict, book: minerals}", "mismatch, book: minerals, trigger: {relation: colour}}", 24,
         "scenes[0].trigger: belongs to kind 'conflict'"),
        ("conflict, book: minerals}", "repair, book: minerals#colours}", 24, "no open bridge"),
        ("conflict, book: minerals}", "text, text: 'No speaker here'}", 24, "is no line such as"),
        ("tokens: 10000", "tokens: 1e4", 4, "a whole number belongs here, not '1e4': write it as"),
        ("tests: {n: 10}", "tokenizer: {kind: model}", 25, "tokenizer.model: belongs to kind"),
        ("tests: {n: 10}", "start: x", 25, "start: needs its own tokenizer"),
        ("tests: {n: 10}", "model: {heads: 4, d: 20}", 25, "model.d: has to be a multiple of 8"),
        ("tests: {n: 10}", "model: {arch: gpt}", 25, "model.arch: input should be 'llama'"),
        ("tests: {n: 10}", "model: {layers: 0}", 25, "model.layers: input should be greater"),
        ("tests: {n: 10}", "train: {schedule: cosine}", 25, "train.schedule: input should be"),
        ("tests: {n: 10}", "train: {peak_lr: fast}", 25, "train.peak_lr: input should be a valid"),
        ("tests: {n: 10}", "train: {average: {last: 0}}", 25, "train.average.last: input should"),
        ("tests: {n: 10}", "train: {seq: 512, batch_tokens: 500}", 25,
         "train.batch_tokens: holds no row of 512 tokens"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_line_and_field(
    old: str, new: str, line: int, said: str
) -> None:
    assert GENOME.count(old) == 1
    with pytest.raises(LithoError) as caught:
        parsed(GENOME.replace(old, new))
    assert said in str(caught.value) and f"school.yaml, line {line}: " in str(caught.value)


def test_a_model_is_new_or_goes_on() -> None:
    both = "tokenizer: {kind: model, model: x}\nstart: x\nmodel: {d: 64}"
    with pytest.raises(LithoError, match="line 26: start: a model that goes on keeps its shape"):
        parsed(GENOME.replace("tests: {n: 10}", both))


def test_rates_of_scenes_have_a_bound() -> None:
    scenes = "".join(
        f"  - {{id: s{n}, kind: conflict, book: minerals, rate: 0.3}}\n" for n in range(2)
    )
    text = GENOME.replace("scenes: [sc1]", "scenes: [s0, s1]").replace("tests:", scenes + "tests:")
    with pytest.raises(LithoError, match=r"line 18: stages\[1\].scenes: their rates make 0.6"):
        parsed(text)


def test_a_written_scene_that_says_what_a_gap_hides_is_named() -> None:
    world = World(3, 2, 12)
    plant = next(p for p in world.things["plant"] if p in world.reserved)
    mineral = world.objects["grows_on"][plant]
    hue = world.objects["colour"][mineral]
    kept = next(p for p in world.things["plant"] if p not in world.reserved)
    for one, other, leaks in (
        (plant, mineral, True),
        (plant, hue, True),
        (mineral, hue, True),
        (kept, world.objects["grows_on"][kept], False),
        (kept, mineral, False),
    ):
        scene = f"kind: text, text: 'Teacher. Hm. I met the {one} near {other} once. So what?'"
        text = GENOME.replace("kind: conflict, book: minerals", scene)
        if leaks:
            with pytest.raises(LithoError, match=rf"'I met the {one} near {other} once.'"):
                parsed(text)
        else:
            parsed(text)


@pytest.mark.parametrize("text", ["", "[1, 2]", "a: [", "genome: litho.genome/2\n", "- \x00"])
def test_what_is_no_genome(text: str) -> None:
    with pytest.raises(LithoError, match=r"school\.yaml"):
        parsed(text)


@pytest.mark.parametrize("size", [(2, 12, 2), (3, 12, 1), (4, 12, 2), (5, 15, 2), (6, 20, 2)])
@pytest.mark.parametrize("seed", [5, 17])  # world 17 of 12 things has one bridge without repair
def test_canonical_genomes_are_sound(size: tuple[int, int, int], seed: int) -> None:
    genome = parsed(written(of_world(World(seed, *size))))
    assert [stage.layer for stage in genome.stages][::4] == ["lexicon", "dialogue"]
    assert {gap.level for gap in genome.gaps} <= {"L2", "L3"} and genome.tests


def test_a_canonical_genome_of_a_folder(tmp_path: Path) -> None:
    for name in ("1-easy/a b.txt", "1-easy/a.txt", "2-hard/a.txt", "2-hard/b.md"):
        path = tmp_path / "books" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"The book {name} is short. " * 40)
    values = of_folder(tmp_path / "books", tmp_path / "school.yaml")
    genome = parsed(written(values), tmp_path)
    assert [stage.books for stage in genome.stages] == [("a-b", "a"), ("a-2", "b")]
    assert [stage.layer for stage in genome.stages] == ["lexicon", "school"]
    (tmp_path / "books" / "c.txt").write_text("Alone. " * 40)
    assert layers_in(tmp_path / "books")[1] == [tmp_path / "books" / "c.txt"]
    flat = of_folder(tmp_path / "books" / "2-hard", tmp_path / "school.yaml")
    assert [stage["books"] for stage in flat["stages"]] == [["a"], ["b"]]
    for folder, said in (
        (tmp_path / "none", "no folder"),
        (tmp_path / "books" / "x", "has no books: put some there"),
    ):
        if said != "no folder":
            folder.mkdir()
        with pytest.raises(LithoError, match=said):
            of_folder(folder, tmp_path / "school.yaml")


def test_a_tiny_book_beside_a_large_one_is_read(tmp_path: Path) -> None:
    for name, text in (("1/poem", "A hen. "), ("2/novel", "Red hens lay eggs.\n" * 100_000)):
        path = tmp_path / "books" / f"{name}.txt"
        path.parent.mkdir(parents=True)
        path.write_text(text)
    genome = parsed(written(of_folder(tmp_path / "books", tmp_path / "school.yaml")), tmp_path)
    assert [stage.share for stage in genome.stages] == [0.0001, 0.8999]


def test_a_book_twice_under_two_names_or_with_another_content(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Red hens lay eggs. " * 20)
    (tmp_path / "b.txt").write_text("red hens\n\nlay   eggs. " * 20)
    values: dict[str, Any] = {
        "genome": "litho.genome/1",
        "id": "two",
        "seed": 1,
        "budget": {"tokens": 1000, "tail": 0},
        "library": {"a": {"source": "file:a.txt"}, "b": {"source": "file:b.txt"}},
        "stages": [{"id": "s", "layer": "school", "share": 1, "books": ["a"]}],
    }
    with pytest.raises(LithoError, match=r"library.b.source: has the same content as 'a'"):
        parsed(yaml.safe_dump(values), tmp_path)
    values["library"] = {"a": {"source": "file:a.txt", "sha256": "0" * 64}}
    with pytest.raises(LithoError, match=r"library.a.sha256: .* has another content by now"):
        parsed(yaml.safe_dump(values), tmp_path)
    values["library"] = {"a": {"source": "file:a.txt"}}
    assert parsed(yaml.safe_dump(values | {"tests": {"n": 3}}), tmp_path).tests
    gap = {"id": "g", "between": ["a#all", "a#all"]}
    with pytest.raises(LithoError, match=r"level: L3 hides facts"):
        parsed(yaml.safe_dump(values | {"gaps": [gap]}), tmp_path)


def test_differences_in_words() -> None:
    one = parsed(GENOME)
    assert list(changes(one, one)) == []
    other = parsed(
        GENOME.replace("tokens: 10000", "tokens: 20000")
        .replace("plants#soils x2", "plants#soils x3, plants#names")
        .replace("per_fact: 0.1", "per_fact: 0.2, hops: 1")
        .replace("sc1", "sc9")
    )
    assert list(changes(one, other)) == [
        "budget.tokens: 10000 → 20000",
        "stages: primer: books: plants#soils x2 → plants#soils x3, plants#names",
        "stages: science: practice.hops: 2 → 1",
        "stages: science: practice.per_fact: 0.1 → 0.2",
        "stages: science: scenes: [sc1] → [sc9]",
        "scenes: sc1 is gone",
        "scenes: sc9 is new, in place 1",
    ]
    swapped = one.model_copy(update={"stages": one.stages[::-1]})
    assert list(changes(one, swapped)) == [
        "stages: in the order science, primer instead of primer, science"
    ]
