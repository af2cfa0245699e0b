"""PDFs for the tests, sound ones by reportlab and hostile ones by hand."""

import io
import zlib
from collections.abc import Sequence
from pathlib import Path

from reportlab.lib.pagesizes import A4
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

Box = tuple[float, float, float, float]

_WORD = b"BT /A 9 Tf (word) Tj ET"


def text_pdf(
    pages: Sequence[Sequence[str]],
    *,
    title: str = "",
    size: tuple[float, float] = A4,
    rotation: int = 0,
    crop: Box | None = None,
    password: str | None = None,
) -> bytes:
    """One line of text under another, from 100 points off the top left corner of every page."""
    encrypt = StandardEncryption(password, canPrint=0) if password is not None else None
    buffer = io.BytesIO()
    turned = size if rotation % 180 == 0 else size[::-1]  # reportlab turns the media box, not what is drawn
    canvas = Canvas(buffer, pagesize=turned, invariant=1, encrypt=encrypt)
    canvas.setTitle(title)
    for lines in pages:
        canvas.setPageRotation(rotation)
        if crop is not None:
            canvas.setCropBox(crop)
        canvas.setFont("Helvetica", 12)
        for index, line in enumerate(lines):
            canvas.drawString(100, size[1] - 100 - 20 * index, line)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def styled_pdf(pages: Sequence[Sequence[tuple[str, float, str]]]) -> bytes:
    """Pages whose lines have a font, a size and a text."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, invariant=1)
    for page in pages:
        for row, (font, points, text) in enumerate(page):
            canvas.setFont(font, points)
            canvas.drawString(50, 800 - 30 * row, text)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def white_pdf(text: str) -> bytes:
    """A page with one line of white on white."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, invariant=1)
    canvas.setFillColorRGB(1, 1, 1)
    canvas.drawString(100, 700, text)
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def drawing_pdf() -> bytes:
    """A page of shapes without a letter, like a scan."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, invariant=1)
    canvas.rect(100, 100, 300, 400, fill=1)
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def endless_pdf(depth: int = 12) -> bytes:
    """Forms that draw forms, ten each: a kilobyte that asks for ten to the `depth` words."""
    forms = [_form(f"/F{level + 1} Do " * 10, f"/F{level + 1} {7 + level} 0 R") for level in range(depth)]
    words = _stream(_WORD, "/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /Font << /A 4 0 R >> >>")
    page = "/Resources << /XObject << /F0 6 0 R >> >>"
    return _pdf([*_one_page(page, b"/F0 Do"), *forms, words])


def inflating_pdf(megabytes: int) -> bytes:
    """A page whose content is compressed twice and inflates to so many megabytes of white space."""
    packer = zlib.compressobj(1)
    once = b"".join(packer.compress(b" " * 2**20) for _ in range(megabytes)) + packer.flush()
    return _pdf(_one_page("", zlib.compress(once, 9), "/Filter [/FlateDecode /FlateDecode]"))


def huge_image_pdf(side: int) -> bytes:
    """A page with a word and an image that claims `side` by `side` pixels in full colour."""
    image = _stream(
        zlib.compress(b"\0" * 1000),
        f"/Type /XObject /Subtype /Image /Width {side} /Height {side} /BitsPerComponent 8"
        " /ColorSpace /DeviceRGB /Filter /FlateDecode",
    )
    page = "/Resources << /Font << /A 4 0 R >> /XObject << /I 6 0 R >> >>"
    return _pdf([*_one_page(page, _WORD + b" 200 0 0 200 0 0 cm /I Do"), image])


def many_pages_pdf(count: int) -> bytes:
    """`count` entries in the page tree, all of them the same page."""
    kids = " ".join(["3 0 R"] * count)
    objects = _one_page("", b"")
    objects[1] = f"<< /Type /Pages /Count {count} /Kids [{kids}] >>".encode()
    return _pdf(objects)


def xref_loop_pdf() -> bytes:
    """A cross-reference table whose predecessor is itself."""
    return _pdf(_one_page("/Resources << /Font << /A 4 0 R >> >>", _WORD), trailer="/Prev {xref}")


def unmapped_pdf(codes: bytes) -> bytes:
    """A page in a Type 3 font whose glyphs have names that mean nothing, and no map to Unicode."""
    known = sorted(set(codes))
    glyphs = " ".join(f"/g{code} 6 0 R" for code in known)
    names = " ".join(f"{code} /g{code}" for code in known)
    objects = _one_page(
        "/Resources << /Font << /A 4 0 R >> >>", b"BT /A 5 Tf 5 100 Td <" + codes.hex().encode() + b"> Tj ET"
    )
    objects[3] = (
        "<< /Type /Font /Subtype /Type3 /FontBBox [0 0 600 600] /FontMatrix [0.001 0 0 0.001 0 0] /FirstChar 0"
        f" /LastChar 255 /Widths [{'600 ' * 256}] /CharProcs << {glyphs} >>"
        f" /Encoding << /Type /Encoding /Differences [{names}] >> /Resources << >> >>"
    ).encode()
    return _pdf([*objects, _stream(b"600 0 0 0 500 500 d1 0 0 500 500 re f", "")])


def right_to_left_pdf(text: str) -> bytes:
    """A line from right to left as browsers print it: as it looks, letter by letter, each with its character."""
    letters = sorted(set(text) - {" "})
    code = {letter: 65 + place for place, letter in enumerate(letters)} | {" ": 32}
    names = " ".join(f"{number} /g{number}" for number in code.values())
    glyphs = " ".join(f"/g{number} 6 0 R" for number in code.values())
    drawn = "".join(
        f"/Span << /ActualText <FEFF{ord(letter):04X}> >> BDC <{code[letter]:02x}> Tj EMC "
        if letter != " "
        else "<20> Tj "
        for letter in reversed(text)
    )
    content = f"BT /A 5 Tf 10 100 Td {drawn} ET"
    objects = _one_page("/Resources << /Font << /A 4 0 R >> >>", content.encode())
    objects[3] = (
        "<< /Type /Font /Subtype /Type3 /FontBBox [0 0 600 600] /FontMatrix [0.001 0 0 0.001 0 0] /FirstChar 0"
        f" /LastChar 255 /Widths [{'600 ' * 256}] /CharProcs << {glyphs} >>"
        f" /Encoding << /Type /Encoding /Differences [{names}] >> /Resources << >> >>"
    ).encode()
    return _pdf([*objects, _stream(b"600 0 0 0 500 500 d1 0 0 500 500 re f", "")])


def with_catalog(text: str, catalog: str) -> bytes:
    """A page of a text, in a document whose catalogue has more entries; object 7 is an attached file."""
    content = f"BT /A 5 Tf 5 100 Td ({text}) Tj ET".encode()
    objects = _one_page("/Resources << /Font << /A 4 0 R >> >>", content)
    objects[0] = f"<< /Type /Catalog /Pages 2 0 R {catalog} >>".encode()
    attached = b"<< /Type /Filespec /F (offer.docx) /UF (offer.docx) /EF << /F 6 0 R >> >>"
    return _pdf([*objects, _stream(b"PK", "/Type /EmbeddedFile"), attached])


def saved(folder: Path, contents: bytes, name: str = "file.pdf") -> Path:
    """The contents as a file."""
    path = folder / name
    path.write_bytes(contents)
    return path


def _one_page(page: str, content: bytes, content_entries: str = "") -> list[bytes]:
    """Objects 1 to 5: catalogue, page tree, a page, a font, the page's content. Others begin at 6."""
    return [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Contents 5 0 R {page} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        _stream(content, content_entries),
    ]


def _form(content: str, xobjects: str) -> bytes:
    resources = f"/Resources << /XObject << {xobjects} >> >>"
    return _stream(content.encode(), f"/Type /XObject /Subtype /Form /BBox [0 0 9 9] {resources}")


def _stream(content: bytes, entries: str) -> bytes:
    return f"<< /Length {len(content)} {entries} >>\nstream\n".encode() + content + b"\nendstream"


def _pdf(objects: Sequence[bytes], trailer: str = "") -> bytes:
    """The objects, numbered from 1, with a cross-reference table."""
    out, offsets = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    xref = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{offset:010} 00000 n \n".encode() for offset in offsets)
    entries = trailer.format(xref=xref)
    out += f"trailer << /Size {len(objects) + 1} /Root 1 0 R {entries} >>\nstartxref\n{xref}\n%%EOF\n".encode()
    return bytes(out)
