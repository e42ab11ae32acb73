"""Results can be read and shown where there is no torch, and are written as they always were."""

import json
import subprocess
import sys

import pytest

from litho.core.stats import Estimate, MeanAndMax
from litho.jobs.diff.result import AlignedResult, AlignedSurprise, DiffLayer, DiffOnset
from litho.jobs.map.result import MapLayer, MapResult

JOBS = (
    "map",
    "diff",
    "vary",
    "expose",
    "ensemble",
    "predict",
    "bench",
    "imprint",
    "trails",
    "exam",
)
MODELS = ("torch", "transformers", "peft", "tokenizers", "gguf")


@pytest.mark.parametrize(
    "module", [*(f"litho.jobs.{job}.result" for job in JOBS), "litho.show.report"]
)
def test_no_model_is_needed(module: str) -> None:
    program = f"import sys, {module}; print([name for name in {MODELS!r} if name in sys.modules])"
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert said.strip() == "[]"


def test_what_was_not_measured_has_no_key() -> None:
    layer = {"layer": 0, "norm": 1.0, "relative_change": 0.5, "cosine": 0.25}
    assert MapLayer(**layer).model_dump() == layer
    assert MapLayer(**layer, gradient=2.0).model_dump() == layer | {"gradient": 2.0}
    assert DiffOnset(layer=None, p=1.0).model_dump() == {"layer": None, "p": 1.0}
    sizes = {"relative_norm": 0.1, "cosine": 1.0, "cka": None, "rank_before": 2, "rank_after": 2}
    assert DiffLayer(layer=0, **sizes).model_dump() == {"layer": 0} | sizes


def test_a_result_is_read_as_it_was_written() -> None:
    result = MapResult(
        run="r",
        tokens=1,
        surprise=MeanAndMax.of([1.0, 3.0]),
        entropy=MeanAndMax(mean=1, max=2),
        top1=0.5,
        layers=(MapLayer(layer=0, norm=1, relative_change=1, cosine=1),),
        heads=(),
    )
    assert result.surprise == MeanAndMax(mean=2.0, max=3.0)
    assert MapResult(**json.loads(json.dumps(result.model_dump()))) == result


def test_models_built_differently_have_the_keys_of_those_that_are_alike() -> None:
    nothing = Estimate(value=0.0, ci=None, n=1)
    surprise = AlignedSurprise(stretches=1, before=nothing, after=nothing, rise=nothing)
    found = AlignedResult(run="r", tokens=1, layers=(), aligned=surprise).model_dump()
    assert found["kl"] == {"mean": None, "max": None} and found["heads"] == found["effects"] == ()
    assert found["onset"] == {"layer": None, "p": None}
