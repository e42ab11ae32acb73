"""Fixtures: tiny models in a cache of the session, small jobs, a command line."""

import gc
import os
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import lru_cache
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from litho.cli.main import app, guarded
from litho.jobs.imprint.config import ImprintConfig, ImprintSpec
from litho.model.loaded import LanguageModel
from litho.model.loading import load
from litho.model.sources import locate
from litho.text.shipped import everyday_questions, unrelated_prefixes
from tests.builders import ARCHITECTURES, GOOD_PROBE, TEXT, quick_config, run_job, small_inputs

# Tiny models gain nothing from threads, and a machine that is busy makes them wait for each other.
torch.set_num_threads(1)
os.environ["OMP_NUM_THREADS"] = "1"
# The same examples every time; a busy machine is no fault of theirs.
settings.register_profile("repeatable", derandomize=True, deadline=None, max_examples=100)
settings.load_profile("repeatable")


def pytest_collection_finish() -> None:
    """From here on, garbage is collected without a look through all the libraries each time."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Converted and tiny models and the effects registry go into a folder of the session."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LITHO_CACHE", str(folder))
        patch.setenv("LITHO_REGISTRY", str(folder / "effects.sqlite"))
        yield folder


@pytest.fixture(scope="session", autouse=True)
def few_openings() -> Iterator[None]:
    """Two unrelated openings of twelve, a fifth of a tiny job's time, and two questions."""
    two = unrelated_prefixes()[:2]
    with pytest.MonkeyPatch.context() as patch:
        lines = {"prefixes.txt": two, "questions.txt": everyday_questions()[:2]}
        patch.setattr("litho.text.shipped.shipped_lines", lines.__getitem__)
        yield


@pytest.fixture(scope="session", autouse=True)
def little_elsewhere() -> Iterator[None]:
    """Drift elsewhere is measured on little text."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("litho.measure.printing.elsewhere.NEAR_ROWS", 2)
        patch.setattr("litho.measure.printing.elsewhere.NEAR_TOKENS", 40)
        some = {"diary": ["It rained all day.", "We stayed at home."], "faq": ["Can I pay later?"]}
        patch.setattr("litho.jobs.imprint.elsewhere.unseen_kinds", lambda: some)
        yield


@pytest.fixture(scope="session")
def make_model(cache: Path) -> Callable[[str], LanguageModel]:
    """A fresh float32 copy of a tiny model."""
    loaded = lru_cache(lambda name: load(locate(f"tiny:{name}"), torch.float32))
    return lambda name: deepcopy(loaded(name))


@pytest.fixture
def llama(make_model: Callable[[str], LanguageModel]) -> LanguageModel:
    return make_model("llama")


@pytest.fixture(params=ARCHITECTURES)
def any_model(
    request: pytest.FixtureRequest, make_model: Callable[[str], LanguageModel]
) -> LanguageModel:
    return make_model(request.param)


@pytest.fixture
def inputs() -> ImprintSpec:
    return small_inputs()


@pytest.fixture
def quick() -> ImprintConfig:
    return quick_config()


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """A finished run of the main job; to be read only."""
    out = tmp_path_factory.mktemp("runs") / "done"
    run_job(small_inputs(), quick_config(), out)
    return out


@pytest.fixture
def litho(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run a command line in an empty folder; exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.md").write_text(TEXT)
    (tmp_path / "probes.jsonl").write_text(GOOD_PROBE)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = guarded(lambda: app(list(arguments), standalone_mode=False))
        out, err = capsys.readouterr()
        return code, out, err

    return run
