"""PDF by PDFium (pypdfium2): text in PDFium's reading order, page images, and where a passage stands.

Text and places come from the same list of characters, so that an offset in the saved text always finds
its glyphs again. Pages without text are read from their pictures where text recognition is there.
"""

import ctypes
import mmap
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pypdfium2
import pypdfium2.raw as pdfium

from documents.extraction.formats import Ending, ParsedDocument, ParsedPage, PictureReader, Turn
from documents.extraction.pdf_facts import page_label, properties_of, require_pages, title_of
from documents.extraction.pdf_headings import HeadingFinder
from documents.extraction.pdf_images import draw, image_size, picture_size, png
from documents.extraction.pdf_order import reading_order, text_page
from documents.extraction.pdf_text import codes_of, is_garbage, is_picture, notes_on
from documents.extraction.saved_text import save_string, save_text, source_spans
from documents.extraction.types import ExtractionError, Headings, Rect

PICTURE_RESOLUTION, PICTURE_SIDE = 200, 2000
"""Pixels an inch, and at most on the longer side, of the pictures that text is read from."""

_DEVICE = 1 << 20  # PDFium gives places in whole pixels: measure on a device this wide and high
_LINE_BREAKS = frozenset({0x0A, 0x0D, 0x02, 0xFFFE})  # the last two: a hyphen at the end of a line


def open_document(file: mmap.mmap) -> ParsedDocument:
    """Open a PDF and read it in one turn, without text recognition; see `open_turn`."""
    return open_turn(file, Turn(), None)


def open_turn(file: mmap.mmap, turn: Turn, reader: PictureReader | None) -> ParsedDocument:
    """Open a PDF; its pages are parsed as they are read, from the turn's first as far as the turn goes.

    Raises `ExtractionError` with `encrypted_pdf` or `corrupt_pdf`; the pages raise `unsupported_pdf`, and at
    the end of the document `corrupt_pdf` or `no_text` when not one of them had text.
    """
    document = _load(file)
    ending = Ending()
    return ParsedDocument(
        title=title_of(document),
        page_count=len(document),
        pages=_Turn(document, turn, reader, ending).pages(),
        properties=properties_of(document),
        ending=ending,
    )


def render_page(file: mmap.mmap, number: int, width: int) -> bytes:
    """Page `number` as PNG, `width` pixels wide, less where it would be over `MAX_PIXELS`."""
    with _open_page(_load(file), number) as page:
        columns, rows = image_size(page.get_width(), page.get_height(), width)
        return png(draw(page, columns, rows))


def locate(file: mmap.mmap, number: int, start: int, end: int) -> list[Rect]:
    """Where characters [start, end) of the page's saved text stand, one rectangle a line, in reading order.

    Offsets past the end of the page are cut off; white space, invisible characters and what was read from a
    picture have no place.
    """
    with _open_page(_load(file), number) as page, _text_of(page) as text:
        codes = codes_of(text)
        if is_garbage(text, codes) or is_picture(page, codes):
            return []
        order = reading_order(text, codes)
        codes = [codes[index] for index in order]
        spans = source_spans(codes)[max(start, 0) : end]
        if not spans:
            return []
        return _line_rects(page, text, codes, order, range(spans[0][0], spans[-1][1]))


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


