"""A genome whose readings are put into another order, and what follows from that, at once."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from litho.core.errors import LithoError
from litho.core.records import Record
from litho.jobs.genome.compiler import stage_tokens
from litho.jobs.genome.reuse import stage_key
from litho.text.school.canonical import written as as_yaml
from litho.text.school.changes import changes
from litho.text.school.check import faults
from litho.text.school.genome import Genome, parse_genome
from litho.text.school.precedence import violations
from litho.text.school.stages import School

MOST_FAULTS = 20


class StageOrder(Record):
    """A stage in its new place, with what it reads there."""

    id: str
    books: tuple[str, ...]


class Fault(Record):
    """What is wrong, and in which stage; none: in none alone."""

    stage: str | None
    said: str


class Arranged(Record):
    """What a new order means beside the old one."""

    faults: tuple[Fault, ...]  # a genome with one of them cannot be used
    violations: tuple[tuple[str, str], ...]  # the first should be read before the second
    changes: tuple[str, ...]
    again: tuple[str, ...]  # stages that a school would train although it has trained the old one


def arranged(
    written: str, source: str, folder: Path, order: Sequence[StageOrder]
) -> tuple[Arranged, str]:
    """What follows from an order of all stages, and the genome in it as YAML.

    Raises LithoError if the genome as it was written is at fault, or the order is not of its
    stages.
    """
    old = parse_genome(written, source, folder)
    values = _ordered(yaml.safe_load(written), order)
    try:
        new = Genome(**values)
    except ValidationError as error:
        item = error.errors()[0]
        fault = Fault(stage=_stage_at(values, item["loc"]), said=item["msg"].lower())
        return Arranged(faults=(fault,), violations=(), changes=(), again=()), as_yaml(values)
    found = tuple(
        Fault(stage=_stage_at(values, place), said=said)
        for place, said in islice(faults(new, folder), MOST_FAULTS)
    )
    told = Arranged(faults=found, violations=(), changes=tuple(changes(old, new)), again=())
    if not found:
        school = School.of(new, folder)
        broken = tuple(violations(new, school.shelf)[0])
        again = tuple(trained_again(School.of(old, folder), school))
        told = told.model_copy(update={"violations": broken, "again": again})
    return told, as_yaml(values)


def trained_again(old: School, new: School) -> Iterator[str]:
    """Stages of a new genome that find no checkpoint of a school of the old one.

    A checkpoint is of a stage and all before it. Both genomes have the same tokenizer.
    """
    before, after = (list(_keys(school)) for school in (old, new))
    same = sum(1 for _ in _common(before, after))
    yield from (name for name, _ in after[same:])


def _keys(school: School) -> Iterator[tuple[str, str]]:
    by_id = {stage.id: stage for stage in school.genome.stages}
    for name, tokens in stage_tokens(school.genome).items():
        yield name, stage_key(school, "", by_id.get(name), tokens)


def _common(before: list[tuple[str, str]], after: list[tuple[str, str]]) -> Iterator[str]:
    for one, other in zip(before, after, strict=False):
        if one != other:
            return
        yield one[0]


def _ordered(values: Mapping[str, Any], order: Sequence[StageOrder]) -> dict[str, Any]:
    stages = {str(stage["id"]): stage for stage in values["stages"]}
    if sorted(stages) != sorted(each.id for each in order):
        raise LithoError(f"an order has to name each of the stages once: {', '.join(stages)}")
    moved = [{**stages[each.id], "books": list(each.books)} for each in order]
    return {**values, "stages": moved}


def _stage_at(values: Mapping[str, Any], place: Sequence[str | int]) -> str | None:
    match place:
        case ("stages", int(number), *_):
            return str(values["stages"][number]["id"])
    return None
