"""The report of `litho school`."""

from litho.core.runs import RunDirectory
from litho.jobs.school.result import SchoolResult
from litho.show.figures.exam import kinds_figure
from litho.show.figures.school import loss_figure, subject_figure
from litho.show.page import origin_of, render
from litho.show.pages.exam import KINDS, VERDICTS
from litho.show.wording import cell


def page(run: RunDirectory) -> str:
    """Losses by stage and by book, and what the exam at the end says."""
    result = SchoolResult(**run.read_json("metrics.json"))
    rows = run.read_rows("losses.parquet")
    stages = [stage.id for stage in result.stages]
    subjects = dict.fromkeys(name for stage in result.stages for name in stage.subjects)
    data = {
        "figure-loss": loss_figure(rows, stages),
        "figure-subjects": subject_figure(rows, stages),
    }
    kinds: list[str] = []
    if result.exam:
        kinds = [kind for kind, found in result.exam.tests.items() if found.n]
        names = {kind: KINDS.get(kind, kind) for kind in result.exam.tests}
        data["figure-kinds"] = kinds_figure(result.exam.tests, result.exam.shortcuts, names)
    return render(
        "school.html.j2",
        run,
        f"Litho school: {origin_of(run).settings['text_name']}",
        data,
        result=result,
        subjects=list(subjects),
        changes=[event for event in result.events or () if event.action != "alarm"],
        kinds=kinds,
        names=KINDS,
        verdicts=VERDICTS,
        cell=cell,
    )
