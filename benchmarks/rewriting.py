"""Does a data set that is rewritten from a model's failures teach more? results/rewriting.md.

Raises small models in invented worlds, one a seed, and goes on from each with every arm of `litho
rewrite` at equal tokens. Prints what the last exams say less the school's own, means over seeds
with 95 % intervals, and each arm less more true books, paired by seed.

    OMP_NUM_THREADS=1 python benchmarks/rewriting.py --out runs/rewriting --seeds 3

Finished runs are not done again, so that several processes may share the work.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

import litho
from litho.cli.console import Bars
from litho.core.runs import RunDirectory
from litho.core.stats import mean
from litho.jobs.rewrite.result import ArmResult, KindScore, RewriteResult
from litho.show.wording import cell
from litho.text.school.canonical import of_world, written
from litho.text.school.world import World

WORLDS = 300  # the world of seed 0; nothing was chosen on these
ARMS = (
    "accumulate", "replace", "agreement", "oracle", "more_books", "re_read", "journal",
    "random_spans",
)  # fmt: skip
CONTROL = "more_books"
TWO_HOPS = ("two_hop_book", "two_hop_L1", "two_hop_L2", "two_hop_L3")
COLUMNS = ("memorised", "paraphrase", "contradiction", "over two facts, aloud", "hidden, aloud")
Rewritten = Mapping[int, RewriteResult]  # by seed


def genome(seed: int, size: tuple[int, int, int], tokens: int, width: int) -> dict[str, Any]:
    """The canonical education in a world of its own, of a small model."""
    return {
        **of_world(World(WORLDS + seed, *size), tokens),
        "seed": seed,
        "tokenizer": {"kind": "bpe", "vocab": 512},
        "model": {"d": width, "layers": 3, "heads": 4},
        "train": {"seq": 128, "batch_tokens": 1024, "peak_lr": 3e-3},
        "tests": {"n": 120, "twin": "counterfactual"},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--world", default="3x16x2", help="sciences x things x relations")
    parser.add_argument("--tokens", type=int, default=1_600_000)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--share", type=float, default=0.05)
    parser.add_argument("--arms", default=",".join(ARMS))
    asked = parser.parse_args()
    sciences, things, relations = map(int, asked.world.split("x"))
    size, arms = (sciences, things, relations), tuple(asked.arms.split(","))
    asked.out.mkdir(parents=True, exist_ok=True)
    done: dict[int, RewriteResult] = {}
    for seed in range(asked.seeds):
        try:
            with FileLock(asked.out / f"{seed}.lock", timeout=0):
                made = genome(seed, size, asked.tokens, asked.width)
                done[seed] = _rewritten(asked.out, seed, made, arms, asked.rounds, asked.share)
        except Timeout:
            continue  # another process has it
    if done:
        _tell(done, arms)


def _rewritten(
    out: Path, seed: int, made: dict[str, Any], arms: Sequence[str], rounds: int, share: float
) -> RewriteResult:
    path, school, run = out / f"{seed}.yaml", out / f"school-{seed}", out / f"rewrite-{seed}"
    if (run / "metrics.json").is_file():
        return RewriteResult(**RunDirectory.opened(run).read_json("metrics.json"))
    path.write_text(written(made), encoding="utf-8")
    with Bars() as bars:
        if not (school / "metrics.json").is_file():
            litho.school(path, out=school, progress=bars)
        return litho.rewrite(
            school, run, rounds=rounds, arms=list(arms), share=share, progress=bars
        )


def _tell(done: Rewritten, arms: Sequence[str]) -> None:
    print(f"seeds {sorted(done)}")
    print("| arm |", " | ".join(COLUMNS), "|")
    print("| --- |" + " --- |" * len(COLUMNS))
    _tell_row("school", [_scores(each.before) for each in done.values()])
    for arm in arms:
        _tell_row(f"{arm}, gained", [_gains(each, arm) for each in done.values()])
    for arm in arms:
        if arm != CONTROL and CONTROL in arms:
            less = [_less(_gains(e, arm), _gains(e, CONTROL)) for e in done.values()]
            _tell_row(f"{arm} less {CONTROL}", less)
    for arm in arms:
        _tell_rounds(arm, [each.arms[arm] for each in done.values()])


def _tell_rounds(arm: str, done: Sequence[ArmResult]) -> None:
    """What was asked, written and refused in all rounds of an arm."""
    rounds = [version for each in done for version in each.rounds]
    judges = [version.judge for version in rounds if version.judge]
    print(f"{arm}: {len(rounds)} rounds", end="")
    for name in ("added", "dropped", "leaks"):
        print(f", {name} {sum(getattr(version, name) for version in rounds)}", end="")
    print(f", refused {sum(sum(version.refused.values()) for version in rounds)}", end="")
    print(f", rewritten {[round(version.rewritten, 2) for version in rounds]}", end="")
    print(f", right {[v.right if v.right is None else round(v.right, 2) for v in rounds]}", end="")
    wrong = [each.wrong_accepted for each in judges if each.wrong_accepted is not None]
    print(f", wrong of accepted {[round(each, 2) for each in wrong]}", end="")
    print(f", stopped {[each.stopped for each in done if each.stopped]}")


def _tell_row(name: str, scores: Sequence[Mapping[str, float]]) -> None:
    """Means over seeds."""
    means = [mean([each[column] for each in scores if column in each]) for column in COLUMNS]
    print(f"| {name} |", " | ".join(map(cell, means)), "|")


def _scores(tests: Mapping[str, KindScore]) -> dict[str, float]:
    """Right answers by column; over two facts, of all questions together."""
    found = {k: value for k in COLUMNS[:3] if (value := tests[k].accuracy.value) is not None}
    for column, kinds in ((COLUMNS[3], TWO_HOPS), (COLUMNS[4], TWO_HOPS[-1:])):
        asked = [
            (score.n, spoken.accuracy.value)
            for kind in kinds
            if (score := tests[kind]).n
            and (spoken := score.spoken)
            and spoken.accuracy.value is not None
        ]
        if asked:
            found[column] = sum(n * value for n, value in asked) / sum(n for n, _ in asked)
    return found


def _gains(done: RewriteResult, arm: str) -> dict[str, float]:
    """Of an arm that stopped before its first round, nothing: its model is the school's."""
    tests = done.arms[arm].tests
    return _less(_scores(tests), _scores(done.before)) if tests else {}


def _less(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    return {name: one[name] - other[name] for name in one if name in other}


if __name__ == "__main__":
    main()
