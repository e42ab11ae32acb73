"""Kill the main job with SIGKILL at random moments, resume it, and compare the adapters.

python benchmarks/kill_resume.py examples/page.md --kills 5 --set presentations=20
"""

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LITHO = [sys.executable, "-m", "litho", "imprint", "--json"]


def finish(command: list[str]) -> dict[str, object]:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        sys.exit(done.stderr)
    found: dict[str, object] = json.loads(done.stdout)
    return found


def kill_after(command: list[str], seconds: float) -> bool:
    """Whether the job was still running when it was killed."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return True
    return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", type=Path)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", default="bundled:smollm2-135m")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    settings = ["--model", options.model]
    settings += [word for pair in options.set for word in ("--set", pair)]
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        whole, killed = Path(folder, "whole"), Path(folder, "killed")
        began = time.monotonic()
        expected = finish([*LITHO, str(options.text), "--out", str(whole), *settings])
        seconds = time.monotonic() - began
        print(f"uninterrupted: {seconds:.0f} s, adapter {expected['adapter_sha256']}", flush=True)
        command = [*LITHO, str(options.text), "--out", str(killed), *settings]
        for _ in range(options.kills):
            moment = chance.uniform(5, max(10, 1.5 * seconds / options.kills))
            if not kill_after(command, moment):
                sys.exit("the job was done before it could be killed: give it more presentations")
            print(f"killed after {moment:.0f} s", flush=True)
            if killed.with_name("killed.partial").exists():
                command = [*LITHO, "--resume", str(killed)]
        found = finish(command)
        same = found["adapter_sha256"] == expected["adapter_sha256"]
        print(
            f"resumed:       adapter {found['adapter_sha256']}: {'same' if same else 'DIFFERENT'}"
        )
        sys.exit(0 if same else 1)


if __name__ == "__main__":
    main()
