"""One registry for everything that a plug-in may add: operators, detectors, metrics."""

from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from typing import Generic, TypeVar

Item = TypeVar("Item", bound=Callable[..., object])


class Registry(Generic[Item]):
    """Functions by name, in the order in which they were registered.

    `group` is the entry-point group that other packages use to add theirs; it is read at the
    first look-up.
    """

    def __init__(self, group: str) -> None:
        self.group = group
        self._items: dict[str, Item] = {}
        self._loaded = False

    def register(self, function: Item) -> Item:
        """Decorator: adds `function` under its own name. Raises ValueError if that is taken."""
        name = function.__name__
        if name in self._items:
            raise ValueError(f"{self.group}: {name!r} is registered already")
        self._items[name] = function
        return function

    def items(self) -> Iterator[tuple[str, Item]]:
        self._load_plugins()
        return iter(self._items.items())

    def __getitem__(self, name: str) -> Item:
        self._load_plugins()
        return self._items[name]

    def _load_plugins(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        for point in entry_points(group=self.group):
            self.register(point.load())
