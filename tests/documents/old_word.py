"""Old Word documents for the tests, written by hand from [MS-DOC] and [MS-CFB]: no library writes them."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace

FREE, END, FAT, NO_ENTRY = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFF
SECTOR, MINI, CUTOFF = 512, 64, 4096

IN_TABLE, ROW_END = b"\x16\x24\x01", b"\x17\x24\x01"
BREAK_BEFORE = b"\x07\x24\x01"


@dataclass(frozen=True)
class Paragraph:
    """Text with its mark; `style` and `sprms` format it, `deleted` are [start, end) of tracked deletions."""

    text: str
    style: int = 0
    sprms: bytes = b""
    mark: str = "\r"
    deleted: tuple[int, int] = (0, 0)


def in_list(number: int, level: int = 0) -> bytes:
    return b"\x0b\x46" + struct.pack("<H", number) + b"\x0a\x26" + bytes([level])


def row(*cells: str, edges: Sequence[int], flags: Sequence[int] = ()) -> list[Paragraph]:
    """A table's row: a paragraph a cell and the one that ends the row and defines its columns."""
    operand = bytes([len(cells)]) + struct.pack(f"<{len(edges)}h", *edges)
    operand += b"".join(struct.pack("<H18x", flag) for flag in [*flags, *[0] * (len(cells) - len(flags))])
    definition = b"\x08\xd6" + struct.pack("<H", len(operand) + 1) + operand
    marks = [Paragraph(cell, sprms=IN_TABLE, mark="\x07") for cell in cells]
    return [*marks, Paragraph("", sprms=IN_TABLE + ROW_END + definition, mark="\x07")]


def doc_file(
    paragraphs: Sequence[Paragraph],
    *,
    footnotes: Sequence[str] = (),
    sections: Sequence[tuple[int, int]] = (),
    is_wide: bool = False,
    flags: int = 0,
    version: int = 0xC1,
    summary: dict[int, str] | None = None,
) -> bytes:
    """A document. "\\x02" refers to a footnote; `sections` say where each begins and how (0: on the page)."""
    paragraphs = [replace(paragraph, text=_units(paragraph.text)) for paragraph in paragraphs]
    notes = "".join(f"\x02 {note}\r" for note in footnotes)
    body = "".join(paragraph.text + paragraph.mark for paragraph in paragraphs)
    text = body + notes + ("\r" if notes else "")
    encoding, width = ("utf-16-le", 2) if is_wide else ("cp1252", 1)
    start = 2048
    main = bytearray(start) + text.encode(encoding, "surrogatepass" if is_wide else "strict")
    main += bytes(-len(main) % SECTOR)
    properties, table = _formatting(paragraphs, start, width, main)
    breaks = b""
    for _, kind in sections:
        breaks += struct.pack("<2xI6x", len(main))
        main += struct.pack("<HHB", 3, 0x3009, kind)
    structures = {
        1: _styles(),
        13: properties[0],
        12: properties[1],
        33: b"\x02" + struct.pack("<I", 16) + struct.pack("<II", 0, len(text)) + _piece(start, is_wide=is_wide),
        6: struct.pack(f"<{len(sections) + 1}I", *(at for at, _ in sections), len(body)) + breaks
        if sections
        else b"",
        74: struct.pack("<I", 2) + struct.pack("<i12x", 7) + struct.pack("<i12x", 8),
    }
    if footnotes:
        places = [at for at, character in enumerate(body) if character == "\x02"]
        bounds = [0]
        for note in footnotes:
            bounds.append(bounds[-1] + len(note) + 3)
        structures[2] = struct.pack(f"<{len(places) + 1}I", *places, len(body)) + b"\1\0" * len(places)
        structures[3] = struct.pack(f"<{len(bounds) + 1}I", *bounds, bounds[-1] + 1)
    struct.pack_into("<HH6xH", main, 0, 0xA5EC, version, flags | 0x200)
    struct.pack_into("<H28xH", main, 0x20, 14, 22)
    struct.pack_into("<H", main, 0x98, 93)
    struct.pack_into("<ii", main, 0x4C, len(body), len(text) - len(body))
    for index, data in structures.items():
        struct.pack_into("<II", main, 0x9A + 8 * index, len(table), len(data))
        table += data
    lists, levels = _lists()
    struct.pack_into("<II", main, 0x9A + 8 * 73, len(table), len(lists))
    streams = {"WordDocument": bytes(main), "1Table": table + lists + levels}
    if summary:
        streams["\x05SummaryInformation"] = _summary(summary)
    return compound_file(streams)


