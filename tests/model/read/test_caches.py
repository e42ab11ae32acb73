"""Reading on from a cache is tried before it is done."""

import pytest

from litho.model.loaded import LanguageModel
from litho.model.read.caches import read_prefix, reads_on
from tests.builders import random_network
from tests.model.test_architectures import KINDS

SUMMING_UP = ("lfm2", "mamba2", "qwen3_next")


@pytest.mark.parametrize("architecture", ["llama", "mistral", "gemma3_text", *SUMMING_UP])
def test_models_that_sum_up_what_they_read_are_read_without_a_cache(
    architecture: str, llama: LanguageModel
) -> None:
    llama.network = random_network(architecture, **KINDS[architecture])
    assert reads_on(llama) == (architecture not in SUMMING_UP)
    assert (read_prefix(llama, range(2, 12)) is not None) == reads_on(llama)
