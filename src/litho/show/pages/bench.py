"""The report of `litho bench`."""

import json
from collections.abc import Iterator
from contextlib import suppress

from litho.core.runs import RunDirectory
from litho.jobs.bench.result import TRIALS, BenchResult, Trial
from litho.show.comparison import COLUMNS, comparison_row, comparison_table
from litho.show.figures.comparison import arms_figure, curves_figure
from litho.show.page import render
from litho.show.say import DEFAULT, speaking


def page(run: RunDirectory) -> str:
    """The arms side by side: what they printed against what it cost; also writes the table."""
    result = BenchResult.model_validate(run.read_json("metrics.json"))
    with speaking(DEFAULT):  # whichever language the page is in
        run.write_text("table.md", comparison_table(result))
    trials = _trials(run, result)
    data = {}
    if any(arm.imprint["gen"].value is not None for arm in result.root):
        data["figure-arms"] = arms_figure(result.root)
    if any(trial.curve for trial in trials):
        data["figure-curves"] = curves_figure(trials)
    return render(
        "bench.html.j2",
        run,
        "Litho bench",
        data,
        columns=COLUMNS,
        rows=[comparison_row(arm) for arm in result.root],
        failures=[trial for trial in trials if trial.failed],
    )


def _trials(run: RunDirectory, result: BenchResult) -> list[Trial]:
    """The trials that were compared."""
    if (run.path / TRIALS).is_file():
        return [Trial(**trial) for trial in run.read_json(TRIALS)]
    return list(_trials_before(run, result))


def _trials_before(run: RunDirectory, result: BenchResult) -> Iterator[Trial]:
    """Those of an earlier version, whose file has the sweep as well."""
    compared = {(arm.arm, arm.learning_rate, arm.kl_weight) for arm in result.root}
    for line in run.read_text("trials.jsonl").split("\n"):
        with suppress(json.JSONDecodeError):  # a line that was cut off
            values = json.loads(line)
            trial = Trial(**values["trial"])
            setting = trial.arm, trial.learning_rate, trial.kl_weight
            if setting in compared and not values["task"].startswith("sweep-"):
                yield trial
