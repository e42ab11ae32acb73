"""Canonical genomes: five layers of a world, or of a folder of books, to start from."""

import os
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from litho.core.errors import LithoError
from litho.text.school.books import read_book
from litho.text.school.formats import SUFFIXES
from litho.text.school.genome import LAYERS, Genome, Scene
from litho.text.school.loops import repairable
from litho.text.school.pages import CALENDAR, HARDNESS, NAMES, RULES, SURVEYS, WEIGHTS
from litho.text.school.plan import Plan
from litho.text.school.scenes import relations_of
from litho.text.school.shelf import open_shelf
from litho.text.school.training import Model, Train
from litho.text.school.world import World

TAIL = 0.1
LEAST = 0.0001  # share of a stage, however small its books are
# A fact that leads from one thing to another is read, asked or used about 110 times or more.
TOKENS = 6_600_000
QUESTIONS = 400  # of a kind, at most
# Who never repeats a thing behind a question answers about another one: see results/bridging.md.
_ASKED = {"hops": 1, "per_fact": 0.5, "form": "restated", "hidden_facts": True}
_SHARES = (0.1, 0.2, 0.25, 0.25, 0.1)
_STAGES = dict(zip(LAYERS, ("primer", "school", "university", "science", "dialogue"), strict=True))


def of_world(world: World, tokens: int = TOKENS) -> dict[str, Any]:
    """A genome of all sciences of a world."""
    names = [science.name for science in world.sciences]
    places = {r.name: f"{r.science}#{r.section}" for r in world.relations()}
    across = [
        [places[bridge.first.name], places[bridge.second.name]]
        for bridge in world.bridges()
        if not bridge.inside
    ]
    open_ = [between for number, between in enumerate(across) if number % 3 != 1]
    first, last = open_[0]
    genome = {
        "genome": "litho.genome/1",
        "id": f"world-{world.seed}",
        "seed": world.seed,
        "tokenizer": {"kind": "bpe", "vocab": 1024},
        "model": Model().model_dump(),
        "train": Train().model_dump(exclude_none=True),
        "budget": {"tokens": tokens, "tail": TAIL},
        "library": {name: {"source": f"{_source(world)}/{name}"} for name in names},
        "stages": [
            {"id": _STAGES[layer], "layer": layer, "share": share, **stage}
            for layer, share, stage in zip(
                LAYERS, _SHARES, _stages(world, list(places.values())), strict=True
            )
        ],
        "gaps": [{"id": f"gap-{number}", **gap} for number, gap in enumerate(_gaps(across), 1)],
        "crossrefs": [
            {"id": "reference-1", "from": first, "to": last, "kind": "cite", "rate": 0.1}
        ],
        "scenes": [
            *({"id": f"conflict-{n}", "kind": "conflict", "book": n, "rate": 0.02} for n in names),
            {"id": "mismatch-1", "kind": "mismatch", "book": names[1], "rate": 0.05},
            *({"id": f"unknown-{n}", "kind": "unknown", "book": n, "rate": 0.03} for n in names),
        ],
        "tests": {"n": QUESTIONS, "twin": "counterfactual"},
    }
    _add_repair(genome, [one for one, _ in open_])
    return genome


def _add_repair(genome: dict[str, Any], sections: list[str]) -> None:
    """A scene over the first bridge over which an attempt can go wrong; small worlds have none."""
    known = Genome(**genome)
    shelf = open_shelf(known, Path())
    plan = Plan.of(known, shelf)
    for section in sections:
        scene = Scene(id="repair-1", kind="repair", book=section, rate=0.1)
        if plan and any(repairable(plan, each) for each in relations_of(scene, shelf)):
            behind = len(shelf) + 1  # scenes of conflicts and mismatches
            said = scene.model_dump(include={"id", "kind", "book", "rate"})
            genome["scenes"].insert(behind, said)
            genome["stages"][-1]["scenes"].insert(0, scene.id)
            return


