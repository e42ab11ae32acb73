"""A genome compiled into a build: stage by stage, each only if it is not there already."""

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from litho.core.encoding import read_utf8
from litho.core.errors import Cancelled, Interrupted, LithoError
from litho.core.files import whole_file
from litho.core.reporter import Reporter
from litho.core.runs import PARTIAL, made
from litho.jobs.genome.result import Audit, CompileResult, Leak, StageResult
from litho.jobs.genome.reuse import key_in, said_of, stage_key, taken_over
from litho.jobs.genome.stage import MOST_LEAKS, compile_stage, width
from litho.jobs.genome.words import codec_for
from litho.model.codec import Codec, read_codec
from litho.text.school.asked import exam_questions
from litho.text.school.genome import TAIL, Genome, parse_genome
from litho.text.school.precedence import violations
from litho.text.school.stages import School

BUILD, GENOME, TOKENIZER, STAGES, TESTS = (
    "build.json", "genome.yaml", "tokenizer", "stages", "tests.jsonl",
)  # fmt: skip
SPANS_AS_WELL = 2  # size of a build over that of its tokens, measured on worlds
_LOCK = ".lock"


def compile_genome(genome: Path, out: Path, processes: int, reporter: Reporter) -> CompileResult:
    """Compile a genome into the folder `out`; what is there and unchanged is taken over.

    The bytes do not depend on `processes`, on what was there, or on when a process was killed.
    Raises LithoError if the genome is at fault or the folder is something else than a build.
    """
    folder = genome.absolute().parent
    return compile_written(read_utf8(genome), str(genome), folder, out, processes, reporter)


def compile_written(
    written: str, source: str, folder: Path, out: Path, processes: int, reporter: Reporter
) -> CompileResult:
    """The same of a genome that came from `source`; its files are looked for from `folder`."""
    school = School.of(parse_genome(written, source, folder), folder)
    out = _checked(out)
    partial = out.with_name(out.name + PARTIAL)
    codec = codec_for(school, folder)
    _check_disk(next(each for each in out.parents if each.is_dir()), school.genome, codec)
    with _locked(partial, out):
        (partial / STAGES).mkdir(exist_ok=True)
        shutil.rmtree(partial / TOKENIZER, ignore_errors=True)
        codec.save(partial / TOKENIZER)
        made = _compile_stages(school, codec, out, partial, processes, (written, folder), reporter)
        (partial / GENOME).write_text(written, encoding="utf-8")
        tests = _write_tests(school, partial / TESTS)
        result = _concluded(school, codec, partial, str(out), made, tests)
        _tell(partial, result)
        _tidy(partial, result)
        _swap(partial, out)
    return result


def compile_again(build: Path, school: School, codec: Codec, name: str) -> None:
    """Let a stage of a build be what `school` makes of it now; done again, it changes nothing."""
    stage = next((each for each in school.genome.stages if each.id == name), None)
    tokens = stage_tokens(school.genome)[name]
    key = stage_key(school, codec.sha256, stage, tokens)
    folder = build / STAGES / name
    if key_in(folder) != key:
        new = folder.with_name(f".{name}.again")
        shutil.rmtree(new, ignore_errors=True)
        compile_stage(school, codec, stage, tokens, new, key)
        shutil.rmtree(folder, ignore_errors=True)
        new.replace(folder)
    said = json.loads((build / BUILD).read_text(encoding="utf-8"))
    result = _concluded(school, codec, build, str(build), set(), said["tests"])
    _tell(build, result)


def _tell(build: Path, result: CompileResult) -> None:
    """Write what a build is."""
    said = result.model_dump(exclude={"build": True, "stages": {"__all__": {"reused"}}})
    with whole_file(build / BUILD) as half:
        half.write_text(json.dumps(said, indent=1, ensure_ascii=False), encoding="utf-8")


def stage_tokens(genome: Genome) -> dict[str, int]:
    """The budget of each stage, the tail last if there is one."""
    shares = {stage.id: stage.share for stage in genome.stages} | {TAIL: genome.budget.tail}
    return {name: round(share * genome.budget.tokens) for name, share in shares.items() if share}


def _checked(out: Path) -> Path:
    out = out.absolute()
    if out.name.endswith(PARTIAL):
        raise LithoError(f"{out.name} is a name for unfinished builds: choose another --out")
    if out.exists() and not (out / BUILD).is_file():
        raise LithoError(f"{out} exists already and is no build: choose another folder with --out")
    return out


def _check_disk(folder: Path, genome: Genome, codec: Codec) -> None:
    """Raises LithoError if the disk is too small for the build."""
    tokens = sum(stage_tokens(genome).values())
    needed = SPANS_AS_WELL * tokens * width(codec.vocabulary).itemsize
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise LithoError(
            f"{tokens:,} tokens take about {needed / 1e9:,.1f} GB, and {free / 1e9:,.1f} GB are "
            "free: lower budget.tokens, or choose another disk with --out"
        )


