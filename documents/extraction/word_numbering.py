"""The numbers and bullets that Word puts before paragraphs, counted as Word counts them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from lxml import etree

from documents.extraction.office import attribute, child, is_on, local, number

MAX_LEVEL = 8

_ROMAN = {1000: "m", 900: "cm", 500: "d", 400: "cd", 100: "c", 90: "xc", 50: "l", 40: "xl"}
_ROMAN |= {10: "x", 9: "ix", 5: "v", 4: "iv", 1: "i"}
_LARGEST_ROMAN = 4000
_LETTERS = 26
_LARGEST_LETTER = 780  # Word repeats the letter: 27 is aa, 28 bb


@dataclass(frozen=True, slots=True)
class Label:
    """What stands before a paragraph: the text as shown, "" for a bullet. `number` is set where the text is
    a plain "3." or "3)".
    """

    text: str
    level: int
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Level:
    start: int = 1
    format: str = "decimal"
    text: str = ""
    style: str = ""
    is_legal: bool = False


@dataclass(slots=True)
class Numbering:
    """The lists of a document and how far each has counted."""

    _levels: Mapping[str, Mapping[int, Level]] = field(default_factory=dict)
    _lists: Mapping[str, str] = field(default_factory=dict)
    _starts: dict[str, dict[int, int]] = field(default_factory=dict)
    _counts: dict[str, dict[int, int]] = field(default_factory=dict)

    @classmethod
    def read(cls, root: etree._Element | None, lists_of_styles: Mapping[str, str]) -> Self:
        """The numbering part's root, and the list ids that styles name (a list may be defined by a style)."""
        if root is None:
            return cls()
        abstract = {attribute(e, "abstractNumId"): e for e in root if local(e) == "abstractNum"}
        instances = {attribute(e, "numId"): e for e in root if local(e) == "num"}
        lists = {id_: attribute(child(e, "abstractNumId"), "val") for id_, e in instances.items()}
        levels = {id_: _read_levels(e) for id_, e in abstract.items()}
        for id_, element in abstract.items():
            link = attribute(child(element, "numStyleLink"), "val")
            if link:
                levels[id_] = levels.get(lists.get(lists_of_styles.get(link, ""), ""), {})
        return cls(levels, lists, {id_: _read_starts(e) for id_, e in instances.items()})

    def level_of_style(self, list_id: str, style: str) -> int:
        """The level of the list that belongs to a style; 0 if none does."""
        levels = self._levels.get(self._lists.get(list_id, ""), {})
        return next((level for level, definition in levels.items() if style and definition.style == style), 0)

    def next(self, list_id: str, level: int) -> Label | None:
        """The label of the list's next paragraph on that level (from 0); None where it has none."""
        abstract = self._lists.get(list_id, "")
        levels = self._levels.get(abstract, {})
        level = min(max(level, 0), MAX_LEVEL)
        definition = levels.get(level)
        if definition is None:
            return None
        counts = self._counts.setdefault(abstract, {})
        self._count(list_id, level, definition, counts)
        if definition.format == "bullet":
            return Label("", level)
        text = _shown(definition, levels, counts)
        if not text:
            return None
        plain = definition.format == "decimal" and text.rstrip(".)") == str(counts[level])
        return Label(text, level, counts[level] if plain else None)

    def _count(self, list_id: str, level: int, definition: Level, counts: dict[int, int]) -> None:
        restart = self._starts.get(list_id, {}).pop(level, None)  # counts once, when the list begins
        if restart is not None:
            counts[level] = restart
        else:
            counts[level] = counts[level] + 1 if level in counts else definition.start
        for deeper in [other for other in counts if other > level]:
            del counts[deeper]


def roman(value: int) -> str:
    """Lower case; larger numbers than Romans wrote stay as they are."""
    if not 0 < value < _LARGEST_ROMAN:
        return str(value)
    text = ""
    for size, letters in _ROMAN.items():
        text += letters * (value // size)
        value %= size
    return text


def _read_levels(element: etree._Element) -> dict[int, Level]:
    return {
        number(attribute(level, "ilvl")): Level(
            start=number(attribute(child(level, "start"), "val"), 1),
            format=attribute(child(level, "numFmt"), "val", "decimal"),
            text=attribute(child(level, "lvlText"), "val"),
            style=attribute(child(level, "pStyle"), "val"),
            is_legal=is_on(child(level, "isLgl")),
        )
        for level in element
        if local(level) == "lvl"
    }


def _read_starts(element: etree._Element) -> dict[int, int]:
    return {
        number(attribute(override, "ilvl")): number(attribute(child(override, "startOverride"), "val"), 1)
        for override in element
        if local(override) == "lvlOverride" and child(override, "startOverride") is not None
    }


def _shown(definition: Level, levels: Mapping[int, Level], counts: Mapping[int, int]) -> str:
    """The level's text with each "%2" replaced by the count of that level."""
    text = definition.text
    for index in range(MAX_LEVEL + 1):
        if f"%{index + 1}" in text:
            level = levels.get(index, definition)
            style = "decimal" if definition.is_legal else level.format
            text = text.replace(f"%{index + 1}", _formatted(counts.get(index, level.start), style))
    return text.strip()


def _formatted(value: int, style: str) -> str:
    if style == "none":
        return ""
    if style == "decimalZero":
        return f"{value:02}"
    if style in {"lowerRoman", "upperRoman"}:
        shown = roman(value)
    elif style in {"lowerLetter", "upperLetter"} and 0 < value <= _LARGEST_LETTER:
        shown = chr(ord("a") + (value - 1) % _LETTERS) * ((value - 1) // _LETTERS + 1)
    else:
        shown = str(value)
    return shown.upper() if style.startswith("upper") else shown
