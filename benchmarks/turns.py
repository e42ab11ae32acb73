"""Timing several ways of doing one thing in turns, so that a machine's moods touch all alike."""

import statistics
import time
from collections.abc import Callable, Mapping


def time_in_turns(
    ways: Mapping[str, Callable[[], object]], rounds: int, warm_up: int
) -> dict[str, list[float]]:
    """Seconds of every way in every round; the first `warm_up` rounds are not counted."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for round_ in range(rounds + warm_up):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            if round_ >= warm_up:
                times[name].append(time.perf_counter() - began)
    return times


def show_ratios(times: Mapping[str, list[float]], reference: str) -> None:
    """Print a line a way: its median, its ratio to the reference round by round, its fastest."""
    for name, values in times.items():
        ratios = [a / b for a, b in zip(values, times[reference], strict=True)]
        print(
            f"{name}: {statistics.median(values):.3f} s, {statistics.median(ratios):.2f} times "
            f"{reference} ({min(ratios):.2f} to {max(ratios):.2f}); fastest {min(values):.3f} s, "
            f"{min(values) / min(times[reference]):.2f} times",
            flush=True,
        )