def _stages(world: World, relations: list[str]) -> list[dict[str, Any]]:
    """What each layer reads, practises and plays."""
    names = [science.name for science in world.sciences]
    measures = [f"minerals#{section} x4" for section in (HARDNESS, WEIGHTS, CALENDAR)]
    inside = any(bridge.inside for bridge in world.bridges())
    return [
        {"books": [f"{name}#{NAMES}" for name in names]},
        {"books": relations, "practice": _ASKED},
        {
            "books": [*relations, *(f"{name}#{RULES} x3" for name in names), *measures],
            **(_practice(within_book=True, per_fact=0.5) if inside else {}),
        },
        {
            "books": [*relations, *(f"{name}#{SURVEYS} x4" for name in names)],
            **_practice(within_book=False, per_fact=0.5),
            "scenes": [f"conflict-{name}" for name in names],
        },
        {
            "books": relations,
            "mismatch": {"scenes": ["mismatch-1"], "before": True},
            "scenes": [f"unknown-{name}" for name in names],
        },
    ]


def _gaps(across: list[list[str]]) -> Iterator[dict[str, Any]]:
    """Of three bridges one hides facts, one is closed, and one is left to be practised."""
    for number, between in enumerate(across):
        if number % 3 == 0:
            yield {"level": "L3", "between": between, "bridge": "others"}
        elif number % 3 == 1:
            yield {"level": "L2", "between": between}


def _practice(*, within_book: bool, per_fact: float) -> dict[str, Any]:
    practice = {"hops": 2, "within_book": within_book, "per_fact": per_fact, "form": "restated"}
    return {"practice": practice}


def of_folder(folder: Path, genome: Path) -> dict[str, Any]:
    """A genome of the books below a folder, see `layers_in`; each is read about once.

    `genome`: where it will be written, from where files are named. Raises LithoError if a book
    cannot be read, or there are none.
    """
    layers, _ = layers_in(folder)
    twice = copies(layers)
    layers = [some for layer in layers if (some := [path for path in layer if path not in twice])]
    library: dict[str, dict[str, str]] = {}
    sizes, stages = [], []
    for layer, paths in zip(LAYERS, layers, strict=False):
        names, size = [], 0
        for path in paths:
            book = read_book(path)
            name = _free_name(path, library)
            library[name] = {"source": f"file:{_from(path, genome)}", "sha256": book.sha256}
            names.append(name)
            size += len(book.text.encode())
        sizes.append(size)
        stages.append({"id": _STAGES[layer], "layer": layer, "share": 0.0, "books": names})
    for stage, size in zip(stages, sizes, strict=True):
        stage["share"] = max(LEAST, round((1 - TAIL) * size / sum(sizes), 4))
    largest = max(stages, key=lambda stage: float(str(stage["share"])))
    others = sum(float(str(stage["share"])) for stage in stages if stage is not largest)
    largest["share"] = round(1 - TAIL - others, 4)
    vocab, per_token = 8192, 4  # bytes of a token at that size, about
    return {
        "genome": "litho.genome/1",
        "id": re.sub(r"[^\w.-]+", "-", folder.resolve().name) or "books",
        "seed": 0,
        "tokenizer": {"kind": "bpe", "vocab": vocab},
        "budget": {"tokens": max(1000, round(sum(sizes) / per_token / (1 - TAIL))), "tail": TAIL},
        "library": library,
        "stages": stages,
        "tests": {"n": QUESTIONS},
    }


def copies(layers: list[list[Path]]) -> dict[Path, Path]:
    """Books that say the same as an earlier one, whatever their format, and which one."""
    first: dict[str, Path] = {}
    found: dict[Path, Path] = {}
    for path in (path for layer in layers for path in layer):
        earlier = first.setdefault(read_book(path).content, path)
        if earlier != path:
            found[path] = earlier
    return found


