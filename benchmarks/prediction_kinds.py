"""Two banks of texts and probes of many kinds: one to calibrate on, one of other kinds to judge on.

`DIR/calibrate`: kinds of book, invented facts and lists, two texts of each and three probes of
each, two of them about texts that are trained on. `DIR/elsewhere`: pages of other registers, whole,
and other books, with their own probes; no calibration has seen any of these kinds. A text or a
probe says its kind as `group`.

    python benchmarks/prediction_kinds.py DATA DIR
    litho calibrate DIR/calibrate/plan.yaml --out DIR/calibrate --method short-run
    litho ensemble DIR/elsewhere/plan.yaml --out DIR/elsewhere
    python benchmarks/prediction_coverage.py DIR [--method short-run]
"""

import argparse
import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
import yaml

from litho.measure.printing.probes import tokenizes_apart
from litho.model.loaded import LanguageModel
from litho.model.loading import load
from litho.model.sources import DEFAULT, locate
from litho.text.items import Probe
from litho.text.probes import find_clozes
from litho.text.sentences import paragraphs, sentences
from litho.text.shipped import shipped_neighbours

# Words of a text of each kind; short and long ones, as users have.
CALIBRATED = {
    "1-lexicon/kominek-elements": 60,
    "1-lexicon/real-mother-goose": 90,
    "1-lexicon/wordnet-common-words": 120,
    "1-lexicon/mcguffey-second-reader": 90,
    "2-pattern/grimm-fairy-tales": 250,
    "2-pattern/de-morgan-elements-of-arithmetic": 90,
    "2-pattern/long-home-geography": 60,
    "2-pattern/wells-short-history-of-the-world": 250,
    "3-abstract/baskervill-english-grammar": 120,
    "3-abstract/euclid-elements-casey": 90,
    "3-abstract/fetter-principles-of-economics": 150,
    "4-resonance/darwin-voyage-of-the-beagle": 120,
    "5-emergence/berkeley-three-dialogues": 90,
    "ru/5-emergence/chekhov-vishnevyy-sad": 60,
}
ELSEWHERE = {
    "2-pattern/burgess-bird-book": 120,
    "3-abstract/smith-wealth-of-nations": 200,
    "4-resonance/newton-opticks": 90,
    "5-emergence/lucian-dialogues": 120,
    "ru/1-lexicon/pushkin-skazki": 60,
    "2-pattern/kellogg-first-book-in-physiology": 60,
}
EACH = 2  # texts of a kind
ASKED = 2  # probes about a text of which there is no other
PAGE_PROBES = {"mem": 1, "gen": 1, "hard": 1}
RATE = 5e-4

Row = dict[str, str]


def passages(text: str, words: int) -> Iterator[str]:
    """Whole paragraphs, or the first sentences of one, of up to some `words` words."""
    kept: list[str] = []
    for block in paragraphs(text):
        for sentence in sentences(block):
            if kept and len(" ".join([*kept, sentence]).split()) > words:
                yield " ".join(kept)
                kept = []
            kept.append(" ".join(sentence.split()))


