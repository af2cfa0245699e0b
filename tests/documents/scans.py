"""Scanned pages for the tests: words drawn as a picture, so that a PDF of them has no text."""

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

_LETTER = 20  # pixels
_SIZE = (640, 440)  # small pages, because recognition takes its time
_POINTS = 0.5  # a pixel's side

Placed = tuple[int, int, str]


def picture(words: Sequence[Placed], turned: int = 0) -> Image.Image:
    """A grey page with each text at its pixel (x, y), turned by so many degrees."""
    image = Image.new("L", _SIZE, 245)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(_LETTER)
    for x, y, text in words:
        draw.text((x, y), text, font=font, fill=20)
    return image.rotate(turned, expand=True, fillcolor=245)


def lines(*texts: str) -> list[Placed]:
    """One under another."""
    return [(40, 60 + 34 * index, text) for index, text in enumerate(texts)]


def scanned_pdf(*pages: Image.Image | str | None, stamp: str = "") -> bytes:
    """A page for each: a picture of the whole page, or text that is text; None is a blank one."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, invariant=1)
    for page in pages:
        if isinstance(page, str):
            canvas.drawString(100, 700, page)
        elif page is not None:
            width, height = page.width * _POINTS, page.height * _POINTS
            canvas.setPageSize((width, height))
            canvas.drawImage(ImageReader(page), 0, 0, width, height)
            canvas.drawString(20, 20, stamp)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()
