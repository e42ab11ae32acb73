"""`litho school`, as a person uses it."""

import json
from collections.abc import Callable
from pathlib import Path

from tests.jobs.school.test_run import genome

Litho = Callable[..., tuple[int, str, str]]


def test_a_school_and_its_report(litho: Litho) -> None:
    genome(Path())
    code, out, _ = litho("school", "school.yaml", "--out", "run", "--device", "cpu")
    assert code == 0 and "tail" in out and "report   " in out
    result = json.loads(Path("run/metrics.json").read_text())
    assert result["model"].endswith("run/model") and result["exam"] is None
    assert {"id", "tokens", "loss", "subjects"} <= set(result["stages"][0])
    assert litho("report", "run")[0] == 0
    page = Path("run/report.html").read_text()
    assert "The school of" in page and "loss by book" in page


def test_what_is_wrong_is_one_sentence(litho: Litho) -> None:
    genome(Path(), train={"peak_lr": 2})
    code, out, err = litho("school", "school.yaml", "--out", "run")
    assert (code, out) == (2, "") and "train.peak_lr: input should be less" in err
    genome(Path())
    code, out, err = litho("school", "school.yaml", "--out", "run", "--build", "none")
    assert (code, out) == (2, "") and "none is no build" in err
    assert not list(Path().glob("run*"))
