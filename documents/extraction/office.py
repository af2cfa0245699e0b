"""What the Office formats of ISO/IEC 29500 share: a ZIP of XML parts that relate to each other.

Elements are told by their local names, because the standard has two sets of namespaces (transitional and
strict) and both are in use.
"""

import mmap
import posixpath
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import IO, Any
from urllib.parse import unquote

from lxml import etree

from documents.extraction.containers import corrupt, open_container, open_part, reading
from documents.extraction.properties import known_properties
from documents.extraction.saved_text import save_string
from documents.extraction.types import ExtractionError

# Nothing outside the part is looked at, and nothing in it grows (row U4).
_SAFE: dict[str, Any] = {
    "resolve_entities": False,
    "no_network": True,
    "huge_tree": False,
    "load_dtd": False,
    "remove_comments": True,
}
_PROPERTIES = {
    "creator": "author",
    "subject": "subject",
    "keywords": "keywords",
    "created": "created",
    "modified": "modified",
    "language": "language",
}


@dataclass(frozen=True, slots=True)
class Relation:
    """Where a part points: `kind` is the last word of its type, `target` the name of another part."""

    kind: str
    target: str


class Package:
    """The parts of one Office file, by names that ignore case and begin without a slash."""

    def __init__(self, file: mmap.mmap) -> None:
        """Open the file's container; raises what `open_container` raises."""
        self._container = open_container(file)
        self._names = {_key(name): name for name in self._container.namelist()}

    def __contains__(self, name: str) -> bool:
        return _key(name) in self._names

    def main(self) -> str:
        """The name of the part that the package is about."""
        return next((r.target for r in self.relations("").values() if r.kind == "officeDocument"), "")

    def relations(self, part: str) -> dict[str, Relation]:
        """The parts that `part` points to (the package itself where it is ""), by relation id, in order."""
        folder, name = posixpath.split(part)
        place = posixpath.join(folder, "_rels", f"{name}.rels")
        if place not in self:
            return {}
        return {
            relation.get("Id", ""): Relation(
                kind=relation.get("Type", "").rpartition("/")[2],
                target=posixpath.normpath(posixpath.join("/", folder, unquote(relation.get("Target", ""))))[1:],
            )
            for relation in self.tree(place)
            if relation.get("TargetMode") != "External"
        }

    def related(self, part: str, kind: str) -> list[str]:
        """The names of those parts of that kind that exist."""
        return [r.target for r in self.relations(part).values() if r.kind == kind and r.target in self]

    def tree(self, name: str) -> etree._Element:
        """A small part as a whole."""
        with self.open(name) as part, parsing():
            return etree.parse(part, xml_parser()).getroot()

    def open(self, name: str) -> IO[bytes]:
        """A part to be read in pieces, inside `parsing`."""
        return open_part(self._container, self._actual(name))

    def size(self, name: str) -> int:
        """A part's bytes, inflated."""
        return self._container.getinfo(self._actual(name)).file_size

    def describe(self) -> tuple[str | None, dict[str, str]]:
        """The title and properties that the file says of itself; a damaged part says nothing."""
        try:
            parts = self.related("", "core-properties")
            root = self.tree(parts[0]) if parts else None
        except ExtractionError:
            root = None
        said = {} if root is None else {local(e): save_string(e.text or "").strip() for e in root}
        return said.get("title") or None, known_properties(said, _PROPERTIES)

    def _actual(self, name: str) -> str:
        try:
            return self._names[_key(name)]
        except KeyError as error:
            raise corrupt() from error


def local(element: etree._Element) -> str:
    """An element's name without its namespace."""
    return _without_namespace(str(element.tag))


def attribute(element: etree._Element | None, name: str, default: str = "") -> str:
    """An attribute's value, whatever namespace its name is in; `default` also where there is no element."""
    if element is None:
        return default
    found: str | None = element.get(name)
    if found is not None:
        return found
    return next((str(value) for key, value in element.items() if str(key).rpartition("}")[2] == name), default)


def child(element: etree._Element | None, *path: str) -> etree._Element | None:
    """The first descendant along a path of local names."""
    for name in path:
        element = None if element is None else next(element.iterchildren(f"{{*}}{name}"), None)
    return element


def is_on(element: etree._Element | None) -> bool:
    """Whether a property that is either on or off is on: it is there and does not say otherwise."""
    return element is not None and attribute(element, "val", "1") not in {"0", "false", "off", "none"}


def number(text: str, default: int = 0) -> int:
    """A whole number as attributes hold them; `default` for anything else."""
    try:
        return int(text)
    except ValueError:
        return default


def xml_parser(*, recovers: bool = False) -> etree.XMLParser:
    """For a small part that is read whole. With `recovers` it makes do with what is not quite XML."""
    return etree.XMLParser(remove_pis=True, recover=recovers, **_SAFE)


def stream(part: IO[bytes], *names: str) -> Iterator[etree._Element]:
    """The elements of these local names, as they end; the caller forgets what it has used (`forget`)."""
    events = etree.iterparse(
        part,
        events=("end",),
        tag=[f"{{*}}{name}" for name in names],
        remove_pis=True,
        **_SAFE,
    )
    for _, element in events:
        yield element


def forget(element: etree._Element) -> None:
    """Free an element that was read, and its siblings before it."""
    element.clear()
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]


@contextmanager
def parsing() -> Iterator[None]:
    """Names what is wrong with a part while it is parsed."""
    try:
        with reading():
            yield
    except etree.XMLSyntaxError as error:
        if getattr(error, "code", None) == etree.ErrorTypes.ERR_NO_MEMORY:
            raise MemoryError from error
        raise corrupt() from error


@lru_cache(maxsize=1024)
def _without_namespace(tag: str) -> str:
    return tag.rpartition("}")[2]


def no_text() -> ExtractionError:
    """Nothing in the file is text."""
    return ExtractionError("no_text", "The file holds no text. If it shows pictures of text, upload it as a PDF.")


def _key(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").lower()
