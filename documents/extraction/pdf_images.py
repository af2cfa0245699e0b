"""A PDF's page as an image: for people as PNG, for text recognition as bytes."""

import struct
import zlib
from dataclasses import dataclass

import pypdfium2
import pypdfium2.raw as pdfium

MAX_PIXELS = 8_000_000
"""No page image is larger, whatever its page claims to measure."""

_PNG_GREY, _PNG_RGB = 0, 2
_POINTS_PER_INCH = 72


@dataclass(frozen=True, slots=True)
class PageImage:
    """Rows of `stride` bytes, three for each pixel (red, green, blue), what is left over without meaning."""

    pixels: bytes
    columns: int
    rows: int
    stride: int


def draw(page: pypdfium2.PdfPage, columns: int, rows: int) -> PageImage:
    """The page with its annotations on white, as large as said."""
    bitmap = pypdfium2.PdfBitmap.new_native(columns, rows, pdfium.FPDFBitmap_BGR, rev_byteorder=True)
    bitmap.fill_rect((255, 255, 255, 255), 0, 0, columns, rows)
    flags = pdfium.FPDF_ANNOT | pdfium.FPDF_REVERSE_BYTE_ORDER
    pdfium.FPDF_RenderPageBitmap(bitmap, page, 0, 0, columns, rows, 0, flags)
    return PageImage(bytes(bitmap.buffer), columns, rows, bitmap.stride)


def image_size(page_width: float, page_height: float, width: int) -> tuple[int, int]:
    """Columns and rows of a page's image; never less than one, never more than `MAX_PIXELS` together."""
    ratio = max(page_height, 1.0) / max(page_width, 1.0)
    columns = min(float(width), (MAX_PIXELS / ratio) ** 0.5)
    rows = min(columns * ratio, float(MAX_PIXELS))
    return max(1, int(columns)), max(1, int(rows))


def picture_size(page_width: float, page_height: float, resolution: int, longest: int) -> tuple[int, int]:
    """Columns and rows at `resolution` pixels an inch, less where a side would be over `longest` pixels."""
    scale = min(resolution / _POINTS_PER_INCH, longest / max(page_width, page_height, 1.0))
    return max(1, int(page_width * scale)), max(1, int(page_height * scale))


def png(image: PageImage) -> bytes:
    """As PNG (ISO/IEC 15948), grey when no pixel has a colour; every row unfiltered."""
    pixels, stride, colour, depth = image.pixels, image.stride, _PNG_RGB, 3
    red, green, blue = pixels[0::3], pixels[1::3], pixels[2::3]
    if stride == image.columns * depth and red == green == blue:
        pixels, stride, colour, depth = red, image.columns, _PNG_GREY, 1
    used = image.columns * depth
    lines = b"".join(b"\0" + pixels[row * stride : row * stride + used] for row in range(image.rows))
    header = struct.pack(">IIBBBBB", image.columns, image.rows, 8, colour, 0, 0, 0)
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
