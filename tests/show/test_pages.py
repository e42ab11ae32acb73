"""A report for every kind of run, made from its files alone; hostile names stay words."""

import json
from pathlib import Path

import pytest

import litho
from litho.core.errors import LithoError
from litho.core.runs import RunDirectory
from litho.jobs.bench.summary import summarize
from litho.jobs.evolve.result import EvolveResult
from litho.jobs.vary.result import SceneRung
from litho.show.comparison import comparison_table
from litho.show.figures.base import label
from litho.show.figures.effects import effects_figure
from litho.show.figures.evolve import family_figure
from litho.show.figures.ladder import ladder_figure
from litho.show.page import flat_numbers
from litho.show.report import write_report
from tests.builders import trial
from tests.serve.found import written_family
from tests.show.runs import HOSTILE, KINDS, comparison, ensemble


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_run_has_a_report(kind: str, tmp_path: Path) -> None:
    run = KINDS[kind](tmp_path / "run")
    page = write_report(run).read_text()
    assert HOSTILE not in page and "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    result = run.read_json("metrics.json")
    if kind != "calibrate":  # its long tables are left to their file
        assert all(number in page for _, number in flat_numbers(result))


def test_an_ensemble_says_what_all_seeds_agree_on(tmp_path: Path) -> None:
    page = write_report(ensemble(tmp_path / "run")).read_text()
    raised, lowered = page.split("Raised most, by all seeds")[1].split("Lowered most")
    assert "+0.125" in raised and "-0.375" in lowered and "-0.250, -0.500" in lowered
    assert "+0.000" not in page  # the seeds contradict each other


def test_ensembles_and_comparisons_of_earlier_versions_have_reports(tmp_path: Path) -> None:
    assert "Raised most" in write_report(ensemble(tmp_path / "old", None)).read_text()
    page = write_report(comparison(tmp_path / "bench", earlier=True)).read_text()
    assert "Along the training" in page and "only a sweep" not in page
    for name in ("old", "bench"):
        (tmp_path / name / "report.html").unlink()
        assert litho.report(tmp_path / name).is_file()


def test_a_folder_of_something_else_is_named(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text("{}")
    with pytest.raises(LithoError, match="is no run of Litho"):
        write_report(RunDirectory.opened(tmp_path))
    (tmp_path / "manifest.yaml").write_text("command: dream\n")
    with pytest.raises(LithoError, match="unknown command 'dream'"):
        write_report(RunDirectory.opened(tmp_path))


def test_labels_are_drawn_as_they_are() -> None:
    assert label("<b>a</b> & b") == "&lt;b&gt;a&lt;/b&gt; &amp; b"
    cells = {(HOSTILE, "q"): 1.0, ("a", HOSTILE): -1.0}
    figure = json.dumps(effects_figure(cells))
    assert "<a" not in figure and "<script" not in figure
    rung = SceneRung(
        scene=0, text="t", changed_tokens=1, brought=(HOSTILE,), mean_kl=0.1, max_surprise=1.0
    )
    assert "<a" not in json.dumps(ladder_figure([rung]))


def test_a_matrix_has_a_cell_for_each_pair_that_was_run() -> None:
    figure = effects_figure({("a", "x"): 1.0, ("b", "y"): -0.5})
    (heat,) = figure["data"]
    assert heat["y"] == ["b", "a"] and heat["x"] == ["x", "y"]
    assert heat["z"] == [[None, -0.5], [1.0, None]]


def test_the_table_of_a_comparison(tmp_path: Path) -> None:
    table = comparison_table(summarize([trial("plan", "a", 0, 0.5, 0.004)]))
    head, _, row = table.strip().splitlines()
    assert head.count("|") == row.count("|") and "plan" in row and "0.0040" in row


def test_a_parent_outside_the_evolution_has_no_line(tmp_path: Path) -> None:
    run = written_family(tmp_path / "run")
    told = json.loads((run / "metrics.json").read_text())
    told["family"][1]["parents"] = ["w", "r"]  # of which the second is of random search
    lines, *_ = family_figure(EvolveResult(**told).family)["data"]
    assert lines["x"] == [0, 1, None]
