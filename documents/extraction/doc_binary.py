"""The structures of an old Word document ([MS-DOC], Word 97 to 2003): its text and what formats it.

Positions in the text ("cp" there) count UTF-16 code units; positions in the stream ("fc") count bytes.
"""

import struct
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from documents.extraction.compound import CompoundFile
from documents.extraction.containers import corrupt, encrypted
from documents.extraction.types import ExtractionError

DROPPED = "\0"
"""Stands in the text for what was deleted, hidden or is a field's instruction."""

_IDENTITY, _OLD_IDENTITIES = 0xA5EC, frozenset({0xA5DC, 0xA59B, 0xA5DB})
_FIRST_VERSION = 0xC1  # Word 97; the fields below are where they are since then
_IS_ENCRYPTED, _TABLE_IS_1 = 0x100, 0x200
_COUNTS, _PLACES = 0x4C, 0x9A
_COMPRESSED = 0x40000000
_PAGE = 512
_MAX_CHARACTERS = 20_000_000
_SPRM_SIZES = (1, 1, 2, 4, 2, 2, 0, 3)
_DEFINE_TABLE, _CHANGE_TABS, _HUGE_PAPX = 0xD608, 0xC615, 0x6646
_DELETED, _VANISHED = 0x0800, 0x083C

Sprms = Mapping[int, bytes]
"""Property modifiers: what is set, as bytes, by the number that [MS-DOC] 2.6 gives it."""


@dataclass(frozen=True, slots=True)
class Formatting:
    """What a run of the stream, [start, end), has: for paragraphs the style too."""

    start: int
    end: int
    style: int
    sprms: Sprms


@dataclass(frozen=True, slots=True)
class _Piece:
    cp: int
    length: int
    fc: int
    width: int


