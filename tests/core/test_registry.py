"""Registries of operators and detectors."""

import pytest

from litho.core.registry import Registry


def test_registry_refuses_a_second_item_of_the_same_name() -> None:
    registry: Registry = Registry("litho.nothing")

    def shout(text: str) -> str:
        return text.upper()

    registry.register(shout)
    assert registry["shout"]("a") == "A"
    with pytest.raises(ValueError, match="registered already"):
        registry.register(shout)
