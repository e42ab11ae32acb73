"""A genome in another order: what is said at once is what compiling both would show."""

from itertools import takewhile
from pathlib import Path

import pytest
import yaml

from litho.core.errors import LithoError
from litho.jobs.genome.arranged import StageOrder, arranged
from litho.text.school.genome import parse_genome
from tests.jobs.genome.test_compiler import compiled, genome_of

WRITTEN = genome_of(8_000)


def order_of(written: str) -> list[StageOrder]:
    stages = yaml.safe_load(written)["stages"]
    return [StageOrder(id=each["id"], books=each["books"]) for each in stages]


def with_books(order: list[StageOrder], number: int, *books: str) -> list[StageOrder]:
    return [
        each if n != number else StageOrder(id=each.id, books=books) for n, each in enumerate(order)
    ]


def test_what_is_trained_again_is_what_compiles_to_other_bytes(tmp_path: Path) -> None:
    order = order_of(WRITTEN)
    moved = with_books(order, 3, *reversed(order[3].books))
    swapped = [order[0], order[2], order[1], *order[3:]]
    dropped = with_books(order, 1, *order[1].books[1:])
    before = compiled(tmp_path, WRITTEN).result.stages
    for number, new in enumerate((order, moved, swapped, dropped)):
        told, written = arranged(WRITTEN, "school.yaml", tmp_path, new)
        assert not told.faults
        after = compiled(tmp_path, written, out=f"build-{number}").result.stages
        same = takewhile(
            lambda pair: pair[0].prefix_hash == pair[1].prefix_hash,
            zip(before, after, strict=True),
        )
        assert list(told.again) == [stage.id for stage in after[len(list(same)) :]]
        assert (told.changes == ()) is (new is order)


def test_the_new_genome_is_the_old_one_but_for_its_order(tmp_path: Path) -> None:
    order = order_of(WRITTEN)
    new = [order[1], order[0], *order[2:]]
    told, written = arranged(WRITTEN, "school.yaml", tmp_path, new)
    old, made = (parse_genome(each, "x", tmp_path) for each in (WRITTEN, written))
    assert [stage.id for stage in made.stages] == [each.id for each in new]
    assert made.model_copy(update={"stages": ()}) == old.model_copy(update={"stages": ()})
    assert set(made.stages) == set(old.stages)
    assert len(told.violations) > len(arranged(WRITTEN, "x", tmp_path, order)[0].violations)


def test_what_is_at_fault_is_said_with_its_stage(tmp_path: Path) -> None:
    order = order_of(WRITTEN)
    for books, said in (((), "at least 1"), (("nothing",), "no book"), (("a b c",), "is no book")):
        told, _ = arranged(WRITTEN, "school.yaml", tmp_path, with_books(order, 2, *books))
        assert told.faults[0].stage == order[2].id and said in told.faults[0].said, books
        assert told.again == ()
    for wrong in (order[1:], [*order, order[0]], []):
        with pytest.raises(LithoError, match="each of the stages once"):
            arranged(WRITTEN, "school.yaml", tmp_path, wrong)
