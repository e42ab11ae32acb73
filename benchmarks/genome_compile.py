"""Memory and speed of the compiler for libraries of 10, 50 and 200 generated books.

Each library is compiled in a process of its own, whose peak memory and CPU time are measured, with
one thread: once with a tokenizer that is trained on it, and once more with that tokenizer. Beside
it, in another process, a plain pipeline of the library `tokenizers` reads as many tokens with the
same tokenizer and writes them down, and does nothing else: no sections, no spans, no hashes.

    python benchmarks/genome_compile.py --out runs/compile

`--out` keeps the libraries and the builds; delete the builds to measure again. Prints a line of
JSON for each measurement.
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import time
from itertools import accumulate
from pathlib import Path

import numpy as np
import yaml
from tokenizers import Tokenizer

import litho

PAGES, PAGE = 300, 2000  # of a book, and characters of a page
WORDS = 20_000  # different ones
MEASURED = ((10, 1_000_000), (50, 1_000_000), (200, 1_000_000), (50, 0))  # books, tokens; 0: all
VOCABULARY = 8192
SHARES = (0.3, 0.3, 0.3)


def write_library(folder: Path, books: int) -> None:
    """Books of made-up words by Zipf's law, in 30 chapters each; those that are there are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(books):
        path = folder / f"book-{number:04d}.txt"
        if not path.exists():
            path.write_text(_book(random.Random(number)), encoding="utf-8")


def _book(draw: random.Random) -> str:
    spelling = random.Random("words")
    letters = "etaoinshrdlucmfwypvbgk"
    words = ["".join(spelling.choices(letters, k=spelling.randint(2, 9))) for _ in range(WORDS)]
    weights = list(accumulate(1 / rank for rank in range(1, WORDS + 1)))
    parts = []
    for page in range(PAGES):
        if page % 10 == 0:
            parts.append(f"CHAPTER {page // 10 + 1}.")
        drawn = draw.choices(words, cum_weights=weights, k=PAGE // 5)
        parts += [" ".join(drawn[i : i + 50]).capitalize() + "." for i in range(0, len(drawn), 50)]
    return "\n\n".join(parts)


def write_genome(
    path: Path, library: Path, books: int, tokens: int, tokenizer: Path | None
) -> None:
    """Three stages and a tail; without `tokens`, so many that each book is read about once."""
    own = {"kind": "bpe", "vocab": VOCABULARY}
    names = [f"book-{number:04d}" for number in range(books)]
    edges = [round(i * books / len(SHARES)) for i in range(len(SHARES) + 1)]
    size = sum((library / f"{name}.txt").stat().st_size for name in names)
    path.write_text(
        yaml.safe_dump(
            {
                "genome": "litho.genome/1",
                "id": path.stem,
                "seed": 0,
                "tokenizer": {"kind": "model", "model": str(tokenizer)} if tokenizer else own,
                "budget": {"tokens": tokens or round(size / 3.2), "tail": 0.1},
                "library": {name: {"source": f"file:{library}/{name}.txt"} for name in names},
                "stages": [
                    {
                        "id": f"stage-{number}",
                        "layer": "school",
                        "share": share,
                        "books": names[edges[number] : edges[number + 1]],
                    }
                    for number, share in enumerate(SHARES)
                ],
            },
            sort_keys=False,
        ),
        encoding="utf-8",
    )


def compiled(genome: Path, out: Path) -> dict[str, float]:
    """What compiling takes in this process."""
    result = litho.compile_genome(genome, out)
    tokens = sum(stage.tokens for stage in result.stages)
    return {"tokens": tokens, **_spent()}


def plainly(build: Path, library: Path, tokens: int) -> dict[str, float]:
    """What tokenizing as much and writing it down takes in this process."""
    tokenizer = Tokenizer.from_file(str(build / "tokenizer" / "tokenizer.json"))
    written = read = 0
    with (build.parent / "plain.bin").open("wb") as file:
        while written < tokens:
            for path in sorted(library.glob("*.txt")):
                text = path.read_text(encoding="utf-8")
                pages = [text[i : i + PAGE] for i in range(0, len(text), PAGE)]
                for row in tokenizer.encode_batch(pages, add_special_tokens=False):
                    file.write(np.asarray(row.ids, "<u2").tobytes())
                    written += len(row.ids)
                read += len(text.encode())
                if written >= tokens:
                    break
    return {"tokens": written, "bytes": read, **_spent()}


def _spent() -> dict[str, float]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {"cpu": used.ru_utime + used.ru_stime, "peak_mb": used.ru_maxrss / 1024}


def apart(*arguments: str | Path | int) -> dict[str, float]:
    """A measurement in a process with one thread, with its wall time."""
    command = [sys.executable, __file__, *map(str, arguments)]
    threads = {"RAYON_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    began = time.perf_counter()
    said = subprocess.run(command, env=os.environ | threads, check=True, capture_output=True)
    return {**json.loads(said.stdout), "seconds": time.perf_counter() - began}


def measure(out: Path, books: int, tokens: int) -> dict[str, object]:
    """One library and budget: compiled, and plainly tokenized."""
    library, name = out / f"library-{books}", f"{books}-{tokens or 'all'}"
    write_library(library, books)
    genome, build = out / f"{name}.yaml", out / f"build-{name}"
    write_genome(genome, library, books, tokens, None)
    first = apart("--compile", genome, "--build", out / f"first-{name}")
    write_genome(genome, library, books, tokens, out / f"first-{name}")
    ours = apart("--compile", genome, "--build", build)
    plain = apart("--plain", library, "--build", build, "--tokens", int(ours["tokens"]))
    read = plain["bytes"] / plain["tokens"] * ours["tokens"] / 1e6
    return {
        "books": books,
        "library_mb": sum(path.stat().st_size for path in library.glob("*.txt")) / 1e6,
        "tokens": ours["tokens"],
        "read_mb": read,
        "first": first,
        "compile": ours,
        "plain": plain,
        "mb_per_cpu_second": read / ours["cpu"],
        "plain_mb_per_cpu_second": read / plain["cpu"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--only", type=int, help="Libraries of so many books alone.")
    parser.add_argument("--compile", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--plain", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--build", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--tokens", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.compile:
        print(json.dumps(compiled(asked.compile, asked.build)))
    elif asked.plain:
        print(json.dumps(plainly(asked.build, asked.plain, asked.tokens)))
    else:
        for books, tokens in MEASURED:
            if asked.only in (None, books):
                print(json.dumps(measure(asked.out.absolute(), books, tokens)), flush=True)


if __name__ == "__main__":
    main()
