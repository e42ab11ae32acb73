"""Tests; the folders are those of the source."""

import gc

import pytest

gc.disable()  # until everything is imported: see `pytest_collection_finish`
pytest.register_assert_rewrite("tests.builders")  # what its checks compare is shown when they fail