@dataclass(slots=True)
class _Turn:
    """One process's part of a document; `turn` counts what was seen so far."""

    document: pypdfium2.PdfDocument
    turn: Turn
    reader: PictureReader | None
    ending: Ending
    finder: HeadingFinder = field(default_factory=HeadingFinder)

    def pages(self) -> Iterator[ParsedPage]:
        """Every page from the first; a damaged one is empty, so that it does not cost the others."""
        began = time.monotonic()
        self.document.init_forms()  # without forms it does nothing; pages must be opened afterwards
        form = self.document.formenv
        count = len(self.document)
        for number in range(self.turn.first, count + 1):
            if number > self.turn.first and time.monotonic() - began > self.turn.seconds:
                self.ending.turn = replace(self.turn, first=number)
                return
            page = self._page(number, form)
            if page is None:
                self.ending.turn = replace(self.turn, first=number, recognition="on")
                return
            has_text = self.turn.has_text or bool(page.text.strip())
            self.turn = replace(self.turn, has_text=has_text, pictures=self.turn.pictures + page.is_picture)
            yield page
        self._finish()

    def _page(self, number: int, form: pypdfium2.PdfFormEnv | None) -> ParsedPage | None:
        """None when the page is for a process that can read pictures, and this one cannot."""
        progress = number / len(self.document)
        try:
            with _open_page(self.document, number) as page:
                return self._parsed(page, number, progress, notes_on(page, form))
        except pypdfium2.PdfiumError:
            self.turn = replace(self.turn, is_damaged=True)
            return ParsedPage(text="", width=0.0, height=0.0, progress=progress)

    def _parsed(
        self, page: pypdfium2.PdfPage, number: int, progress: float, notes: list[str]
    ) -> ParsedPage | None:
        saved, headings, lacks_text = self._text(page)
        if number == 1:
            require_pages(self.document, saved)
        if lacks_text and self.turn.recognition == "wanted":
            return None
        is_recognised = False
        if lacks_text and self.reader is not None and number != self.turn.passed_over:
            recognised = save_string(_recognised(self.reader, page))
            is_recognised = len(recognised) > len(saved)
            saved, headings = (recognised, None) if is_recognised else (saved, headings)
        return ParsedPage(
            text="\n\n".join(part for part in (saved, "\n".join(notes)) if part),
            width=page.get_width(),
            height=page.get_height(),
            progress=progress,
            label=page_label(self.document, number - 1),
            is_recognised=is_recognised,
            is_picture=lacks_text and not is_recognised,
            headings=headings,
        )

    def _text(self, page: pypdfium2.PdfPage) -> tuple[str, Headings | None, bool]:
        """The text that the page has as such, its headings, and whether what it says stands in a picture."""
        with _text_of(page) as text:
            codes = codes_of(text)
            if is_garbage(text, codes):
                return "", None, True
            order = reading_order(text, codes)
            ordered = codes if isinstance(order, range) else [codes[index] for index in order]
            saved = save_text(ordered)
            return saved, self.finder.headings(text, ordered, order, saved), is_picture(page, codes)

    def _finish(self) -> None:
        turn = self.turn
        if turn.pictures:
            self.ending.properties["pages_without_text"] = str(turn.pictures)
        if turn.has_text:
            return
        if turn.is_damaged:
            raise ExtractionError("corrupt_pdf", "The PDF is damaged: not one of its pages can be read.")
        if not turn.pictures:
            raise ExtractionError("no_text", "There is no text in the PDF. Upload a file that has some.")
        if turn.recognition == "off":
            raise ExtractionError(
                "no_text",
                "The PDF is a scan: its pages are pictures without text. Run text recognition (OCR) on it first,"
                " or ask whoever runs this installation to install it.",
            )
        raise ExtractionError(
            "no_text", "The PDF has only pictures, and no text was recognised in them. Scan it again, sharper."
        )


def _recognised(reader: PictureReader, page: pypdfium2.PdfPage) -> str:
    columns, rows = picture_size(page.get_width(), page.get_height(), PICTURE_RESOLUTION, PICTURE_SIDE)
    image = draw(page, columns, rows)
    return reader.read(image.pixels, image.columns, image.rows, image.stride)


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
    text = text_page(page)
    try:
        yield text
    finally:
        text.close()


def _line_rects(
    page: pypdfium2.PdfPage,
    text: pypdfium2.PdfTextPage,
    codes: Sequence[int],
    order: Sequence[int],
    indices: range,
) -> list[Rect]:
    """The characters' boxes, joined as far as a line goes; `codes` are in that `order`."""
    rects: list[Rect] = []
    begins_line = True
    for index in indices:
        box = None if chr(codes[index]).isspace() else _device_box(page, text, order[index])
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
