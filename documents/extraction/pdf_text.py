"""The characters of a PDF's page, whether they are text at all, and what stands in forms and notes."""

import ctypes
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, repeat

import pypdfium2
import pypdfium2.raw as pdfium

from documents.extraction.saved_text import save_string

_SAMPLE = 64
_HALF = 0.5
_PRIVATE_USE = range(0xE000, 0xF900)
_REPLACEMENT = 0xFFFD
_SURROGATES = range(0xD800, 0xE000)
_SPACE = 0x20

_MOST_SPACES = 1_000  # at a page's beginning
_HARDLY_ANY = 100  # characters that a stamp or a page number has, but no page of text
_PICTURE_SHARE = 0.5
_MOST_OBJECTS = 300
_OUTLINES = 20  # shapes that may be letters
_MOST_NOTES = 300
_MOST_BYTES = 20_000

_Ask = Callable[[object, object, object, int], int]


def codes_of(text: pypdfium2.PdfTextPage) -> list[int]:
    """What PDFium says each character of the page is; its index is the index that boxes are asked by."""
    count = text.count_chars()
    buffer = (ctypes.c_ushort * (count + 1))()
    written = pdfium.FPDFText_GetText(text, 0, count, buffer) - 1
    codes: list[int] = buffer[:count]
    if written == count and not any(code in _SURROGATES for code in set(codes)):
        return codes
    # at once PDFium leaves out what it knows no character for; one by one it does not
    return list(map(pdfium.FPDFText_GetUnicode, repeat(text.raw), range(count)))


