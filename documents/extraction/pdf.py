"""PDF by PDFium (pypdfium2): text in PDFium's reading order, page images, and where a passage stands.

Text and places come from the same list of characters, so that an offset in the saved text always finds
its glyphs again.
"""

import ctypes
import mmap
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import repeat

import pypdfium2
import pypdfium2.raw as pdfium

from documents.extraction.formats import ParsedDocument, ParsedPage
from documents.extraction.saved_text import save_text, source_spans
from documents.extraction.types import ExtractionError, Rect

MAX_PIXELS = 8_000_000
"""No page image is larger, whatever its page claims to measure."""

_DEVICE = 1 << 20  # PDFium gives places in whole pixels: measure on a device this wide and high
_PNG_GREY, _PNG_RGB = 0, 2
_LINE_BREAKS = frozenset({0x0A, 0x0D, 0x02, 0xFFFE})  # the last two: a hyphen at the end of a line


def open_document(file: mmap.mmap) -> ParsedDocument:
    """Open a PDF; its pages are parsed as they are read.

    Raises `ExtractionError` with `encrypted_pdf` or `corrupt_pdf`; the pages raise `corrupt_pdf` or
    `no_text` at their end, when not one of them had text.
    """
    document = _load(file)
    title = save_text([ord(character) for character in document.get_metadata_value("Title")]).strip()
    return ParsedDocument(title=title or None, page_count=len(document), pages=_pages(document))


def render_page(file: mmap.mmap, number: int, width: int) -> bytes:
    """Page `number` as PNG, `width` pixels wide, less where it would be over `MAX_PIXELS`."""
    with _open_page(_load(file), number) as page:
        columns, rows = _image_size(page.get_width(), page.get_height(), width)
        bitmap = pypdfium2.PdfBitmap.new_native(columns, rows, pdfium.FPDFBitmap_BGR, rev_byteorder=True)
        bitmap.fill_rect((255, 255, 255, 255), 0, 0, columns, rows)
        flags = pdfium.FPDF_ANNOT | pdfium.FPDF_REVERSE_BYTE_ORDER
        pdfium.FPDF_RenderPageBitmap(bitmap, page, 0, 0, columns, rows, 0, flags)
        return _png(bytes(bitmap.buffer), columns, rows, bitmap.stride)


def locate(file: mmap.mmap, number: int, start: int, end: int) -> list[Rect]:
    """Where characters [start, end) of the page's saved text stand, one rectangle a line, in reading order.

    Offsets past the end of the page are cut off; white space and invisible characters have no place.
    """
    with _open_page(_load(file), number) as page, _text_of(page) as text:
        codes = _codes(text)
        spans = source_spans(codes)[max(start, 0) : end]
        if not spans:
            return []
        return _line_rects(page, text, codes, range(spans[0][0], spans[-1][1]))


def _load(file: mmap.mmap) -> pypdfium2.PdfDocument:
    contents = (ctypes.c_char * len(file)).from_buffer(file)
    try:
        return pypdfium2.PdfDocument(contents)
    except pypdfium2.PdfiumError as error:
        if error.err_code in {pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY}:
            raise ExtractionError(
                "encrypted_pdf",
                "The PDF is protected by a password. Upload a copy without one.",
            ) from error
        raise ExtractionError(
            "corrupt_pdf", "The PDF is damaged and cannot be opened. Export or download it again."
        ) from error


def _pages(document: pypdfium2.PdfDocument) -> Iterator[ParsedPage]:
    """Every page; a damaged one is empty, so that it does not cost the others."""
    damaged = has_text = False
    count = len(document)
    for index in range(count):
        try:
            page = _parse_page(document, index, progress=(index + 1) / count)
        except pypdfium2.PdfiumError:
            damaged = True
            page = ParsedPage(text="", width=0.0, height=0.0, progress=(index + 1) / count)
        has_text = has_text or bool(page.text.strip())
        yield page
    if not has_text and damaged:
        raise ExtractionError("corrupt_pdf", "The PDF is damaged: not one of its pages can be read.")
    if not has_text:
        raise ExtractionError(
            "no_text",
            "The PDF has only pictures, no text, as scans do. Run text recognition (OCR) on it first.",
        )


def _parse_page(document: pypdfium2.PdfDocument, index: int, progress: float) -> ParsedPage:
    with _open_page(document, index + 1) as page, _text_of(page) as text:
        return ParsedPage(
            text=save_text(_codes(text)), width=page.get_width(), height=page.get_height(), progress=progress
        )


