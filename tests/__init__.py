"""Tests; the folders are those of the source."""

import pytest

pytest.register_assert_rewrite("tests.builders")  # what its checks compare is shown when they fail