def layers_in(folder: Path) -> tuple[list[list[Path]], list[Path]]:
    """The books of each layer, and those that find no place.

    Subfolders, by name, are the layers; without any, the books by name are spread over them.
    """
    if folder.is_file():
        raise LithoError(f"{folder} is a file: give the folder that it is in")
    if not folder.is_dir():
        raise LithoError(f"there is no folder {folder}")
    some = [_books_in(each) for each in sorted(folder.iterdir()) if each.is_dir()]
    layers = [each for each in some if each][: len(LAYERS)] or _spread(_books_in(folder))
    if not layers:
        raise LithoError(f"{folder} has no books: put some there ({', '.join(SUFFIXES)})")
    taken = {path for layer in layers for path in layer}
    return layers, [path for path in _books_in(folder) if path not in taken]


def written(genome: dict[str, Any]) -> str:
    """A genome as YAML that a person can go on with."""
    head = "# A genome for 'litho school'. docs/genome-keys.md says what each key means.\n"
    blocks = []
    for key, value in genome.items():
        if isinstance(value, list):
            rows = [_block(each) if key == "stages" else _flow(each) for each in value]
            blocks.append(f"{key}:\n" + "".join(f"  - {row}\n" for row in rows) if rows else "")
        elif key == "library":
            blocks.append(
                f"{key}:\n" + "".join(f"  {_flow(n)}: {_flow(v)}\n" for n, v in value.items())
            )
        else:
            blocks.append(f"{key}: {_flow(value)}\n")
    return head + "".join(blocks)


def rewritten(genome: Genome) -> str:
    """A genome that was read, as YAML again: what it left out stays out."""
    said = genome.model_dump(mode="json", by_alias=True, exclude_none=True)
    if genome.tests:
        said["tests"]["twin"] = genome.tests.twin  # none is no default there
    return written(said)


def relocated(genome: Genome, folder: Path, to: Path) -> Genome:
    """To be written into the folder `to`: files and models in `folder` are named from there."""

    def moved(name: str) -> str:
        return name if Path(name).is_absolute() else os.path.relpath(folder / name, to)

    def is_folder(name: str | None) -> bool:
        return name is not None and (folder / name).is_dir()

    library = {
        name: book.model_copy(update={"source": f"file:{moved(book.source[len('file:'):])}"})
        if book.source.startswith("file:")
        else book
        for name, book in genome.library.items()
    }  # fmt: skip
    update: dict[str, Any] = {"library": library}
    if genome.start and is_folder(genome.start):
        update["start"] = moved(genome.start)
    if genome.tokenizer.model and is_folder(genome.tokenizer.model):
        tokenizer = {"model": moved(genome.tokenizer.model)}
        update["tokenizer"] = genome.tokenizer.model_copy(update=tokenizer)
    return genome.model_copy(update=update)


def _block(value: dict[str, Any]) -> str:
    """A key a line."""
    return "\n    ".join(f"{key}: {_flow(each)}" for key, each in value.items())


def _flow(value: object) -> str:
    said = yaml.safe_dump(
        value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**6
    )
    return said.removesuffix("\n").removesuffix("\n...").strip()


def _source(world: World) -> str:
    default = World(world.seed).source
    return f"world:{world.seed}" if world.source == default else world.source


def _books_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)


def _spread(paths: list[Path]) -> list[list[Path]]:
    """As even as they come, in their order."""
    count = min(len(LAYERS), len(paths))
    edges = [round(i * len(paths) / count) for i in range(count + 1)] if count else []
    return [paths[a:b] for a, b in pairwise(edges)]


def _free_name(path: Path, taken: dict[str, dict[str, str]]) -> str:
    name = re.sub(r"[^\w.-]+", "-", path.stem)[:50].strip("-") or "book"
    number = 2
    while (free := name if number == 2 and name not in taken else f"{name}-{number}") in taken:
        number += 1
    return free


def _from(path: Path, genome: Path) -> str:
    """The path from the folder of the genome."""
    return os.path.relpath(path.resolve(), genome.resolve().parent)