def spread(pieces: Sequence[str], count: int) -> list[str]:
    """Evenly over a book; the first fifth, with prefaces and contents, left out."""
    usable = [piece for piece in pieces if len(piece.split()) > 20]
    begin = len(usable) // 5
    return [usable[begin + i * (len(usable) - begin) // count] for i in range(count)]


def book(path: Path, words: int, count: int) -> list[str]:
    return spread(list(passages(path.read_text(encoding="utf-8"), words)), count)


def cloze_rows(model: LanguageModel, kind: str, text: str, count: int) -> list[Row]:
    chance = random.Random(0)
    probes = [
        Probe(kind="mem", prefix=cloze.prefix, target=cloze.target)
        for cloze in find_clozes(text, 4 * count, chance)
    ]
    return [row(kind, probe) for probe in probes if tokenizes_apart(model, probe)][:count]


def row(kind: str, probe: Probe) -> Row:
    return {"prefix": probe.prefix, "target": probe.target, "group": kind}


def books(
    model: LanguageModel, data: Path, chosen: dict[str, int], count: int
) -> tuple[list[Row], list[Row]]:
    """Texts of each book, and probes, half of them about further passages."""
    texts: list[Row] = []
    probes: list[Row] = []
    for name, words in chosen.items():
        kind = Path(name).name
        pieces = book(data / "books" / f"{name}.txt", words, 2 * count)
        texts += [{"text": piece, "group": kind} for piece in pieces[::2]]
        for piece in pieces[: count + 1 if count > 1 else 1]:
            probes += cloze_rows(model, kind, piece, 1 if count > 1 else ASKED)
    return texts, probes


def fiction(model: LanguageModel, data: Path) -> tuple[list[Row], list[Row]]:
    """Invented facts, the same as lists, and facts that no text is about."""
    path = data / "fictional-knowledge-dev.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    texts, probes = [], []
    for number, entry in enumerate(rows[: 2 * EACH]):
        said = next(passages(entry["train_context"], 120))
        if number < EACH:
            texts.append({"text": said, "group": "fiction"})
        else:
            texts.append({"text": json.dumps(sentences(said)), "group": "list"})
        kind = "fiction" if number < EACH else "list"
        key = ("mem", "gen", "hard_gen")[number % 3]
        pairs = list(zip(entry[f"{key}_input"], entry[f"{key}_target"], strict=True))[:ASKED]
        probes += [
            row(kind, Probe(kind="gen", prefix=prefix.strip(), target=target.strip()))
            for prefix, target in pairs
        ]
    probes += [row("fact", probe) for probe in shipped_neighbours()[:20:5]]
    return texts, probes


def pages(data: Path) -> tuple[list[Row], list[Row]]:
    texts, probes = [], []
    for path in sorted((data / "pages").glob("*.md")):
        if path.stem == "README":
            continue
        texts.append({"text": path.read_text(encoding="utf-8").strip(), "group": path.stem})
        lines = path.with_suffix(".probes.jsonl").read_text(encoding="utf-8").splitlines()
        own = [Probe(**json.loads(line)) for line in lines]
        for kind, count in PAGE_PROBES.items():
            probes += [row(path.stem, p) for p in [p for p in own if p.kind == kind][2 : 2 + count]]
    return texts, probes


def written(folder: Path, texts: list[Row], probes: list[Row]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    random.Random(1).shuffle(texts)  # so that a part of the runs has all kinds
    write_lines(folder / "texts.jsonl", numbered(texts))
    write_lines(folder / "probes.jsonl", numbered(probes))
    plan = {
        "texts": "texts.jsonl",
        "probes": "probes.jsonl",
        "recipes": [{"learning_rate": RATE, "steps": 20}],
        "seeds": [0],
        "measure_at": [1, 8, 20],
    }
    (folder / "plan.yaml").write_text(yaml.safe_dump(plan), encoding="utf-8")
    print(f"{folder}: {len(texts)} texts, {len(probes)} probes")


def numbered(rows: Sequence[Row]) -> list[Row]:
    return [{"id": f"{entry['group']}-{i}"} | entry for i, entry in enumerate(rows)]


def write_lines(path: Path, rows: Sequence[Row]) -> None:
    lines = "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in rows)
    path.write_text(lines, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    model = load(locate(DEFAULT), torch.float32)
    banks = {
        "calibrate": (books(model, options.data, CALIBRATED, EACH), fiction(model, options.data)),
        "elsewhere": (books(model, options.data, ELSEWHERE, 1), pages(options.data)),
    }
    for name, parts in banks.items():
        texts = [text for part in parts for text in part[0]]
        probes = [probe for part in parts for probe in part[1]]
        written(options.folder / name, texts, probes)


if __name__ == "__main__":
    main()
