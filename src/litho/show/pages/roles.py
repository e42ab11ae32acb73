"""The report of `litho roles`."""

from typing import Any

from litho.core.runs import RunDirectory
from litho.jobs.roles.result import RolesResult
from litho.show.page import origin_of, render
from litho.show.pages.exam import KINDS
from litho.show.say import to_say

TESTS = KINDS | to_say(
    {
        "attempt": "the first attempt",
        "noticed": "objects to a wrong attempt",
        "confirmed": "lets a right attempt pass",
        "repair": "puts a wrong attempt right",
    }
)
POLICIES = to_say(
    {
        "alone": "the student alone",
        "fixed": "always the last to speak",
        "confidence": "who is surer",
        "contradiction": "the reformulator, if the critic objects",
    }
)
EXAMPLES = 6  # conversations that are shown


def page(run: RunDirectory) -> str:
    """What hand-overs gain, who can do what, and some conversations."""
    result = RolesResult(**run.read_json("metrics.json"))
    return render(
        "roles.html.j2",
        run,
        f"Litho roles: {origin_of(run).settings['text_name']}",
        {},
        result=result,
        rows={**result.matrix, "one for all": result.single.matrix},
        trained={**result.roles, "one for all": result.single.trained},
        tests={test: TESTS.get(test, test) for test in result.matrix["base"]},
        policies=POLICIES,
        examples=_examples(run),
    )


def _examples(run: RunDirectory) -> list[dict[str, Any]]:
    """Conversations of the roles: those first that handing over changed."""
    rows = [row for row in run.read_rows("answers.parquet") if row["voices"] == "roles"]
    changed = [row for row in rows if row["right_alone"] != row["right_contradiction"]]
    others = [row for row in rows if row["right_alone"] == row["right_contradiction"]]
    return [*changed, *others][:EXAMPLES]
