"""Settings: one way in, unknown keys are errors."""

from pathlib import Path

import pytest

from litho.core.config import load_config, make_config
from litho.core.errors import LithoError
from litho.jobs.ensemble.config import EnsemblePlan
from litho.jobs.imprint.config import ImprintConfig
from litho.jobs.reprint.config import ReprintConfig


def test_file_then_assignments(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("rank: 4\nbudget: 0.02\n")
    config = load_config(ImprintConfig, file, ["budget=0.01"])
    assert (config.rank, config.budget) == (4, 0.01)


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("bugdet=1", "unknown setting 'bugdet'"),
        ("rank=lots", "setting 'rank' is 'lots'"),
        ("budget=-1", "setting 'budget'"),
        ("controls=some", "setting 'controls'"),
        ("replay_rows=99", "replay_rows must not be greater"),
        ("rank", "write it as key=value"),
        ("rank=[", "not valid YAML"),
    ],
)
def test_bad_settings_are_named(assignment: str, message: str) -> None:
    with pytest.raises(LithoError, match=message):
        load_config(ImprintConfig, None, [assignment])


def test_an_item_at_fault_is_named_and_not_the_list_that_lacks_it() -> None:
    with pytest.raises(LithoError) as error:
        load_config(ReprintConfig, None, ["arms=[foo]"])
    assert str(error.value) == "setting 'arms.0' is 'foo': input should be 'rewrite' or 'more'"


def test_a_misspelt_setting_inside_another_is_told_with_those_that_it_has() -> None:
    with pytest.raises(LithoError) as error:
        make_config(EnsemblePlan, {"texts": "t", "probes": "p", "recipes": [{"learnrate": 1}]})
    said = str(error.value)
    assert said.startswith("unknown setting 'recipes.0.learnrate'; known ones: ")
    assert "learning_rate" in said and "probes" not in said and "tuple" not in said


@pytest.mark.parametrize("content", ["- a", "rank: [", "\udcff"])
def test_bad_files(tmp_path: Path, content: str) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(content, errors="surrogateescape")
    with pytest.raises(LithoError, match="settings file") as error:
        load_config(ImprintConfig, file)
    assert "\n" not in str(error.value)


def test_options_of_the_command_line_are_settings() -> None:
    options = {"budget": ("--budget", 0.02), "rank": ("--rank", None)}
    assert load_config(ImprintConfig, None, (), options).budget == 0.02
    config = load_config(ImprintConfig, None, ["rank=4"], options)
    assert (config.rank, config.budget) == (4, 0.02)


@pytest.mark.parametrize("same", ["budget=0.02", "budget = 0.020", "budget=2e-2"])
def test_an_option_and_an_assignment_may_agree(same: str) -> None:
    options = {"budget": ("--budget", 0.02)}
    assert load_config(ImprintConfig, None, [same], options).budget == 0.02


@pytest.mark.parametrize(
    ("assignment", "option", "value"),
    [
        ("budget=0.01", "--budget", 0.02),
        ("budget=none", "--budget", 0.02),
        ("budget=true", "--no-budget", False),
        ("budget=null", "--budget", "none"),
    ],
)
def test_an_option_and_an_assignment_that_differ_are_refused(
    assignment: str, option: str, value: object
) -> None:
    with pytest.raises(LithoError, match=f"{option} and --set {assignment} give 'budget' two"):
        load_config(ImprintConfig, None, ["rank=4", assignment], {"budget": (option, value)})


def test_a_validators_words_are_said_as_they_are() -> None:
    from litho.jobs.trails.config import PrintConfig

    with pytest.raises(LithoError, match=r"^settings do not fit together: only routing trains"):
        load_config(PrintConfig, None, ["heads=random"])
