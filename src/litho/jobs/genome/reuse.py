"""What a compiled stage depends on, and how one that is there already is taken over."""

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from litho.core.files import whole_folder
from litho.jobs.genome.stage import STAGE
from litho.text.school.genome import Stage, read_of
from litho.text.school.plan import sections_read
from litho.text.school.shelf import WORDING
from litho.text.school.stages import School

FORMAT = 3  # changes with every change of what a stage's files hold


def stage_key(school: School, tokenizer: str, stage: Stage | None, tokens: int) -> str:
    """A hash of everything that the bytes of a stage, or of the tail, depend on.

    `tokenizer`: the hash of it.
    """
    genome = school.genome
    stages = [stage] if stage else sorted(genome.stages, key=lambda each: each.id)
    shelf, read = school.shelf, [sections_read(each, school.shelf) for each in stages]
    sections = {f"{book}#{section}" for some in read for book, section in some}
    references = [r for r in genome.crossrefs if r.from_ in sections]
    cited = [read_of(reference.to) for reference in references]
    scenes = {name for each in stages for name in each.played}
    books = {read_of(written).book for each in stages for written in each.books}
    books |= {to.book for to in cited}
    plan = school.plan
    bridged = references or scenes or any(each.practice for each in stages)
    parts = {
        "format": [FORMAT, WORDING],
        "seed": genome.seed,
        "tokenizer": tokenizer,
        "tokens": tokens,
        "tail": stage is None,
        "stages": [each.model_dump(exclude={"share", "gate"}) for each in stages],
        "books": sorted([name, shelf[name].digest] for name in books),
        "read": [[[b, s, shelf[b].edges(s)] for b, s in some] for some in read],
        "references": [reference.model_dump() for reference in references],
        "cited": [shelf[to.book].title(to.section or "") for to in cited],
        "scenes": [genome.scene(name).model_dump() for name in sorted(scenes)],
        "plan": [list(plan.places.items()), sorted(plan.hidden), sorted(map(sorted, plan.closed))]
        if plan and bridged
        else None,
        "world": plan.world.source if plan and bridged else None,
    }
    if genome.loss and any(genome.scene(name).kind == "repair" for name in scenes):
        loop = genome.loss.model_dump(include={"attempts", "right"})
        parts["loop"] = loop | {"own": dict(school.attempts)}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def taken_over(old: Path, new: Path, key: str) -> bool:
    """Whether a stage with this key is in the folder `new` now, made earlier or taken over."""
    if key_in(new) == key:
        return True
    shutil.rmtree(new, ignore_errors=True)
    if key_in(old) != key:
        return False
    with whole_folder(new) as half:
        shutil.copytree(old, half, copy_function=_linked, dirs_exist_ok=True)
    return True


def _linked(old: str, new: str) -> None:
    try:
        os.link(old, new)
    except OSError:  # a file system without links
        shutil.copyfile(old, new)


def key_in(stage: Path) -> str | None:
    """The key of a compiled stage; None if there is no whole one."""
    try:
        return str(said_of(stage)["made_from"])
    except (OSError, ValueError, KeyError):
        return None


def said_of(stage: Path) -> dict[str, Any]:
    """What a compiled stage says of itself."""
    return json.loads((stage / STAGE).read_text(encoding="utf-8"))
