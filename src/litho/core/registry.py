"""One registry for everything that a plug-in may add: operators, detectors, metrics."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar

from litho.core.errors import LithoError, first_line

Item = TypeVar("Item", bound=Callable[..., object])


class Registry(Generic[Item]):
    """Functions by name, in the order in which they were registered.

    `kind` is what one of them is called, and `litho.<kind>s` the entry-point group that other
    packages use to add theirs. It is read at the first look-up; a plug-in that cannot be used is
    named in a warning on standard error and skipped.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.group = f"litho.{kind}s"
        self._items: dict[str, Item] = {}
        self._loaded = False
        self._arriving: list[Item] | None = None  # decorated while plug-ins are imported

    def register(self, function: Item) -> Item:
        """Decorator: adds `function` under its own name. Raises ValueError if that is taken."""
        if self._arriving is None:
            self._add(function.__name__, function)
        else:
            self._arriving.append(function)
        return function

    def items(self) -> Iterator[tuple[str, Item]]:
        self._load_plugins()
        return iter(self._items.items())

    def __getitem__(self, name: str) -> Item:
        """Raises LithoError if there is none of that name."""
        self._load_plugins()
        if name not in self._items:
            known = ", ".join(self._items)
            raise LithoError(f"unknown {self.kind} {name!r} (choose from {known})")
        return self._items[name]

    def _add(self, name: str, function: Item) -> None:
        if name in self._items:
            raise ValueError(f"the {self.kind} {name!r} is registered already")
        self._items[name] = function

    def _load_plugins(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        self._arriving = []
        for point in entry_points(group=self.group):
            with self._skipped_if_broken(point.name, point.value):
                self._load(point)
        arrived, self._arriving = self._arriving, None
        for function in arrived:
            if function not in self._items.values():  # decorated beside one that has a name
                with self._skipped_if_broken(function.__name__, function.__module__):
                    self._add(function.__name__, function)

    def _load(self, point: EntryPoint) -> None:
        """Add a plug-in under the name of its entry point, whether or not it is decorated."""
        before = list(self._arriving or ())
        try:
            function: Item = point.load()
        except BaseException:
            self._arriving = before  # no part of a module whose import failed
            raise
        if not callable(function):
            raise TypeError(f"{point.value} is no function")
        if self._items.get(function.__name__) is function:
            # Its module was imported before this, and its own name counted so far.
            del self._items[function.__name__]
        self._add(point.name, function)

    @contextmanager
    def _skipped_if_broken(self, name: str, place: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # whatever a stranger's module raises when it is imported
            said = f"{type(error).__name__}: {first_line(error)}"
            print(f"warning: {self.kind} {name!r} of {place} is skipped: {said}", file=sys.stderr)
