"""Litho in Airflow: a page is printed every week from what it says then, and read before and after.

Every task is `litho once`, which may be tried again: it does nothing where its run is finished, and
goes on where a worker was killed. A run belongs to the date of its interval, so that a page that
has changed makes a run of its own. Put this file into the folder of DAGs, and a page.md with its
page.probes.jsonl into LITHO_PROJECT, the folder in which the commands run.
"""

import os
from datetime import datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

PROJECT = os.environ.get("LITHO_PROJECT", "/srv/litho")
RUNS = "runs/{{ dag_run.run_after | ds }}"  # the same when a task is tried again


def once(name: str, command: str) -> BashOperator:
    """A task that runs a command of Litho; a run that was interrupted goes on at the next try."""
    return BashOperator(
        task_id=name,
        bash_command=f"litho once {command}",
        cwd=PROJECT,
        append_env=True,
        env={"LITHO_TRACK": os.environ.get("LITHO_TRACK", "")},
    )


with DAG(
    dag_id="litho_page",
    schedule="@weekly",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5)},
):
    before = once("map_before", f"map page.md --out {RUNS}/before")
    printed = once("imprint", f"imprint page.md --out {RUNS}/page")
    changed = once("diff", f"diff page.md --after {RUNS}/page/adapter --out {RUNS}/changed")
    before >> printed >> changed
