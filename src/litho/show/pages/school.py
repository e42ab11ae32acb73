"""The report of `litho school`."""

from litho.core.runs import RunDirectory
from litho.jobs.school.result import SchoolResult
from litho.show.figures.school import loss_figure, subject_figure
from litho.show.page import origin_of, render


def page(run: RunDirectory) -> str:
    """Losses by stage and by book."""
    result = SchoolResult(**run.read_json("metrics.json"))
    rows = run.read_rows("losses.parquet")
    stages = [stage.id for stage in result.stages]
    subjects = dict.fromkeys(name for stage in result.stages for name in stage.subjects)
    return render(
        "school.html.j2",
        run,
        f"Litho school: {origin_of(run).settings['text_name']}",
        {
            "figure-loss": loss_figure(rows, stages),
            "figure-subjects": subject_figure(rows, stages),
        },
        result=result,
        subjects=list(subjects),
    )
