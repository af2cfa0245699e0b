"""Office files for the tests: Word's by hand, part for part, because what matters is in the XML."""

import io
import mmap
import zipfile
from types import ModuleType
from typing import Any

from documents.extraction.formats import ParsedPage

_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
STRICT_WORD = "http://purl.oclc.org/ooxml/wordprocessingml/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_MORE = 'xmlns:r="r" xmlns:mc="mc" xmlns:wp="wp" xmlns:wps="wps" xmlns:v="v" xmlns:m="m"'
_TYPES = (
    f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="xml" ContentType="application/xml"/></Types>'
)

STYLES = """
<w:style w:type="paragraph" w:default="1" w:styleId="Standard"><w:name w:val="Normal"/></w:style>
<w:style w:type="paragraph" w:styleId="Titel"><w:name w:val="Title"/></w:style>
<w:style w:type="paragraph" w:styleId="berschrift1"><w:name w:val="heading 1"/>
  <w:pPr><w:numPr><w:numId w:val="3"/></w:numPr></w:pPr></w:style>
<w:style w:type="paragraph" w:styleId="berschrift2"><w:name w:val="heading 2"/>
  <w:pPr><w:numPr><w:ilvl w:val="1"/><w:numId w:val="3"/></w:numPr></w:pPr></w:style>
<w:style w:type="paragraph" w:styleId="Kapitel"><w:name w:val="House"/><w:basedOn w:val="Plain3"/></w:style>
<w:style w:type="paragraph" w:styleId="Plain3"><w:name w:val="Heading 3"/></w:style>
<w:style w:type="paragraph" w:styleId="Gliederung"><w:name w:val="Own"/>
  <w:pPr><w:outlineLvl w:val="3"/></w:pPr></w:style>
<w:style w:type="paragraph" w:styleId="Loop"><w:name w:val="Loop"/><w:basedOn w:val="Loop"/></w:style>
<w:style w:type="paragraph" w:styleId="Neu"><w:name w:val="New"/><w:pPr><w:pageBreakBefore/></w:pPr></w:style>
<w:style w:type="paragraph" w:styleId="Verzeichnis1"><w:name w:val="toc 1"/></w:style>
<w:style w:type="paragraph" w:styleId="Punkt2"><w:name w:val="List Bullet 2"/>
  <w:pPr><w:numPr><w:numId w:val="2"/></w:numPr></w:pPr></w:style>
"""


def _list(number: int, *levels: tuple[str, str]) -> str:
    return (
        f'<w:abstractNum w:abstractNumId="{number}">'
        + "".join(
            f'<w:lvl w:ilvl="{level}"><w:numFmt w:val="{style}"/><w:lvlText w:val="{text}"/></w:lvl>'
            for level, (style, text) in enumerate(levels)
        )
        + "</w:abstractNum>"
    )


NUMBERING = (
    _list(10, ("decimal", "%1."), ("lowerLetter", "%2)"), ("upperRoman", "%3."))
    + _list(11, ("bullet", "\uf0b7"), ("bullet", "o"))
    + _list(12, ("decimal", "%1"), ("decimal", "%1.%2"))
    + "".join(f'<w:num w:numId="{n}"><w:abstractNumId w:val="{9 + n}"/></w:num>' for n in (1, 2, 3))
    + '<w:num w:numId="4"><w:abstractNumId w:val="10"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="1"/>'
    "</w:lvlOverride></w:num>"
)


def word(body: str, *, namespace: str = _WORD, encoding: str = "utf-8", **parts: str) -> bytes:
    """A DOCX with that body; `parts` are the insides of further ones: styles, numbering, footnotes, header..."""
    roots = {"styles": "styles", "numbering": "numbering", "header": "hdr", "footnotes": "footnotes"}
    roots |= {"endnotes": "endnotes", "footer": "ftr"}
    parts = {"styles": STYLES, "numbering": NUMBERING} | parts
    files = {
        f"word/{name}.xml": f'<w:{roots[name]} xmlns:w="{namespace}">{inner}</w:{roots[name]}>'.encode()
        for name, inner in parts.items()
    }
    document = f'<w:document xmlns:w="{namespace}" {_MORE}><w:body>{body}</w:body></w:document>'
    files["word/document.xml"] = f'<?xml version="1.0" encoding="{encoding}"?>{document}'.encode(encoding)
    files["word/_rels/document.xml.rels"] = relations(*((name, f"{name}.xml") for name in parts))
    return package(files, "word/document.xml")


def package(files: dict[str, bytes], main: str) -> bytes:
    """An Office file of these parts."""
    return zipped(
        {"[Content_Types].xml": _TYPES.encode(), "_rels/.rels": relations(("officeDocument", main)), **files}
    )


def relations(*targets: tuple[str, str]) -> bytes:
    inner = "".join(
        f'<Relationship Id="r{index}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for index, (kind, target) in enumerate(targets)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{inner}</Relationships>'.encode()


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def p(text: str = "", style: str = "", properties: str = "") -> str:
    """A paragraph of one run; text that is markup already is taken as runs."""
    named = f'<w:pStyle w:val="{style}"/>' if style else ""
    inner = text if text.startswith("<") else f'<w:r><w:t xml:space="preserve">{text}</w:t></w:r>'
    return f"<w:p><w:pPr>{named}{properties}</w:pPr>{inner if text else ''}</w:p>"


def item(text: str, number: int, level: int = 0) -> str:
    return p(text, properties=f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr>')


def table(*rows: str) -> str:
    return f"<w:tbl><w:tblGrid/>{''.join(f'<w:tr>{cells}</w:tr>' for cells in rows)}</w:tbl>"


def tc(text: str, properties: str = "") -> str:
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{text if text.startswith('<w:') else p(text)}</w:tc>"


def section(kind: str) -> str:
    return f'<w:sectPr><w:type w:val="{kind}"/></w:sectPr>'


def mapped(data: bytes) -> mmap.mmap:
    file = mmap.mmap(-1, len(data))
    file[:] = data
    return file


def pages(parser: ModuleType, data: bytes) -> list[ParsedPage]:
    """What a format's parser makes of a file, in this process."""
    return list(parser.open_document(mapped(data)).pages)


def texts(parser: ModuleType, data: bytes) -> list[str]:
    return [page.text for page in pages(parser, data)]


def saved_by(document: Any) -> bytes:
    """The file that python-docx, python-pptx or openpyxl makes of its document."""
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()
