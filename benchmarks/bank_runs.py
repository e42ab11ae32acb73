"""The runs of a bank in one small file, so that they need not be made again.

    python benchmarks/bank_runs.py save BANK FILE.parquet
    python benchmarks/bank_runs.py restore FILE.parquet BANK

Runs are found by what they were made from: restored into the folder of a bank that
`prediction_bank.py` wrote from the same texts, `litho ensemble`, `litho calibrate` and
`prediction.py` take them for their own, though another machine and another release of torch made
them. Answers are kept to seven digits: float32 holds no more.
"""

import argparse
import json
import sqlite3
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch

from litho.core.work import WorkLedger, key_of
from litho.model.placement import default_placement

RUN, SHORT_RUN = 2, 3  # formats of specifications that say where


def rounded(value: Any) -> Any:  # noqa: ANN401  JSON
    if isinstance(value, float):
        return float(f"{value:.7g}")
    if isinstance(value, list):
        return [rounded(item) for item in value]
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return value


def save(bank: Path, path: Path) -> int:
    with sqlite3.connect(bank / "ledger.sqlite") as db:
        rows = db.execute("SELECT specification, result FROM results ORDER BY key").fetchall()
    results = [json.dumps(rounded(json.loads(result))) for _, result in rows]
    table = {"specification": [specification for specification, _ in rows], "result": results}
    pq.write_table(pa.table(table), path, compression="zstd", compression_level=19)
    return len(rows)


def today(specification: str) -> dict[str, Any]:
    """What this machine would do to come to the result of a run that did not say where it was."""
    said: dict[str, Any] = json.loads(specification)
    if "placement" in said:
        return said
    dtype = getattr(torch, said.pop("precision", "torch.float32").removeprefix("torch."))
    where = default_placement(dtype).described()
    return said | {"format": SHORT_RUN if "coarse" in said else RUN, "placement": where}


def restore(path: Path, bank: Path) -> int:
    ledger = WorkLedger(bank)
    rows = pq.read_table(path).to_pylist()
    for row in rows:
        specification, result = today(row["specification"]), json.loads(row["result"])
        ledger.do(specification, lambda result=result: result)  # type: ignore[misc]
    missing = {key_of(today(row["specification"])) for row in rows} - ledger.known()
    if missing:
        raise SystemExit(f"{len(missing)} runs are being made elsewhere: stop that first")
    return len(rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("save", "restore"))
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    options = parser.parse_args()
    done = (save if options.what == "save" else restore)(options.source, options.target)
    print(f"{done} runs")


if __name__ == "__main__":
    main()
