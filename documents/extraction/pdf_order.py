"""In which order a PDF's characters are read, where PDFium alone gives them in another one."""

import re
from collections.abc import Sequence
from math import cos

import pypdfium2
import pypdfium2.raw as pdfium

# Letters and marks of Hebrew, Arabic, Syriac, Thaana, N'Ko and their presentation forms; digits and punctuation,
# which run the other way or belong to no word, are left out.
_RUN = re.compile(
    "[\u0591-\u05f4\u0610-\u061a\u0620-\u065f\u066e-\u06d5\u06da-\u06ef\u06fa-\u08ff\ufb1d-\ufdfd\ufe70-\ufefc]{2,}"
)
_FIRST = 0x591
_UPRIGHT = 0.99  # cosine of the angle
_SAMPLES = 5


def text_page(page: pypdfium2.PdfPage) -> pypdfium2.PdfTextPage:
    """The page's text, its lines in the order in which they were written.

    PDFium orders them as the page is shown. Text that is shown lying on its side or upside down, because the page
    was turned afterwards, would come in reverse: it is read from the page as it was before.
    """
    text = page.get_textpage()
    rotation = page.get_rotation()
    if not rotation or not _is_upright(text):
        return text
    text.close()
    page.set_rotation(0)
    try:
        return page.get_textpage()
    finally:
        page.set_rotation(rotation)


def reading_order(text: pypdfium2.PdfTextPage, codes: Sequence[int]) -> Sequence[int]:
    """The characters' indices in the order of reading.

    Words that are written from right to left and that the file holds as they look, their last letter first, are
    turned round; PDFium does so for many of them only.
    """
    if max(codes, default=0) < _FIRST:
        return range(len(codes))
    written = "".join(map(chr, codes))
    order: list[int] | None = None
    for run in _RUN.finditer(written):
        if _runs_to_the_right(text, run.start(), run.end() - 1):
            order = order or list(range(len(codes)))
            order[run.start() : run.end()] = reversed(range(run.start(), run.end()))
    return order or range(len(codes))


def _is_upright(text: pypdfium2.PdfTextPage) -> bool:
    """Whether most of the text is, on the page before it is turned."""
    count = text.count_chars()
    indices = range(0, count, max(1, count // _SAMPLES))
    upright = sum(cos(pdfium.FPDFText_GetCharAngle(text, index)) > _UPRIGHT for index in indices)
    return bool(upright * 2 > len(indices))


def _runs_to_the_right(text: pypdfium2.PdfTextPage, first: int, last: int) -> bool:
    if cos(pdfium.FPDFText_GetCharAngle(text, first)) <= _UPRIGHT:
        return False
    (left, bottom, right, top), end = text.get_charbox(first), text.get_charbox(last)
    is_one_line = end[1] <= top and bottom <= end[3]
    return bool(is_one_line and end[0] + end[2] > left + right)