@contextmanager
def _open_page(document: pypdfium2.PdfDocument, number: int) -> Iterator[pypdfium2.PdfPage]:
    """The page, closed afterwards: a thousand open pages would not fit the sandbox."""
    if not 1 <= number <= len(document):
        raise ExtractionError("no_such_page", f"The document has no page {number}.")
    page = document[number - 1]
    try:
        yield page
    finally:
        page.close()


@contextmanager
def _text_of(page: pypdfium2.PdfPage) -> Iterator[pypdfium2.PdfTextPage]:
    text = page.get_textpage()
    try:
        yield text
    finally:
        text.close()


def _codes(text: pypdfium2.PdfTextPage) -> list[int]:
    """What PDFium says each character of the page is; its index is the index that boxes are asked by."""
    return list(map(pdfium.FPDFText_GetUnicode, repeat(text.raw), range(text.count_chars())))


def _line_rects(
    page: pypdfium2.PdfPage, text: pypdfium2.PdfTextPage, codes: list[int], indices: range
) -> list[Rect]:
    """The characters' boxes, joined as far as a line goes."""
    rects: list[Rect] = []
    begins_line = True
    for index in indices:
        box = None if chr(codes[index]).isspace() else _device_box(page, text, index)
        if box is not None:
            if begins_line or not _on_one_line(rects[-1], box):
                rects.append(box)
            else:
                rects[-1] = _union(rects[-1], box)
            begins_line = False
        begins_line = begins_line or codes[index] in _LINE_BREAKS
    return rects


def _device_box(page: pypdfium2.PdfPage, text: pypdfium2.PdfTextPage, index: int) -> Rect | None:
    """A character's box on the page as shown (crop box and rotation applied), cut at the page's edges."""
    left, bottom, right, top = text.get_charbox(index, loose=True)
    corners = [_to_device(page, x, y) for x, y in ((left, bottom), (right, top))]
    (x0, x1), (y0, y1) = (sorted(axis) for axis in zip(*corners, strict=True))
    box = Rect(max(x0, 0.0), max(y0, 0.0), min(x1, 1.0), min(y1, 1.0))
    return box if box.x0 < box.x1 and box.y0 < box.y1 else None


def _to_device(page: pypdfium2.PdfPage, x: float, y: float) -> tuple[float, float]:
    column, row = ctypes.c_int(), ctypes.c_int()
    pdfium.FPDF_PageToDevice(page, 0, 0, _DEVICE, _DEVICE, 0, x, y, column, row)
    return column.value / _DEVICE, row.value / _DEVICE


def _on_one_line(line: Rect, box: Rect) -> bool:
    """Whether the box's middle lies within the line's height or, for text that runs up or down, its width."""
    middle_x, middle_y = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
    return line.y0 <= middle_y <= line.y1 or line.x0 <= middle_x <= line.x1


def _union(a: Rect, b: Rect) -> Rect:
    return Rect(min(a.x0, b.x0), min(a.y0, b.y0), max(a.x1, b.x1), max(a.y1, b.y1))


def _image_size(page_width: float, page_height: float, width: int) -> tuple[int, int]:
    """Columns and rows of a page's image; never less than one, never more than `MAX_PIXELS` together."""
    ratio = max(page_height, 1.0) / max(page_width, 1.0)
    columns = min(float(width), (MAX_PIXELS / ratio) ** 0.5)
    rows = min(columns * ratio, float(MAX_PIXELS))
    return max(1, int(columns)), max(1, int(rows))


def _png(pixels: bytes, columns: int, rows: int, stride: int) -> bytes:
    """RGB rows as PNG (ISO/IEC 15948), grey when no pixel has a colour; every row unfiltered."""
    colour, depth = _PNG_RGB, 3
    red, green, blue = pixels[0::3], pixels[1::3], pixels[2::3]
    if stride == columns * depth and red == green == blue:
        pixels, stride, colour, depth = red, columns, _PNG_GREY, 1
    lines = b"".join(b"\0" + pixels[row * stride : row * stride + columns * depth] for row in range(rows))
    header = struct.pack(">IIBBBBB", columns, rows, 8, colour, 0, 0, 0)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _png_chunk(b"IHDR", header),
            _png_chunk(b"IDAT", zlib.compress(lines, 3)),
            _png_chunk(b"IEND", b""),
        )
    )


def _png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