def is_garbage(text: pypdfium2.PdfTextPage, codes: Sequence[int]) -> bool:
    """Whether the fonts do not say which characters their glyphs are, so that the codes mean nothing.

    Judged by a sample. Codes without a map are kept where they look like words all the same.
    """
    indices = range(0, len(codes), max(1, len(codes) // _SAMPLE))
    seen = [(index, codes[index]) for index in indices if codes[index] > _SPACE]
    unknown = sum(code in _PRIVATE_USE or code == _REPLACEMENT for _, code in seen)
    if not seen or unknown > _HALF * len(seen):
        return bool(seen)
    unmapped = sum(pdfium.FPDFText_HasUnicodeMapError(text, index) == 1 for index in indices)
    if unmapped <= _HALF * len(indices):
        return False
    letters = sum(chr(code).islower() for _, code in seen)
    return letters < _HALF * len(seen)


def is_picture(page: pypdfium2.PdfPage, codes: Sequence[int]) -> bool:
    """Whether what the page says stands in a picture, as on a scan: hardly a character, much of an image.

    Where there is no character at all many shapes will do, for these may be letters.
    """
    visible = sum(code > _SPACE for code in islice(codes, _MOST_SPACES))
    if visible >= _HARDLY_ANY:
        return False
    count = pdfium.FPDFPage_CountObjects(page)
    if not visible and count >= _OUTLINES:
        return True
    objects = [pdfium.FPDFPage_GetObject(page, index) for index in range(min(count, _MOST_OBJECTS))]
    share = sum(_area(one) for one in objects if _is_image(one)) / max(page.get_width() * page.get_height(), 1.0)
    return bool(share >= _PICTURE_SHARE)


def _is_image(element: pdfium.FPDF_PAGEOBJECT) -> bool:
    kind = pdfium.FPDFPageObj_GetType(element)
    if kind != pdfium.FPDF_PAGEOBJ_FORM:
        return bool(kind == pdfium.FPDF_PAGEOBJ_IMAGE)
    count = min(pdfium.FPDFFormObj_CountObjects(element), _MOST_OBJECTS)
    kinds = (pdfium.FPDFPageObj_GetType(pdfium.FPDFFormObj_GetObject(element, index)) for index in range(count))
    return any(kind == pdfium.FPDF_PAGEOBJ_IMAGE for kind in kinds)


def _area(element: pdfium.FPDF_PAGEOBJECT) -> float:
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    pdfium.FPDFPageObj_GetBounds(element, left, bottom, right, top)
    return abs((right.value - left.value) * (top.value - bottom.value))


def notes_on(page: pypdfium2.PdfPage, form: pypdfium2.PdfFormEnv | None) -> list[str]:
    """What was filled in (`field: value`) and remarked on the page, one line each; it is not in the text."""
    count = min(pdfium.FPDFPage_GetAnnotCount(page), _MOST_NOTES)
    return [note for index in range(count) for note in _note(page, form, index)]


def _note(page: pypdfium2.PdfPage, form: pypdfium2.PdfFormEnv | None, index: int) -> Iterator[str]:
    annotation = pdfium.FPDFPage_GetAnnot(page, index)
    if not annotation:
        return
    try:
        kind = pdfium.FPDFAnnot_GetSubtype(annotation)
        if kind == pdfium.FPDF_ANNOT_WIDGET and form is not None:
            text = _field(annotation, form)
        elif kind in _REMARKS:
            text = _remark(annotation)
        else:
            return
        if text:
            yield text
    finally:
        pdfium.FPDFPage_CloseAnnot(annotation)


_REMARKS = frozenset(
    {
        pdfium.FPDF_ANNOT_TEXT,
        pdfium.FPDF_ANNOT_FREETEXT,
        pdfium.FPDF_ANNOT_HIGHLIGHT,
        pdfium.FPDF_ANNOT_UNDERLINE,
        pdfium.FPDF_ANNOT_SQUIGGLY,
        pdfium.FPDF_ANNOT_STRIKEOUT,
        pdfium.FPDF_ANNOT_STAMP,
        pdfium.FPDF_ANNOT_CARET,
    }
)
_BUTTONS = frozenset({pdfium.FPDF_FORMFIELD_CHECKBOX, pdfium.FPDF_FORMFIELD_RADIOBUTTON})
_FILLED_IN = frozenset(
    {pdfium.FPDF_FORMFIELD_TEXTFIELD, pdfium.FPDF_FORMFIELD_COMBOBOX, pdfium.FPDF_FORMFIELD_LISTBOX}
)


def _field(annotation: pdfium.FPDF_ANNOTATION, form: pypdfium2.PdfFormEnv) -> str:
    """A field's name for people, or else its own, and what is in it; "" for what is empty or not chosen."""
    kind = pdfium.FPDFAnnot_GetFormFieldType(form, annotation)
    name = _of_field(pdfium.FPDFAnnot_GetFormFieldAlternateName, annotation, form)
    name = name or _of_field(pdfium.FPDFAnnot_GetFormFieldName, annotation, form)
    if kind in _BUTTONS:
        return name if pdfium.FPDFAnnot_IsChecked(form, annotation) else ""
    if kind not in _FILLED_IN:
        return ""
    value = _of_field(pdfium.FPDFAnnot_GetFormFieldValue, annotation, form)
    return f"{name}: {value}" if name and value else value


def _of_field(ask: _Ask, annotation: pdfium.FPDF_ANNOTATION, form: pypdfium2.PdfFormEnv) -> str:
    return utf_16(lambda buffer, size: ask(form, annotation, buffer, size))


def _remark(annotation: pdfium.FPDF_ANNOTATION) -> str:
    return utf_16(lambda buffer, size: pdfium.FPDFAnnot_GetStringValue(annotation, b"Contents", buffer, size))


def utf_16(fill: Callable[[object, int], int]) -> str:
    """What one of PDFium's functions says, on one line and not too long: first how much, then into a buffer."""
    size = min(fill(None, 0), _MOST_BYTES)
    buffer = (ctypes.c_ushort * (size // 2 + 1))()
    if size:
        fill(buffer, size)
    text = bytes(buffer).decode("utf-16-le", errors="replace").split("\0", 1)[0]
    return " ".join(save_string(text).split())
