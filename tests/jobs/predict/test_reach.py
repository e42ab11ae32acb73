"""Which method reaches which recipe."""

import json
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from litho.core.errors import LithoError
from litho.core.stats import Estimate
from litho.jobs.predict import reach as reach_module
from litho.jobs.predict.calibration import Calibration, calibrate
from litho.jobs.predict.method import Method
from litho.jobs.predict.reach import advice, needed_method, read_calibrations
from tests.builders import alone

SHIPPED = Path(reach_module.__file__).with_name("shipped.json")


def test_the_cheaper_method_that_reaches_a_recipe_is_named() -> None:
    def known(method: Method, steps: int, agreement: float) -> Calibration:
        estimates_TQF = np.random.default_rng(0).normal(size=(12, 9, 1))
        runs = alone(estimates_TQF, estimates_TQF[..., 0])
        made = calibrate(method, "", {"steps": steps}, None, "float32", runs)
        return made.model_copy(update={"agreement": Estimate(value=agreement, ci=None, n=12)})

    reach = [
        known("first-order", 8, 0.8),
        known("first-order", 20, 0.4),
        known("short-run", 20, 0.95),
    ]
    assert [needed_method(reach, steps) for steps in (1, 8, 9, 20, 21)] == [
        "first-order", "first-order", "short-run", "short-run", None,
    ]  # fmt: skip
    assert "Take --method short-run" in advice("first-order", reach[1], "short-run", 60)[0]
    assert "run it, which takes about 1 minutes" in advice("first-order", reach[1], None, 60)[0]
    assert "Take --method first-order" in advice("short-run", None, "first-order", 60)[0]
    assert not advice("short-run", reach[2], "short-run", 60)


ENTRY = json.loads(SHIPPED.read_bytes())[0]
SOME: st.SearchStrategy[object] = (
    st.none() | st.integers() | st.floats() | st.text(max_size=3) | st.just([]) | st.just({})
)
FILES = st.binary(max_size=40) | (
    st.lists(
        SOME
        | st.dictionaries(st.sampled_from(sorted(ENTRY)), SOME, max_size=2).map(
            lambda changes: ENTRY | changes
        ),
        max_size=2,
    )
    | SOME
).map(lambda value: json.dumps(value).encode())


@settings(max_examples=50)
@given(content=FILES)
def test_any_file_holds_calibrations_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "calibration.json"
    path.write_bytes(content)
    with suppress(LithoError):
        assert all(isinstance(each, Calibration) for each in read_calibrations(path))


def test_a_missing_file_and_one_of_another_kind_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(LithoError, match="holds no calibration"):
            read_calibrations(path)


@pytest.mark.parametrize(
    "damage",
    [
        {"recipe": {"steps": "many"}},
        {"recipe": {}},
        {"checked": [3]},
        {"weights": []},
        {"usual": [[0.1]]},
        {"ridge": [[0.1, 0.2]]},
    ],
)
def test_tables_that_do_not_fit_together_are_refused(
    tmp_path: Path, damage: dict[str, object]
) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps([ENTRY | damage]))
    with pytest.raises(LithoError, match="holds no calibration"):
        read_calibrations(path)


def test_other_estimates_than_it_weighs_are_refused() -> None:
    found = Calibration(**ENTRY)
    estimates_TQF = np.zeros((2, 3, found.estimates + 1))
    with pytest.raises(LithoError, match="it is damaged"):
        found.predict(estimates_TQF, np.ones(3))
