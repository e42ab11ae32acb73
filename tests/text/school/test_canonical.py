"""Genomes written again, and into other folders."""

from pathlib import Path
from typing import Any

import yaml

from litho.text.school.canonical import relocated, rewritten
from litho.text.school.genome import Genome, parse_genome
from litho.text.school.shelf import open_shelf

GENOME: dict[str, Any] = {
    "genome": "litho.genome/1",
    "id": "books",
    "seed": 1,
    "budget": {"tokens": 1000, "tail": 0.5},
    "library": {
        "primer": {"source": "file:texts/primer.txt"},
        "plants": {"source": "world:3:2x12x2/plants"},
    },
    "stages": [{"id": "s", "layer": "school", "share": 0.5, "books": ["primer"]}],
    "tests": {"n": 2, "twin": None},
}


def read(folder: Path, genome: str) -> Genome:
    return parse_genome(genome, "genome.yaml", folder)


def test_a_genome_moves_with_its_files(tmp_path: Path) -> None:
    (tmp_path / "home" / "texts").mkdir(parents=True)
    (tmp_path / "home" / "texts" / "primer.txt").write_text("The cat sat on the mat. " * 40)
    (tmp_path / "home" / "old").mkdir()
    given = read(tmp_path / "home", yaml.safe_dump(GENOME))
    going = given.model_copy(update={"start": "old"})
    to = tmp_path / "runs" / "one"
    to.mkdir(parents=True)
    moved = read(to, rewritten(relocated(given, tmp_path / "home", to)))
    before = {name: book.digest for name, book in open_shelf(given, tmp_path / "home").items()}
    assert {name: book.digest for name, book in open_shelf(moved, to).items()} == before
    assert (to / (relocated(going, tmp_path / "home", to).start or "")).resolve() == (
        tmp_path / "home" / "old"
    )


def test_a_genome_of_a_hub_model_or_elsewhere_stays_as_it_is(tmp_path: Path) -> None:
    elsewhere = f"file:{tmp_path / 'primer.txt'}"
    library = {**GENOME["library"], "primer": {"source": elsewhere}}
    given = Genome.model_validate(GENOME | {"library": library, "start": "someone/model"})
    moved = relocated(given, tmp_path / "home", tmp_path / "runs")
    assert moved.start == "someone/model" and moved.library["primer"].source == elsewhere


def test_what_was_left_out_or_refused_is_so_again() -> None:
    given = Genome.model_validate(GENOME)
    said = yaml.safe_load(rewritten(given))
    assert Genome.model_validate(said) == given
    assert said["tests"]["twin"] is None and "start" not in said
