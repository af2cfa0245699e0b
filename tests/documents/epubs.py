"""E-books made of parts."""

import io
import zipfile
from collections.abc import Mapping

CONTAINER = """<?xml version="1.0"?>
<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0"><rootfiles>
<rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>"""

CHAPTER = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.1//EN" "http://www.w3.org/TR/xhtml11/DTD/xhtml11.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><head><title/></head>
<body>{}</body></html>"""

METADATA = """<dc:title>The Book</dc:title><dc:creator>Ann Author</dc:creator><dc:creator>Bo Writer</dc:creator>
<dc:language>fr</dc:language><dc:date>2020-01-02</dc:date>
<meta property="dcterms:modified">2021-03-04T05:06:07Z</meta>"""

ENCRYPTION = """<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container"
xmlns:enc="http://www.w3.org/2001/04/xmlenc#"><enc:EncryptedData>
<enc:EncryptionMethod Algorithm="{}"/></enc:EncryptedData></encryption>"""


def epub(chapters: Mapping[str, str], *, more: Mapping[str, str] | None = None, doctype: str = "") -> bytes:
    """A book of chapters by file name, in the spine in reverse: the manifest's order is not that of reading."""
    items = "".join(
        f'<item id="c{n}" href="{name}" media-type="application/xhtml+xml"/>' for n, name in enumerate(chapters)
    )
    spine = "".join(f'<itemref idref="c{n}"/>' for n in reversed(range(len(chapters))))
    navigation = '<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>'
    package = f"""<?xml version="1.0"?>{doctype}<package xmlns="http://www.idpf.org/2007/opf"
    xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata>{METADATA}</metadata>
    <manifest><item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>
    {navigation}{items}</manifest><spine><itemref idref="nav"/><itemref idref="gone"/>{spine}</spine>
    </package>"""
    parts = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": CONTAINER,
        "OEBPS/book.opf": package,
        "OEBPS/nav.xhtml": CHAPTER.format('<nav epub:type="toc"><ol><li>Contents</li></ol></nav>'),
        **{f"OEBPS/{name}": CHAPTER.format(body) for name, body in chapters.items()},
        **(more or {}),
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as book:
        for name, text in parts.items():
            book.writestr(name, text)
    return buffer.getvalue()
