"""The DAG of examples/: its commands are those of Litho, and the real Airflow reads it."""

import ast
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from litho.cli.words import out_of

DAG = Path(__file__).parents[1] / "examples" / "airflow_dag.py"
READ = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(dag_folder=sys.argv[1])
tasks = {t.task_id: [t.bash_command, *t.downstream_task_ids] for d in bag.dags.values() for t in d.tasks}
print(json.dumps([list(map(str, bag.import_errors.values())), tasks]))
"""  # noqa: E501


def test_the_commands_of_the_dag_are_those_of_litho() -> None:
    calls = [
        node
        for node in ast.walk(ast.parse(DAG.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "once"
    ]
    assert len(calls) == 3
    for call in calls:
        command = eval(ast.unparse(call.args[1]), {"RUNS": "runs/day"})
        out, _ = out_of(command.split())
        assert out.parent == Path("runs/day")


@pytest.mark.processes
def test_airflow_reads_the_dag(tmp_path: Path) -> None:
    # Airflow pins what others need in other versions: it mostly has an environment of its own.
    python = os.environ.get("AIRFLOW_PYTHON") or (find_spec("airflow") and sys.executable)
    if not python:
        pytest.skip("no apache-airflow here, and AIRFLOW_PYTHON names no Python that has it")
    home = {"AIRFLOW_HOME": str(tmp_path), "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR"}
    done = subprocess.run(
        [python, "-c", READ, str(DAG)], capture_output=True, text=True, env={**os.environ, **home}
    )
    assert done.returncode == 0, done.stderr
    errors, tasks = json.loads(done.stdout.splitlines()[-1])
    assert not errors
    assert {name: after for name, (_, *after) in tasks.items()} == {
        "map_before": ["imprint"], "imprint": ["diff"], "diff": []
    }  # fmt: skip
    assert all(command.startswith("litho once ") for command, *_ in tasks.values())
