"""What the styles of a Word document say of its paragraphs: heading levels, lists, breaks."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from lxml import etree

from documents.extraction.office import attribute, child, is_on, local, number

MAX_HEADING_LEVEL = 6

_HEADING_NAME = re.compile(r"heading (\d)", re.I)
_LIST_NAME = re.compile(r"list (?:bullet|number)(?: (\d))?", re.I)
_BODY_LEVEL = 9
_MAX_ANCESTORS = 20


@dataclass(frozen=True, slots=True)
class Style:
    """A paragraph style with all that it inherits.

    `heading` is a level from 1, 0 for body text. `list_id` is the numbering it applies ("0": none) and
    `list_level` the level there, None where the numbering knows. `shown_level` is how deep its name says that
    it is: "List Bullet 2" is the first level of a list of its own.
    """

    heading: int = 0
    is_title: bool = False
    is_contents: bool = False
    breaks_page: bool = False
    list_id: str = ""
    list_level: int | None = None
    shown_level: int | None = None


_PLAIN = Style()


@dataclass(frozen=True, slots=True)
class Styles:
    """All paragraph styles by their ids, and the id of the default one."""

    by_id: Mapping[str, Style] = field(default_factory=dict)
    default: str = ""

    @classmethod
    def read(cls, root: etree._Element | None) -> Self:
        """The styles part's root, None where the document has none."""
        elements = {} if root is None else {attribute(e, "styleId"): e for e in root if local(e) == "style"}
        default = next(
            (id_ for id_, e in elements.items() if attribute(e, "type") == "paragraph" and is_default(e)), ""
        )
        return cls({id_: _resolved(id_, elements) for id_ in elements}, default)

    def get(self, id_: str) -> Style:
        """The style of that id, else the default one, else a plain one."""
        return self.by_id.get(id_) or self.by_id.get(self.default) or _PLAIN


def is_default(element: etree._Element) -> bool:
    """Whether paragraphs that name no style have this one."""
    return attribute(element, "default") in {"1", "true", "on"}


def heading_of(properties: etree._Element | None, inherited: int) -> int:
    """The heading level that paragraph properties give: their own outline level, else the inherited one."""
    outline = child(properties, "outlineLvl")
    if outline is None:
        return inherited
    level = number(attribute(outline, "val"), _BODY_LEVEL)
    return level + 1 if 0 <= level < _BODY_LEVEL else 0


def _resolved(id_: str, elements: Mapping[str, etree._Element]) -> Style:
    """The style with what it is based on; a chain that bites its tail ends."""
    chain: list[etree._Element] = []
    while id_ in elements and len(chain) < _MAX_ANCESTORS:
        chain.append(elements[id_])
        id_ = attribute(child(chain[-1], "basedOn"), "val")
    style = _PLAIN
    for element in reversed(chain):
        style = _derived(style, element)
    return style


def _derived(base: Style, element: etree._Element) -> Style:
    name = attribute(child(element, "name"), "val").strip()
    properties = child(element, "pPr")
    style = replace(base, heading=heading_of(properties, base.heading))
    if match := _HEADING_NAME.fullmatch(name):
        style = replace(style, heading=number(match[1]))
    if name.lower() == "title":
        style = replace(style, is_title=True, heading=1)
    if name.lower().startswith("toc "):
        style = replace(style, is_contents=True, heading=0)
    breaks = child(properties, "pageBreakBefore")
    if breaks is not None:
        style = replace(style, breaks_page=is_on(breaks))
    return _with_list(style, name, child(properties, "numPr"))


def _with_list(style: Style, name: str, numbering: etree._Element | None) -> Style:
    list_id, level = child(numbering, "numId"), child(numbering, "ilvl")
    if list_id is not None:
        style = replace(style, list_id=attribute(list_id, "val"), list_level=None)
    if level is not None:
        style = replace(style, list_level=number(attribute(level, "val")))
    if (match := _LIST_NAME.fullmatch(name)) and match[1]:
        style = replace(style, shown_level=number(match[1]) - 1)
    return style
