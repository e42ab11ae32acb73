"""Every kind of adapter that the installed PEFT makes, on tiny models: a table of what Litho does.

    .venv/bin/python -m benchmarks.compatibility_adapters

"agrees": surprise (`map`) and KL (`diff`) are those of plain transformers and PEFT within 1e-5
nats per token. Everything else is the sentence with which the adapter is refused.
"""

import tempfile
from pathlib import Path

from tests.adapter_kinds import walk


def main() -> None:
    print("| adapter | `map` | `diff` |\n| --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for name, outcome in walk(Path(folder)):
            said = (text.replace(f"{folder}/", "") for text in (outcome.map, outcome.diff))
            print(f"| {name} | {' | '.join(said)} |", flush=True)


if __name__ == "__main__":
    main()
