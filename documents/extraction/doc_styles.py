"""What the styles and lists of an old Word document say, as DOCX files say it ([MS-DOC] 2.4.6, 2.9.271)."""

import struct
from collections.abc import Mapping
from dataclasses import replace

from documents.extraction.doc_binary import Sprms, WordFile, read_sprms
from documents.extraction.word_numbering import MAX_LEVEL, Level, Numbering
from documents.extraction.word_styles import Style

BREAK_BEFORE, OUTLINE, LIST, LEVEL = 0x2407, 0x2640, 0x460B, 0x260A

_STYLES, _LISTS, _OVERRIDES = 1, 73, 74  # their indices in the file's head
_HEADINGS, _CONTENTS, _TITLE = range(1, 10), range(19, 28), 62
_NO_STYLE = 0xFFF
_MAX_ANCESTORS = 20
_FORMATS = {0: "decimal", 1: "upperRoman", 2: "lowerRoman", 3: "upperLetter", 4: "lowerLetter"}
_FORMATS |= {22: "decimalZero", 23: "bullet", 255: "none"}
_LIST_SIZE, _LEVEL_SIZE, _OVERRIDE_SIZE = 28, 28, 16


def read_styles(word: WordFile) -> dict[int, Style]:
    """The paragraph styles by their numbers."""
    raw = word.structure(_STYLES)
    if len(raw) < 6:  # noqa: PLR2004 - the sizes of the head
        return {}
    head, count, base_size = struct.unpack_from("<HHH", raw)
    found: dict[int, tuple[int, int, Sprms]] = {}
    at = 2 + head
    for number in range(count):
        size = int.from_bytes(raw[at : at + 2], "little")
        entry = raw[at + 2 : at + 2 + size]
        at += 2 + size + size % 2
        if len(entry) > base_size >= 8:  # noqa: PLR2004 - an empty place has no entry
            found[number] = _style_entry(entry, base_size)
    return {number: _resolved(number, found) for number in found}


def with_sprms(style: Style, sprms: Sprms) -> Style:
    """The style as the paragraph's own properties change it."""
    if OUTLINE in sprms:
        level = _value(sprms, OUTLINE)
        style = replace(style, heading=level + 1 if level <= MAX_LEVEL else 0)
    if LIST in sprms:
        style = replace(style, list_id=str(_value(sprms, LIST)))
    if LEVEL in sprms:
        style = replace(style, list_level=_value(sprms, LEVEL))
    if BREAK_BEFORE in sprms:
        style = replace(style, breaks_page=bool(_value(sprms, BREAK_BEFORE)))
    return style


def read_numbering(word: WordFile) -> Numbering:
    """The lists, under the numbers that paragraphs call them by."""
    levels = _read_levels(word)
    raw = word.structure(_OVERRIDES)
    count = min(int.from_bytes(raw[:4], "little"), (len(raw) - 4) // _OVERRIDE_SIZE) if len(raw) > 4 else 0  # noqa: PLR2004
    ids = [struct.unpack_from("<i", raw, 4 + index * _OVERRIDE_SIZE)[0] for index in range(count)]
    return Numbering(levels, {str(index): str(id_) for index, id_ in enumerate(ids, 1)})


def _value(sprms: Sprms, number: int) -> int:
    return int.from_bytes(sprms[number], "little")


def _style_entry(entry: bytes, base_size: int) -> tuple[int, int, Sprms]:
    """A style's built-in number, the style it is based on, and its paragraph properties."""
    first, second = struct.unpack_from("<HH", entry)
    built_in, base, is_paragraph = first & 0xFFF, second >> 4, second & 0xF == 1
    name = int.from_bytes(entry[base_size : base_size + 2], "little")
    at = base_size + 2 + 2 * name + 2
    size = int.from_bytes(entry[at : at + 2], "little")
    properties = entry[at + 4 : at + 2 + size]  # behind the style's own number
    return built_in, base, read_sprms(properties) if is_paragraph else {}


def _resolved(number: int, found: Mapping[int, tuple[int, int, Sprms]]) -> Style:
    chain: list[tuple[int, Sprms]] = []
    while number in found and len(chain) < _MAX_ANCESTORS:
        built_in, base, sprms = found[number]
        chain.append((built_in, sprms))
        number = base
    style = Style()
    for built_in, sprms in reversed(chain):
        if built_in in _HEADINGS:
            style = replace(style, heading=built_in)
        elif built_in == _TITLE:
            style = replace(style, heading=1, is_title=True)
        elif built_in in _CONTENTS:
            style = replace(style, heading=0, is_contents=True)
        style = with_sprms(style, sprms)
    return style


def _read_levels(word: WordFile) -> dict[str, dict[int, Level]]:
    """Each list's levels, by the list's id; they stand behind the lists themselves."""
    raw = word.structure(_LISTS)
    if len(raw) < 2:  # noqa: PLR2004 - the count
        return {}
    count = struct.unpack_from("<H", raw)[0]
    start = struct.unpack_from("<I", word.main, 0x9A + 8 * _LISTS)[0]
    at = start + 2 + count * _LIST_SIZE
    lists: dict[str, dict[int, Level]] = {}
    for index in range(count):
        head = raw[2 + index * _LIST_SIZE :][:_LIST_SIZE]
        if len(head) < _LIST_SIZE:
            break
        (id_,) = struct.unpack_from("<i", head)
        levels: dict[int, Level] = {}
        for level in range(1 if head[26] & 1 else MAX_LEVEL + 1):
            entry = word.table[at : at + _LEVEL_SIZE]
            if len(entry) < _LEVEL_SIZE:
                return lists
            at += _LEVEL_SIZE + entry[24] + entry[25]
            length = int.from_bytes(word.table[at : at + 2], "little")
            text = word.table[at + 2 : at + 2 + 2 * length].decode("utf-16-le", errors="replace")
            at += 2 + 2 * length
            shown = "".join(f"%{ord(c) + 1}" if ord(c) <= MAX_LEVEL else c for c in text)
            levels[level] = Level(struct.unpack_from("<i", entry)[0], _FORMATS.get(entry[4], "decimal"), shown)
        lists[str(id_)] = levels
    return lists
