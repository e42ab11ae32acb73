"""Text out of EPUB, versions 2 and 3: the files of its spine, in their order."""

import posixpath
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote
from zipfile import BadZipFile, ZipFile

from lxml import etree

from litho.core.errors import LithoError
from litho.text.school.formats.html import PAGE_KINDS, decoded, parsed, text_of
from litho.text.school.formats.plain import Extract, joined

LARGEST = 200_000_000  # bytes of a file that is unpacked
_CONTAINER, _ENCRYPTION = "META-INF/container.xml", "META-INF/encryption.xml"


class _Item(NamedTuple):
    path: str  # in the archive
    kind: str
    properties: frozenset[str]


def read_epub(path: Path) -> Extract:
    """The text of a book. Raises LithoError on what is no EPUB, is damaged or encrypted."""
    try:
        file = path.open("rb")
    except (OSError, ValueError) as error:  # the second: what no path may hold
        raise LithoError(f"{path} cannot be read: {getattr(error, 'strerror', error)}") from None
    with file:
        try:
            with ZipFile(file) as archive:
                return _Book(path, archive).extract()
        except (BadZipFile, OSError, ValueError):
            raise LithoError(f"{path} is no EPUB, or a damaged one: it is no zip archive") from None


@dataclass(frozen=True)
class _Book:
    path: Path
    archive: ZipFile

    def extract(self) -> Extract:
        package_path = self._package_path()
        package = self._xml(package_path)
        items = dict(_items(package, posixpath.dirname(package_path)))
        spine = list(self._spine(package, items, posixpath.dirname(package_path)))
        if closed := self._encrypted().intersection(item.path for item in spine):
            raise LithoError(
                f"{self.path} is encrypted ({min(closed)}): give a copy without copy protection"
            )
        titles = self._titles(package, items)
        found = joined(self._page(item, titles) for item in spine)
        if not found.text:
            raise LithoError(f"{self.path} has no text in it, perhaps pictures of pages alone")
        return found

    def _page(self, item: _Item, titles: dict[str, str]) -> Extract:
        """A page without titles of its own has that of the table of contents."""
        written = decoded(self._bytes(item.path))
        if written is None:
            raise LithoError(f"{self.path} is damaged: {item.path} in it is not UTF-8")
        found = text_of(written)
        if found.text and not found.parts and item.path in titles:
            return Extract(found.text, {0: titles[item.path]})
        return found

    def _package_path(self) -> str:
        if _CONTAINER not in self.archive.namelist():
            raise LithoError(f"{self.path} is no EPUB: it has no {_CONTAINER} in it")
        for node in self._xml(_CONTAINER).iter("{*}rootfile"):
            if node.get("full-path"):
                return str(node.get("full-path"))
        raise LithoError(f"{self.path} is damaged: {_CONTAINER} names no package")

    def _spine(self, package: Any, items: dict[str, _Item], folder: str) -> Iterator[_Item]:  # noqa: ANN401  lxml is not annotated
        """What is read one after the other, without cover, contents and notes."""
        others = {
            _inside(folder, node.get("href") or "")
            for node in package.iter("{*}reference")
            if node.get("type") in PAGE_KINDS
        }
        for node in package.iter("{*}itemref"):
            item = items.get(node.get("idref") or "")
            if item is None:
                raise LithoError(
                    f"{self.path} is damaged: it names no file for {node.get('idref')!r}"
                )
            read = node.get("linear") != "no" and "nav" not in item.properties
            if read and "html" in item.kind and item.path not in others:
                yield item

    def _titles(self, package: Any, items: dict[str, _Item]) -> dict[str, str]:  # noqa: ANN401
        """Of files, by the table of contents."""
        found: dict[str, str] = {}
        for item in items.values():
            folder = posixpath.dirname(item.path)
            if item.path not in self.archive.namelist():
                continue
            if item.kind == "application/x-dtbncx+xml":
                for point in self._xml(item.path).iter("{*}navPoint"):
                    label, content = point.find("{*}navLabel"), point.find("{*}content")
                    if label is not None and content is not None:
                        target = _inside(folder, content.get("src") or "")
                        found.setdefault(target, " ".join("".join(label.itertext()).split()))
            elif "nav" in item.properties:
                page = parsed(decoded(self._bytes(item.path)) or "")
                for link in page.iter("a") if page is not None else ():
                    target = _inside(folder, link.get("href") or "")
                    found.setdefault(target, " ".join("".join(link.itertext()).split()))
        return {path: title for path, title in found.items() if title}

    def _encrypted(self) -> set[str]:
        if _ENCRYPTION not in self.archive.namelist():
            return set()
        found = self._xml(_ENCRYPTION).iter("{*}CipherReference")
        return {unquote(node.get("URI") or "") for node in found}

    def _xml(self, name: str) -> Any:  # noqa: ANN401
        parser = etree.XMLParser(
            resolve_entities=False, no_network=True, load_dtd=False, recover=True
        )
        try:
            tree = etree.fromstring(self._bytes(name), parser)
        except etree.XMLSyntaxError:
            tree = None
        if tree is None:
            raise LithoError(f"{self.path} is damaged: {name} in it is no XML")
        return tree

    def _bytes(self, name: str) -> bytes:
        try:
            if self.archive.getinfo(name).file_size > LARGEST:
                raise LithoError(f"{self.path} is refused: {name} in it unpacks to over 200 MB")
            return self.archive.read(name)
        except KeyError:
            raise LithoError(f"{self.path} is damaged: it lacks {name}") from None
        except (BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise LithoError(f"{self.path} is damaged at {name}: {error}") from None
        except RuntimeError:
            raise LithoError(f"{self.path} has a password: give a copy without one") from None


def _items(package: Any, folder: str) -> Iterator[tuple[str, _Item]]:  # noqa: ANN401
    for node in package.iter("{*}item"):
        properties = frozenset((node.get("properties") or "").split())
        place = _inside(folder, node.get("href") or "")
        yield node.get("id") or "", _Item(place, node.get("media-type") or "", properties)


def _inside(folder: str, link: str) -> str:
    """Where a link in a folder of the archive leads, without the place in the file."""
    return posixpath.normpath(posixpath.join(folder, unquote(link.partition("#")[0])))
