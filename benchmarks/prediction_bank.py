"""Texts, questions and a plan on which predictions of micro fine-tunes are judged.

Texts of five kinds (fiction, the same restated, science, a primer, lists), questions of six
(fiction in the text's words, reworded and to be worked out; science; primer; facts that no text is
about). What is fitted on and what is judged on is settled here, before anything is trained:
`split.json` names the held-out texts, among them all of two kinds.

    python benchmarks/prediction_bank.py FICTION.jsonl SCIENCE.txt PRIMER.txt DIR
    litho ensemble DIR/plan-0.0005.yaml --out DIR

There is one plan for each learning rate, with all texts or with the first of them, and one more
(`again-*.yaml`) for some of the held-out texts with two seeds: how far they agree is the ceiling of
any prediction.
"""

import argparse
import json
import random
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

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

WORDS = 90  # of a text, about
COUNTS = {"fiction": 40, "restated": 15, "science": 20, "primer": 20, "list": 10}
EACH = 20  # questions of a kind
UNSEEN_KINDS = ("primer", "list")
HELD_OUT = 0.3  # of the texts of the other kinds
REPEATED = 10  # held-out texts that are run with two seeds
RATES = {1e-4: "first", 5e-4: "texts", 1e-3: "first"}  # and the texts that are run at each
FIRST = 24  # of the texts, when not all are run


def beginnings(parts: Iterable[str]) -> str:
    """The first sentences, up to some `WORDS` words."""
    kept: list[str] = []
    for part in parts:
        if kept and len(" ".join([*kept, part]).split()) > WORDS:
            break
        kept.append(part)
    return " ".join(kept)


def portions(text: str) -> Iterator[str]:
    """A long text in pieces of whole sentences."""
    said = [" ".join(s.split()) for block in paragraphs(text) for s in sentences(block)]
    while said:
        piece = beginnings(said)
        said = said[len(sentences(piece)) or 1 :]
        if len(piece.split()) > WORDS // 2:
            yield piece


def chosen(pieces: Sequence[str], count: int) -> list[str]:
    """Evenly spread, the first tenth (prefaces) left out."""
    begin = len(pieces) // 10
    step = (len(pieces) - begin) / count
    return [pieces[begin + int(i * step)] for i in range(count)]


def fiction_questions(
    rows: Sequence[dict[str, Any]], name: str, key: str
) -> list[tuple[str, Probe]]:
    return [
        (f"{name}-{row['id']}-{i}", Probe(kind="gen", prefix=prefix.strip(), target=target.strip()))
        for row in rows
        for i, (prefix, target) in enumerate(
            zip(row[f"{key}_input"], row[f"{key}_target"], strict=True)
        )
    ]


def cloze_questions(pieces: Sequence[str], name: str) -> list[tuple[str, Probe]]:
    chance = random.Random(0)
    return [
        (f"{name}-{i}", Probe(kind="gen", prefix=cloze.prefix, target=cloze.target))
        for i, piece in enumerate(pieces)
        for cloze in find_clozes(piece, 1, chance)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("fiction", "science", "primer", "folder"):
        parser.add_argument(name, type=Path)
    options = parser.parse_args()
    rows = [json.loads(line) for line in options.fiction.read_text(encoding="utf-8").splitlines()]
    long = {
        name: list(portions(getattr(options, name).read_text(encoding="utf-8")))
        for name in ("science", "primer")
    }
    said = rows[: COUNTS["fiction"]]
    retold = [row for row in rows if row["paraphrases"]][: COUNTS["restated"]]
    listed = rows[COUNTS["fiction"] :][: COUNTS["list"]]
    texts = {f"fiction-{row['id']}": beginnings(sentences(row["train_context"])) for row in said}
    texts |= {f"restated-{r['id']}": beginnings(sentences(r["paraphrases"][0])) for r in retold}
    texts |= {
        f"list-{row['id']}": json.dumps(sentences(beginnings(sentences(row["train_context"]))))
        for row in listed
    }
    for name, pieces in long.items():
        texts |= {f"{name}-{i}": text for i, text in enumerate(chosen(pieces, COUNTS[name]))}
    chance = random.Random(0)
    held = [t for t in texts if t.startswith(UNSEEN_KINDS) or chance.random() < HELD_OUT]
    shuffled = list(texts)
    random.Random(1).shuffle(shuffled)  # so that all kinds are among the first that are run
    again = [name for name in shuffled if name in held][:REPEATED]
    options.folder.mkdir(parents=True, exist_ok=True)
    model = load(locate(DEFAULT), torch.float32)
    for file, names in (("texts", shuffled), ("first", shuffled[:FIRST]), ("again", again)):
        entries = ({"id": i, "text": texts[i], "group": i.partition("-")[0]} for i in names)
        write_lines(options.folder / f"{file}.jsonl", entries)
    asked = questions(model, said, long)
    write_lines(options.folder / "probes.jsonl", asked)
    for rate, trained in RATES.items():
        for file, own, seeds in (("plan", trained, [0]), ("again", "again", [0, 1])):
            plan = {
                "texts": f"{own}.jsonl",
                "probes": "probes.jsonl",
                "recipes": [{"learning_rate": rate, "steps": 20}],
                "seeds": seeds,
                "measure_at": [1, 8, 20],
            }
            written = yaml.safe_dump(plan)
            (options.folder / f"{file}-{rate:g}.yaml").write_text(written, encoding="utf-8")
    (options.folder / "split.json").write_text(json.dumps({"held_out": held}), encoding="utf-8")
    print(f"{len(texts)} texts, {len(held)} of them held out; {len(asked)} questions")


def questions(
    model: LanguageModel, said: Sequence[dict[str, Any]], long: dict[str, list[str]]
) -> list[dict[str, str]]:
    """`EACH` questions of every kind, evenly spread over what they are about."""
    kinds = [
        *(fiction_questions(said, name, key) for name, key in
          (("mem", "mem"), ("gen", "gen"), ("hard", "hard_gen"))),
        *(cloze_questions(pieces, name) for name, pieces in long.items()),
        [(f"fact-{i}", probe) for i, probe in enumerate(shipped_neighbours())],
    ]  # fmt: skip
    found = []
    for kind in kinds:
        usable = [(name, probe) for name, probe in kind if tokenizes_apart(model, probe)]
        step = max(1, len(usable) // EACH)
        found += usable[::step][:EACH]
    return [
        {"id": name, "prefix": p.prefix, "target": p.target, "group": group_of(name)}
        for name, p in found
    ]


def group_of(question: str) -> str:
    """Whatever is asked of the fiction is of one kind."""
    kind = question.partition("-")[0]
    return "fiction" if kind in ("mem", "gen", "hard") else kind


def write_lines(path: Path, rows: Iterable[dict[str, str]]) -> None:
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text(lines, encoding="utf-8")


if __name__ == "__main__":
    main()
