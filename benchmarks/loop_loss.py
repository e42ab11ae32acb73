"""Does a loss on question, attempt, objection and repair help? results/loop-loss.md.

Raises models in arms that differ in what scenes of repair hold and how their parts count, the
same worlds and seeds in every arm and the same stages before the scenes, and prints what they
answer first, what after repair, and how often they object to a right attempt.

    OMP_NUM_THREADS=1 python benchmarks/loop_loss.py --out runs/loop-loss --seeds 0,1,2

Finished runs are not done again, so that several processes may share the work.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from school_runs import raise_once

import litho
from litho.core.stats import Estimate, mean
from litho.measure.school.loop import LoopScores, attempted, cast_of, loop_scores
from litho.show.wording import cell
from litho.text.school.asked import exam_questions
from litho.text.school.canonical import of_world, written
from litho.text.school.genome import read_genome
from litho.text.school.plan import Plan
from litho.text.school.questions import Question, practised_questions
from litho.text.school.stages import School
from litho.text.school.world import World

Genome = dict[str, Any]
WORLDS = 300  # the world of seed 0
ALIKE = {"default": 1.0, "wrong": 1.0, "detect": 1.0, "repair": 1.0}
TWICE = {"default": 1.0, "wrong": 0.0, "detect": 2.0, "repair": 2.0}
# Up to the fifth, each differs from the one before in one thing; the last has the fifth's weights.
ARMS: dict[str, dict[str, Any]] = {
    "right answers only": ALIKE | {"attempts": "none"},
    "random wrong": ALIKE | {"attempts": "random"},
    "own wrong": ALIKE | {"attempts": "own"},
    "own, wrong masked": ALIKE | {"attempts": "own", "wrong": 0.0},
    "own, masked, repair x2": TWICE | {"attempts": "own"},
    "random, masked, repair x2": TWICE | {"attempts": "random"},
}
SCORES = ("first", "repaired", "gain", "noticed", "false_alarms", "mended")
BASE = "right answers only"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--arms", help="names, with semicolons")
    parser.add_argument("--seeds", default="0,1,2,3,4,5,6,7", help="with commas")
    parser.add_argument("--tokens", type=int, default=1_800_000)
    parser.add_argument("--world", default="3x20x2", help="sciences x entities x relations")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    chosen = options.arms.split(";") if options.arms else [*ARMS]
    if unknown := [arm for arm in chosen if arm not in ARMS]:
        parser.error(f"unknown arms: {', '.join(unknown)} (known: {'; '.join(ARMS)})")
    seeds = [int(seed) for seed in options.seeds.split(",")]
    options.out.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        for arm in chosen:
            _ask(raised(seed, arm, options))
    _print_table(options.out, chosen, seeds)


def genome_of(seed: int, size: str, tokens: int, loss: dict[str, Any]) -> Genome:
    """Facts and practice first, then two stages of scenes, with new attempts in each."""
    sciences, entities, relations = map(int, size.split("x"))
    world = World(WORLDS + seed, sciences, entities, relations)
    genome = of_world(world, tokens)
    places = genome["stages"][1]["books"]
    repairs = [
        {"id": f"repair-{number}", "kind": "repair", "book": place, "rate": 0.4 / len(begun)}
        for begun in [_repairable(world, places)]
        for number, place in enumerate(begun)
    ]
    single = {"hops": 1, "per_fact": 1.0, "form": "restated"}
    chains = {"hops": 2, "within_book": False, "per_fact": 1.0, "form": "restated"}
    scenes = {"books": places, "scenes": [each["id"] for each in repairs]}
    return genome | {
        "model": {"d": 96, "layers": 3, "heads": 4},
        "tokenizer": {"kind": "bpe", "vocab": 512},
        "train": {"seq": 128, "batch_tokens": 512, "peak_lr": 3e-3},
        "budget": {"tokens": tokens, "tail": 0.0},
        "stages": [
            {"id": "facts", "layer": "school", "share": 0.35, "books": places, "practice": single},
            {
                "id": "practice",
                "layer": "university",
                "share": 0.25,
                "books": places,
                "practice": chains,
            },
            {"id": "loop-1", "layer": "dialogue", "share": 0.2, **scenes},
            {"id": "loop-2", "layer": "dialogue", "share": 0.2, **scenes},
        ],
        "gaps": [],
        "crossrefs": [],
        "scenes": repairs,
        "tests": {"n": 100, "twin": None},
        "loss": loss,
    }


def _repairable(world: World, places: Sequence[str]) -> list[str]:
    """Sections with which a bridge to another book begins."""
    names = {f"{each.science}#{each.section}": each.name for each in world.relations()}
    begin = {bridge.first.name for bridge in world.bridges() if not bridge.inside}
    return [place for place in places if names[place] in begin]


def raised(seed: int, arm: str, options: argparse.Namespace) -> Path:
    """The run of a school, which another process may still be at."""
    out: Path = options.out / _folder(arm, seed)
    genome = genome_of(seed, options.world, options.tokens, ARMS[arm])
    shared = options.out / f"checkpoints-{seed}"
    path = out.with_suffix(".yaml")
    raise_once(path, written(genome), out, checkpoints=shared, device=options.device)
    return out


def _ask(run: Path) -> None:
    """Ask the model of a school, unless it was, or another process is at either."""
    try:
        with FileLock(run.with_suffix(".lock"), timeout=0):
            if not run.exists() or run.with_suffix(".json").exists():
                return
            path = run.with_suffix(".yaml")
            school = School.of(read_genome(path), path.parent)
            assert school.plan
            cast = cast_of(school.genome.scenes[0].roles)
            model = litho.load(str(run / "model"))
            found = {
                name: loop_scores(model, attempted(school.plan, asked, 1000), cast).model_dump()
                for name, asked in _questions(school.plan, exam_questions(school)).items()
            }
            run.with_suffix(".json").write_text(json.dumps(found, indent=1))
    except Timeout:
        return


def _questions(plan: Plan, exam: Sequence[Question]) -> dict[str, list[Question]]:
    """Those that practice and scenes ask, and those that are kept for the exam."""
    return {
        "practised": practised_questions(plan),
        "new": [q for q in exam if q.kind == "two_hop_L1"],
    }


def _folder(arm: str, seed: int) -> str:
    return f"{arm.replace(',', '').replace(' ', '-')}-{seed}"


def _print_table(out: Path, arms: Sequence[str], seeds: Sequence[int]) -> None:
    """Means over seeds; the last column less the first answers of the first arm."""
    for kind in ("practised", "new"):
        found = {arm: _scores(out, arm, seeds, kind) for arm in arms}
        print(
            f"\n| {kind} | seeds | memorised |", " | ".join(SCORES), "| repaired less the first |"
        )
        print("| --- " * (len(SCORES) + 4) + "|")
        for arm, scores in found.items():
            if not scores:
                continue
            held = mean([_memorised(out / _folder(arm, seed)) for seed in scores])
            cells = [_over([getattr(each, name) for each in scores.values()]) for name in SCORES]
            base = found.get(BASE, {})
            less = mean(
                [
                    (scores[seed].repaired.value or 0.0) - (base[seed].first.value or 0.0)
                    for seed in scores
                    if seed in base
                ]
            )
            print(f"| {arm} | {len(scores)} |", " | ".join(map(cell, [held, *cells, less])), "|")


def _scores(out: Path, arm: str, seeds: Sequence[int], kind: str) -> dict[int, LoopScores]:
    paths = {seed: (out / _folder(arm, seed)).with_suffix(".json") for seed in seeds}
    return {
        seed: LoopScores(**json.loads(path.read_text())[kind])
        for seed, path in paths.items()
        if path.exists()
    }


def _memorised(run: Path) -> float:
    exam = json.loads((run / "metrics.json").read_text())["exam"]
    return float(exam["tests"]["memorised"]["accuracy"]["value"])


def _over(values: Sequence[Estimate]) -> Estimate:
    return mean([each.value for each in values if each.value is not None])


if __name__ == "__main__":
    main()
