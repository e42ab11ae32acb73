"""Registries of operators and detectors, and what other packages add to them."""

import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from litho.core import registry as registry_module
from litho.core.errors import LithoError
from litho.core.registry import Registry

Function = Callable[[str], str]
Plugins = Callable[..., "Registry[Function]"]


def shout(text: str) -> str:
    return text.upper()


def test_registry_refuses_a_second_item_of_the_same_name() -> None:
    registry: Registry[Function] = Registry("voice")
    registry.register(shout)
    assert registry["shout"]("a") == "A"
    with pytest.raises(ValueError, match="registered already"):
        registry.register(shout)


def test_an_unknown_name_is_an_error_that_says_what_there_is() -> None:
    registry: Registry[Function] = Registry("voice")
    registry.register(shout)
    with pytest.raises(LithoError, match=r"^unknown voice 'sing' \(choose from shout\)$"):
        registry["sing"]


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plugins]:
    """A registry of voices with plug-ins: modules by name, and entry points, name=module:function.

    The modules decorate with `voice`, as CONTRIBUTING.md says.
    """
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def make(modules: dict[str, str], *points: str) -> Registry[Function]:
        registry: Registry[Function] = Registry("voice")
        registry.register(shout)
        monkeypatch.setattr(registry_module, "VOICES", registry, raising=False)
        for name, source in modules.items():
            head = "from litho.core.registry import VOICES\nvoice = VOICES.register\n"
            (tmp_path / f"{name}.py").write_text(head + source)
        parts = [point.split("=") for point in points]
        found = [EntryPoint(name, value, "litho.voices") for name, value in parts]
        monkeypatch.setattr(registry_module, "entry_points", lambda group: found)
        return registry

    yield make
    for name in set(sys.modules) - before:
        del sys.modules[name]


HUM = "@voice\ndef hum(text):\n    return 'm' + text\n"
SIGH = "@voice\ndef sigh(text):\n    return 'h' + text\n"


def names(registry: Registry[Function]) -> list[str]:
    return [name for name, _ in registry.items()]


def test_a_decorated_plug_in_is_registered_once(
    plugins: Plugins, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = plugins({"humming": HUM}, "hum=humming:hum")
    assert names(registry) == ["shout", "hum"] and registry["hum"]("a") == "ma"
    assert capsys.readouterr().err == ""


def test_the_name_of_the_entry_point_counts(plugins: Plugins) -> None:
    plain = "def sigh(text):\n    return text\n"
    registry = plugins({"a": HUM, "b": plain}, "low_hum=a:hum", "deep_sigh=b:sigh")
    assert names(registry) == ["shout", "low_hum", "deep_sigh"]


def test_also_if_its_own_name_is_taken(plugins: Plugins) -> None:
    own = HUM.replace("hum", "shout")
    assert names(plugins({"a": own}, "loud=a:shout")) == ["shout", "loud"]


def test_also_if_its_module_was_imported_before(plugins: Plugins) -> None:
    registry = plugins({"a": HUM}, "low=a:hum")
    __import__("a")
    assert names(registry) == ["shout", "low"]


def test_one_module_may_bring_several(plugins: Plugins) -> None:
    third = HUM.replace("hum", "third")
    registry = plugins({"a": HUM + SIGH + third}, "hum=a:hum", "deep=a:sigh")
    assert names(registry) == ["shout", "hum", "deep", "third"]


@pytest.mark.parametrize(
    ("source", "point", "said"),
    [
        ("raise RuntimeError('no cellar')", "b=b:hum", "RuntimeError: no cellar"),
        (SIGH + "import no_such_module", "b=b:sigh", "ModuleNotFoundError: No module named"),
        ("x = (", "b=b:x", "SyntaxError"),
        (HUM, "b=b:nothing", "AttributeError"),
        ("hum = 3", "b=b:hum", "TypeError: b:hum is no function"),
        (HUM, "shout=b:hum", "ValueError: the voice 'shout' is registered already"),
    ],
)
def test_a_broken_plug_in_is_named_and_the_others_stay(
    plugins: Plugins, capsys: pytest.CaptureFixture[str], source: str, point: str, said: str
) -> None:
    registry = plugins({"b": source, "c": SIGH}, point, "low=c:sigh")
    assert {"shout", "low"} <= set(names(registry)) and registry["shout"] is shout
    warned = capsys.readouterr().err
    name, value = point.split("=")
    assert f"warning: voice {name!r} of {value} is skipped: {said}" in warned
    assert {"shout", "low"} <= set(names(registry)) and "sigh" not in names(registry)
    assert capsys.readouterr().err == ""  # said once