@dataclass(slots=True)
class WordFile:
    """An opened file. `text` is the main text and after it those of notes, headers and boxes; see `part`."""

    text: str
    counts: tuple[int, ...]
    main: bytes
    table: bytes
    data: bytes
    _pieces: Sequence[_Piece]
    _paragraphs: list[Formatting] = field(default_factory=list)

    @classmethod
    def open(cls, compound: CompoundFile) -> "WordFile":
        """Raises `ExtractionError`: `corrupt_file`, `encrypted_file`, or `unsupported_type` before Word 97."""
        main = compound.stream("WordDocument")
        if len(main) < _PLACES + 8:
            raise corrupt()
        identity, version, flags = struct.unpack_from("<HH6xH", main)
        if identity in _OLD_IDENTITIES or (identity == _IDENTITY and version < _FIRST_VERSION):
            raise ExtractionError(
                "unsupported_type",
                "The file was made by Word 95 or older. Save it as DOCX or PDF, then upload that file.",
            )
        if identity != _IDENTITY:
            raise corrupt()
        if flags & _IS_ENCRYPTED:
            raise encrypted()
        table = compound.stream("1Table" if flags & _TABLE_IS_1 else "0Table")
        data = compound.stream("Data") if "Data" in compound.names else b""
        counts = struct.unpack_from("<8i", main, _COUNTS)
        pieces = _read_pieces(_structure(main, table, 33))
        word = cls("", counts, main, table, data, pieces)
        word._read_text()
        word._paragraphs = sorted(word._formattings(13, is_paragraph=True), key=lambda each: each.start)
        return word

    def structure(self, index: int) -> bytes:
        """The structure that the file's head gives the place of, by its index there; b"" where there is none."""
        return _structure(self.main, self.table, index)

    def part(self, index: int) -> tuple[int, int]:
        """Where a part's text is: 0 the main one, 1 footnotes, 2 headers, 5 endnotes, 6 text boxes."""
        start = min(sum(max(0, count) for count in self.counts[:index]), len(self.text))
        return start, min(start + max(0, self.counts[index]), len(self.text))

    def paragraph(self, position: int) -> Formatting | None:
        """What the paragraph has whose mark stands at that position of the text."""
        for piece in self._pieces[max(0, bisect_right(self._pieces, position, key=lambda each: each.cp) - 1) :]:
            fc = piece.fc + (position - piece.cp) * piece.width
            at = bisect_right(self._paragraphs, fc, key=lambda each: each.start) - 1
            found = self._paragraphs[at] if at >= 0 else None
            return found if found and fc < found.end else None
        return None

    def _read_text(self) -> None:
        texts = []
        for piece in self._pieces:
            raw = self.main[piece.fc : piece.fc + piece.length * piece.width]
            if len(raw) < piece.length * piece.width:
                raise corrupt()
            if piece.width == 1:
                texts.append(raw.decode("cp1252", errors="replace"))
            else:  # code units one by one, so that positions hold; pairs are joined when the text is saved
                texts.append("".join(map(chr, struct.unpack(f"<{piece.length}H", raw))))
        units = list("".join(texts))
        for run in self._formattings(12, is_paragraph=False):
            if run.sprms.get(_DELETED) == b"\1" or run.sprms.get(_VANISHED) == b"\1":
                for piece in self._pieces:
                    first = max(0, -(-(run.start - piece.fc) // piece.width))
                    last = min(piece.length, -(-(run.end - piece.fc) // piece.width))
                    if first < last:
                        units[piece.cp + first : piece.cp + last] = DROPPED * (last - first)
        self.text = _without_instructions("".join(units))

    def _formattings(self, index: int, *, is_paragraph: bool) -> Iterator[Formatting]:
        """The runs of all pages of formatting ([MS-DOC] 2.8.6 and 2.8.5, 2.9.33 and 2.9.174)."""
        places = self.structure(index)
        count = max(0, (len(places) - 4) // 8)
        for number in struct.unpack_from(f"<{count}I", places, 4 * (count + 1)) if count else ():
            start = (number & 0x3FFFFF) * _PAGE
            page = self.main[start : start + _PAGE]
            if len(page) == _PAGE:
                yield from self._page(page, is_paragraph=is_paragraph)

    def _page(self, page: bytes, *, is_paragraph: bool) -> Iterator[Formatting]:
        runs, step = page[-1], 13 if is_paragraph else 1
        if 4 * (runs + 1) + runs * step >= _PAGE:
            return
        bounds = struct.unpack_from(f"<{runs + 1}I", page)
        for run in range(runs):
            at = page[4 * (runs + 1) + run * step] * 2
            style, sprms = 0, b""
            if at and is_paragraph:
                size = page[at] * 2 - 1
                if not page[at] and at + 1 < _PAGE:
                    at, size = at + 1, page[at + 1] * 2
                style = int.from_bytes(page[at + 1 : at + 3], "little")
                sprms = page[at + 3 : at + 1 + size]
            elif at:
                sprms = page[at + 1 : at + 1 + page[at]]
            yield Formatting(bounds[run], bounds[run + 1], style, read_sprms(sprms, self.data))


def read_sprms(raw: bytes, data: bytes = b"") -> dict[int, bytes]:
    """Property modifiers one after another; what follows a damaged one is left out."""
    sprms: dict[int, bytes] = {}
    at = 0
    while at + 2 < len(raw):
        number = int.from_bytes(raw[at : at + 2], "little")
        size = _SPRM_SIZES[number >> 13]
        at += 2
        if number == _DEFINE_TABLE:
            size = int.from_bytes(raw[at : at + 2], "little") - 1
            at += 2
        elif not size:
            size = raw[at]
            at += 1
            if number == _CHANGE_TABS and size == 0xFF:  # noqa: PLR2004 - its size is to be counted ([MS-DOC] 2.6.2)
                return sprms
        operand = raw[at : at + max(size, 0)]
        at += max(size, 0)
        if number == _HUGE_PAPX and data:
            place = int.from_bytes(operand, "little")
            size = int.from_bytes(data[place : place + 2], "little")
            sprms |= read_sprms(data[place + 2 : place + 2 + size])
        else:
            sprms[number] = operand
    return sprms


def _structure(main: bytes, table: bytes, index: int) -> bytes:
    place = _PLACES + 8 * index
    if place + 8 > len(main):
        return b""
    start, size = struct.unpack_from("<II", main, place)
    return table[start : start + size]


def _read_pieces(clx: bytes) -> list[_Piece]:
    """The pieces that the text is made of, in its order ([MS-DOC] 2.4.1)."""
    at = 0
    while at + 3 <= len(clx) and clx[at] == 1:
        at += 3 + int.from_bytes(clx[at + 1 : at + 3], "little")
    if at + 5 > len(clx) or clx[at] != 2:  # noqa: PLR2004 - the mark of the table of pieces
        raise corrupt()
    table = clx[at + 5 :][: int.from_bytes(clx[at + 1 : at + 5], "little")]
    count = (len(table) - 4) // 12
    if count < 1:
        raise corrupt()
    positions = struct.unpack_from(f"<{count + 1}I", table)
    pieces = []
    for index in range(count):
        (fc,) = struct.unpack_from("<2xI", table, 4 * (count + 1) + 8 * index)
        length = positions[index + 1] - positions[index]
        if length < 0 or positions[-1] > _MAX_CHARACTERS:
            raise corrupt()
        if fc & _COMPRESSED:
            pieces.append(_Piece(positions[index], length, (fc & ~_COMPRESSED) // 2, 1))
        else:
            pieces.append(_Piece(positions[index], length, fc, 2))
    return pieces


def _without_instructions(text: str) -> str:
    """Of fields only the results; as many characters as before."""
    if "\x13" not in text:
        return text
    units, open_fields = list(text), []
    for at, unit in enumerate(units):
        if unit == "\x13":
            open_fields.append(True)
        elif unit == "\x14" and open_fields:
            open_fields[-1] = False
        elif unit == "\x15" and open_fields:
            open_fields.pop()
        elif not any(open_fields):
            continue
        units[at] = DROPPED
    return "".join(units)