@contextmanager
def _locked(partial: Path, out: Path) -> Iterator[None]:
    """Nobody else works in `partial`, which may be `out` at the end."""
    lock = FileLock(made(partial, partial) / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise LithoError(f"{partial} is in use by another Litho process") from None
    try:
        yield
    except Cancelled:
        raise Interrupted(
            f"stopped: the same command goes on with the stages in {partial}"
        ) from None
    finally:
        for folder in (partial, out):  # before others can hold it
            (folder / _LOCK).unlink(missing_ok=True)
        lock.release()


def _compile_stages(
    school: School,
    codec: Codec,
    out: Path,
    partial: Path,
    processes: int,
    source: tuple[str, Path],
    reporter: Reporter,
) -> set[str]:
    """Compile the stages that are not there yet, and say which."""
    budgets = stage_tokens(school.genome)
    by_id = {stage.id: stage for stage in school.genome.stages}
    missing: list[tuple[str, int, str]] = []
    for name, tokens in budgets.items():
        key = stage_key(school, codec.sha256, by_id.get(name), tokens)
        if not taken_over(out / STAGES / name, partial / STAGES / name, key):
            missing.append((name, tokens, key))
    reporter.stage("compiling", len(missing))
    if processes == 1 or len(missing) < 2:
        for number, (name, tokens, key) in enumerate(missing, 1):
            compile_stage(school, codec, by_id.get(name), tokens, partial / STAGES / name, key)
            reporter.advance(number)
    else:
        tasks = [(*source, partial, *each) for each in missing]
        with ProcessPoolExecutor(min(processes, len(missing)), get_context("spawn")) as pool:
            for number, _ in enumerate(pool.map(_apart, tasks), 1):
                reporter.advance(number)
    return {name for name, _, _ in missing}


def _apart(task: tuple[str, Path, Path, str, int, str]) -> None:
    """A stage in a process of its own."""
    written, folder, partial, name, tokens, key = task
    school = School.of(parse_genome(written, GENOME, folder), folder)
    stage = next((each for each in school.genome.stages if each.id == name), None)
    codec = read_codec(partial / TOKENIZER)
    compile_stage(school, codec, stage, tokens, partial / STAGES / name, key)


def _concluded(
    school: School, codec: Codec, partial: Path, build: str, made: set[str], tests: dict[str, int]
) -> CompileResult:
    prefix, stages, said = codec.sha256, [], []
    for name in stage_tokens(school.genome):
        each = said_of(partial / STAGES / name)
        said.append(each)
        prefix = hashlib.sha256(f"{prefix}{each['sha256']}".encode()).hexdigest()
        stages.append(
            StageResult(
                id=name,
                tokens=each["tokens"],
                documents=each["documents"],
                sha256=each["sha256"],
                prefix_hash=prefix,
                reused=name not in made,
            )
        )
    return CompileResult(
        build=build,
        sha256=prefix,
        vocabulary=codec.vocabulary,
        stages=tuple(stages),
        tests=tests,
        audit=_audit(school, said),
    )


def _write_tests(school: School, path: Path) -> dict[str, int]:
    """All questions as JSONL; how many there are of each kind."""
    count = Counter[str]()
    with path.open("w", encoding="utf-8") as file:
        for question in exam_questions(school) if school.genome.tests else ():
            file.write(question.model_dump_json() + "\n")
            count[question.kind] += 1
    return dict(count)


def _audit(school: School, said: list[dict[str, Any]]) -> Audit:
    tokens = sum(each["tokens"] for each in said) or 1
    kinds, exposures = Counter[str](), Counter[str]()
    for each in said:
        kinds.update(each["kinds"])
        exposures.update(each["exposures"])
    broken, needs = violations(school.genome, school.shelf)
    leaked = [Leak(stage=each["id"], **leak) for each in said for leak in each["leaked"]]
    multiset = sum(int(each["multiset"], 16) for each in said) % (1 << 256)
    return Audit(
        leaks=sum(each["leaks"] for each in said),
        leaked=tuple(leaked[:MOST_LEAKS]),
        precedence=1 - len(broken) / needs if needs else None,
        practice=kinds["practice"] / tokens,
        scenes=kinds["scene"] / tokens,
        exposures=dict(sorted(exposures.items())),
        multiset=f"{multiset:064x}",
    )


def _tidy(partial: Path, result: CompileResult) -> None:
    """Remove what is of no stage of this genome."""
    names = {stage.id for stage in result.stages}
    for folder in (partial / STAGES).iterdir():
        if folder.name not in names:
            shutil.rmtree(folder)


def _swap(partial: Path, out: Path) -> None:
    """Give the build its name; an earlier one is there until the new one is."""
    old = out.with_name(f".{out.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if out.exists():
        out.replace(old)
    partial.replace(out)
    shutil.rmtree(old, ignore_errors=True)
