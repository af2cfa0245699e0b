"""What a PDF says of itself, and which PDFs have nothing to read although they can be opened."""

import re

import pypdfium2
import pypdfium2.raw as pdfium

from documents.extraction.pdf_text import utf_16
from documents.extraction.properties import known_properties
from documents.extraction.saved_text import save_string
from documents.extraction.types import ExtractionError

_NAMES = {
    "Author": "author",
    "Subject": "subject",
    "Keywords": "keywords",
    "CreationDate": "created",
    "ModDate": "modified",
    "Language": "language",
    "Attachments": "attachments",
}
# ISO 32000-2, 7.9.4: D:YYYYMMDDHHmmSSOHH'mm', all but the year optional
_DATE = re.compile(r"(?:D:)?(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:(Z)|([+-])(\d\d)'?(\d\d)?)?")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
_PLACEHOLDER = re.compile(r"please wait|adobe reader|acrobat|portfolio", re.IGNORECASE)
_MOST_ATTACHMENTS = 50
_SAYS_NOTHING = frozenset({"", "anonymous", "unknown", "unspecified", "untitled"})  # what programs write there


def title_of(document: pypdfium2.PdfDocument) -> str | None:
    """The title that the file gives itself."""
    return _said(document, "Title") or None


def properties_of(document: pypdfium2.PdfDocument) -> dict[str, str]:
    """What else it says: see `ParsedDocument`; `attachments` are the names of files that are in it."""
    said = {name: _said(document, name) for name in ("Author", "Subject", "Keywords")}
    for name in ("CreationDate", "ModDate"):
        said[name] = _iso_date(document.get_metadata_value(name))
    language = utf_16(lambda buffer, size: pdfium.FPDFCatalog_GetLanguage(document, buffer, size))
    said["Language"] = language if _LANGUAGE.fullmatch(language) else ""
    said["Attachments"] = ", ".join(_attachments(document))
    return known_properties(said, _NAMES)


def page_label(document: pypdfium2.PdfDocument, index: int) -> str:
    """The number that is printed on a page, as iv, where that is not its place in the file."""
    label = save_string(document.get_page_label(index)).strip()
    return "" if label == str(index + 1) else label


def require_pages(document: pypdfium2.PdfDocument, first_text: str) -> None:
    """Refuse a PDF whose first page only says that another program is needed for what is in it."""
    if not _PLACEHOLDER.search(first_text):
        return
    if document.get_formtype() in {pdfium.FORMTYPE_XFA_FULL, pdfium.FORMTYPE_XFA_FOREGROUND}:
        raise ExtractionError(
            "unsupported_pdf",
            "The PDF is a form (XFA) that only Adobe's programs show. Print it to a PDF file, then upload that.",
        )
    if len(document) == 1 and (names := _attachments(document)):
        raise ExtractionError(
            "unsupported_pdf",
            f"The PDF is a portfolio of other files ({', '.join(names)[:200]}). Take them out and upload them.",
        )


def _said(document: pypdfium2.PdfDocument, name: str) -> str:
    value = save_string(document.get_metadata_value(name)).strip()
    return "" if value.lower().strip("()") in _SAYS_NOTHING else value


def _attachments(document: pypdfium2.PdfDocument) -> list[str]:
    count = min(document.count_attachments(), _MOST_ATTACHMENTS)
    return [save_string(document.get_attachment(index).get_name()) for index in range(count)]


def _iso_date(said: str) -> str:
    """A PDF's date as ISO 8601, "" for what is none."""
    match = _DATE.match(said.strip())
    if match is None:
        return ""
    year, month, day, hour, minute, second, utc, sign, zone_hours, zone_minutes = match.groups()
    date = f"{year}-{month or '01'}-{day or '01'}"
    if hour is None:
        return date
    zone = "+00:00" if utc else f"{sign}{zone_hours}:{zone_minutes or '00'}" if sign else ""
    return f"{date}T{hour}:{minute or '00'}:{second or '00'}{zone}"
