"""An ensemble on a Ray cluster of two nodes on this machine."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from litho.core.errors import LithoError
from litho.core.executors import Cluster
from litho.core.work import WorkLedger
from litho.jobs.ensemble.config import EnsemblePlan
from litho.jobs.ensemble.fine_tunes import Ensemble
from litho.jobs.workers import Workers
from litho.learn.records import Recipe
from litho.text.items import NamedText, Question
from tests.builders import TEXT, Silent

pytest.importorskip("ray", reason="Ray is not installed (litho[cluster])")
pytestmark = [
    pytest.mark.cluster,
    pytest.mark.enable_socket,  # of this machine alone
]


_NODE: dict[str, Any] = {"num_cpus": 1, "num_gpus": 1}


@pytest.fixture(scope="module")
def address(cache: Path) -> Iterator[str]:
    """Two nodes of one CPU each, and two GPUs that are there by name only."""
    from ray.cluster_utils import Cluster as Machines

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        nodes = Machines(initialize_head=True, head_node_args=_NODE | {"include_dashboard": False})
        nodes.add_node(**_NODE)
        yield nodes.address
        nodes.shutdown()


def test_two_nodes_do_what_one_process_does(address: str, tmp_path: Path) -> None:
    texts = [NamedText(id=str(i), text=s) for i, s in enumerate(TEXT.split(". "))]
    questions = [Question(id="q", prefix="The clock was built by", target="Marek")]
    plan = EnsemblePlan(
        texts=Path("texts.jsonl"),
        probes=Path("probes.jsonl"),
        models=("tiny:llama",),
        recipes=(Recipe(steps=2, learning_rate=1e-2),),
    )

    def deltas(folder: str, cluster: str | None) -> list[list[float]]:
        found = Ensemble(
            plan, texts, questions, tmp_path / folder, Silent(), Workers(cluster)
        ).run()
        return [effect.deltas for effect in found]

    alone = deltas("alone", None)
    assert len(alone) == 6 and deltas("nodes", address) == alone


def test_work_whose_worker_dies_is_done_again(address: str, tmp_path: Path) -> None:
    died = tmp_path / "died"

    def dies_once() -> dict[str, Any]:
        if not died.exists():
            died.touch()
            os._exit(1)
        return {"done": True}

    with Cluster(address, patience=60) as cluster:
        assert cluster.slots == 2
        ledger = WorkLedger(tmp_path)
        work = ({"piece": 1}, dies_once)
        assert ledger.complete([work], executor=cluster) == [{"done": True}]
        assert len(ledger.known()) == 1


def test_work_that_hangs_is_begun_again_and_given_up_in_the_end(
    address: str, tmp_path: Path
) -> None:
    begun = tmp_path / "begun"

    def hangs_once() -> dict[str, Any]:
        if not begun.exists():
            begun.touch()
            time.sleep(60)
        return {"done": True}

    def hangs() -> dict[str, Any]:
        time.sleep(60)
        return {}

    with Cluster(address, patience=12) as cluster:
        assert cluster.do(hangs_once) == {"done": True}
    said = "longer than 1 s on the cluster, 2 times"
    with Cluster(address, patience=1) as cluster, pytest.raises(LithoError, match=said):
        cluster.do(hangs)


def test_on_gpus_each_has_one_process_that_goes_on(address: str, tmp_path: Path) -> None:
    def where() -> dict[str, Any]:
        time.sleep(0.2)
        return {"process": os.getpid(), "gpu": os.environ["CUDA_VISIBLE_DEVICES"]}

    with Cluster(address, patience=60, on_gpus=True) as cluster:
        assert cluster.slots == 2
        works = [({"piece": i}, where) for i in range(8)]
        told = WorkLedger(tmp_path).complete(works, executor=cluster)
    assert len({(each["process"], each["gpu"]) for each in told}) == 2


def test_on_gpus_a_process_that_dies_or_hangs_gives_way_to_another(
    address: str, tmp_path: Path
) -> None:
    begun = tmp_path / "begun"

    def dies_then_hangs() -> dict[str, Any]:
        count = len(begun.read_text()) if begun.exists() else 0
        begun.write_text("x" * (count + 1))
        if count == 0:
            os._exit(1)
        time.sleep(60 if count == 1 else 0)
        return {"done": True}

    def fails() -> dict[str, Any]:
        raise LithoError("the training diverged")

    with Cluster(address, patience=12, on_gpus=True) as cluster:
        assert cluster.do(dies_then_hangs) == {"done": True}
        with pytest.raises(LithoError, match=r"^the training diverged$"):
            cluster.do(fails)
        assert cluster.do(lambda: {"done": True}) == {"done": True}


def test_an_error_of_a_run_is_told_as_it_was(address: str) -> None:
    def fails() -> dict[str, Any]:
        raise LithoError("the training diverged")

    told = pytest.raises(LithoError, match=r"^the training diverged$")
    with Cluster(address, patience=60) as cluster, told:
        cluster.do(fails)


def test_nothing_is_written_where_no_cluster_answers(
    tmp_path: Path, litho: Callable[..., tuple[int, str, str]]
) -> None:
    for name, line in (
        ("texts.jsonl", '{"id": "a", "text": "A goat stood on the bridge."}'),
        ("probes.jsonl", '{"id": "q", "prefix": "On the bridge stood a", "target": "goat"}'),
        ("plan.yaml", "{texts: texts.jsonl, probes: probes.jsonl, models: ['tiny:llama']}"),
    ):
        (tmp_path / name).write_text(line + "\n")
    out = tmp_path / "x"
    plan = str(tmp_path / "plan.yaml")
    code, _, said = litho("ensemble", plan, "--out", str(out), "--cluster", "127.0.0.1:1")
    assert code == 2 and "no Ray cluster answers" in said and not out.exists()


def test_no_cluster_is_an_error() -> None:
    with pytest.raises(LithoError, match="no Ray cluster answers at"):
        Cluster("127.0.0.1:1", patience=1)