def compound_file(streams: dict[str, bytes]) -> bytes:
    """A compound file; streams under 4,096 bytes go to its mini stream, as everybody's do."""
    sectors: list[bytes] = []
    chains: list[int] = []

    def add(data: bytes) -> int:
        pieces = [data[at : at + SECTOR].ljust(SECTOR, b"\0") for at in range(0, len(data), SECTOR)]
        first = len(sectors)
        sectors.extend(pieces)
        chains.extend([*range(first + 1, first + len(pieces)), END] if pieces else [])
        return first if pieces else END

    mini, mini_chain, entries = b"", list[int](), list[tuple[str, int, int, int]]()
    for name, data in streams.items():
        if len(data) >= CUTOFF:
            entries.append((name, 2, add(data), len(data)))
        else:
            first, count = len(mini_chain), -(-len(data) // MINI)
            mini_chain += [*range(first + 1, first + count), END]
            mini += data.ljust(count * MINI, b"\0")
            entries.append((name, 2, first, len(data)))
    root = ("Root Entry", 5, add(mini), len(mini))
    minifat = add(struct.pack(f"<{len(mini_chain)}I", *mini_chain).ljust(SECTOR, b"\xff")) if mini else END
    directory = b""
    for index, (name, kind, first, size) in enumerate([root, *entries]):
        label = name.encode("utf-16-le")
        right = index + 1 if 0 < index < len(entries) else NO_ENTRY
        child = 1 if kind == 5 and entries else NO_ENTRY
        directory += struct.pack(
            "<64sHBBIII36xIQ", label, len(label) + 2, kind, 1, NO_ENTRY, right, child, first, size
        )
    start = add(directory)
    count = 1
    while count * 128 < len(chains) + count:
        count += 1
    fat = [*chains, *[FAT] * count]
    places = [len(sectors) + index for index in range(count)]
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack("<IIIIIIIIII", 0, count, start, 0, CUTOFF, minifat, int(bool(mini)), END, 0, places[0])
    header += struct.pack("<108I", *places[1:], *[FREE] * (109 - len(places)))
    table = struct.pack(f"<{len(fat)}I", *fat).ljust(count * SECTOR, b"\xff")
    return header + b"".join(sectors) + table


def _units(text: str) -> str:
    """The text as UTF-16 code units, which is what positions count."""
    raw = text.encode("utf-16-le")
    return "".join(map(chr, struct.unpack(f"<{len(raw) // 2}H", raw)))


def _piece(start: int, *, is_wide: bool) -> bytes:
    return struct.pack("<HIH", 0, start if is_wide else start * 2 | 0x40000000, 0)


def _formatting(
    paragraphs: Sequence[Paragraph], start: int, width: int, main: bytearray
) -> tuple[tuple[bytes, bytes], bytes]:
    """Append the pages of formatting to `main`; what finds them."""
    bounds, runs, deletions, at = [start], list[bytes](), list[tuple[int, int]](), start
    for paragraph in paragraphs:
        first, last = paragraph.deleted
        if last:
            deletions.append((at + first * width, at + last * width))
        at += (len(paragraph.text) + 1) * width
        bounds.append(at)
        papx = struct.pack("<H", paragraph.style) + paragraph.sprms
        papx += bytes(1 - len(papx) % 2)
        runs.append(bytes([(len(papx) + 1) // 2]) + papx)
    places = []
    for first in range(0, len(runs), 4):
        places.append((bounds[first], len(main) // SECTOR))
        main += _page(bounds[first : first + 5], runs[first : first + 4], 13)
    papx_places = _places(places, bounds[-1])
    chpx_places = b""
    if deletions:
        chpx_places = _places([(deletions[0][0], len(main) // SECTOR)], deletions[0][1])
        main += _page([*deletions[0]], [b"\x03\x00\x08\x01"], 1)
    return (papx_places, chpx_places), b""


def _places(places: Sequence[tuple[int, int]], end: int) -> bytes:
    count = len(places)
    return struct.pack(f"<{2 * count + 1}I", *(at for at, _ in places), end, *(number for _, number in places))


def _page(bounds: Sequence[int], runs: Sequence[bytes], step: int) -> bytes:
    page = bytearray(SECTOR)
    struct.pack_into(f"<{len(bounds)}I", page, 0, *bounds)
    at = SECTOR - 2
    for index, run in enumerate(runs):
        at = (at - len(run)) // 2 * 2
        page[at : at + len(run)] = run
        page[4 * len(bounds) + index * step] = at // 2
    page[-1] = len(runs)
    return bytes(page)


def _styles() -> bytes:
    """0 Normal, 1 to 3 headings, 4 Title, 5 one based on Heading 2, 6 in list 2, 7 of a table of contents."""
    based = [(0, 0xFFF, b""), *((level, 0, b"") for level in (1, 2, 3)), (62, 0, b""), (0xFFE, 2, b"")]
    based += [(0xFFE, 0, b"\x0b\x46\x02\x00"), (19, 0, b"")]
    data = struct.pack("<HHH", 4, len(based), 10)
    for number, (built_in, base, sprms) in enumerate(based):
        papx = struct.pack("<H", number) + sprms
        name = f"Style {number}"
        entry = struct.pack("<HHHHH", built_in, base << 4 | 1, 2, 0, 0)
        entry += struct.pack("<H", len(name)) + name.encode("utf-16-le") + b"\0\0"
        entry += struct.pack("<H", len(papx)) + papx
        data += struct.pack("<H", len(entry)) + entry + bytes(len(entry) % 2)
    return data


def _lists() -> tuple[bytes, bytes]:
    """List 1 counts "1." and "a)"; list 2 has bullets."""
    head = struct.pack("<H", 2) + struct.pack("<ii18xBx", 7, 0, 0) + struct.pack("<ii18xBx", 8, 0, 1)
    levels = [(0, "\0."), (4, "\1)"), *[(0, "")] * 7, (23, "\uf0b7")]
    data = b""
    for kind, text in levels:
        data += struct.pack("<iB19xBBxx", 1, kind, 0, 0) + struct.pack("<H", len(text)) + text.encode("utf-16-le")
    return head, data


def _summary(values: dict[int, str]) -> bytes:
    at, places, data = 8 + 8 * len(values), b"", b""
    for number, value in values.items():
        raw = value.encode("cp1252") + b"\0"
        raw += bytes(-len(raw) % 4)
        places += struct.pack("<II", number, at + len(data))
        data += struct.pack("<II", 30, len(raw)) + raw
    section = struct.pack("<II", at + len(data), len(values)) + places + data
    return struct.pack("<HHI16xI16xI", 0xFFFE, 0, 0, 1, 48) + section
