"""Mail (RFC 5322): who wrote what to whom and when, the text, then each attachment by its own reader."""

import importlib
import io
import mmap
from collections.abc import Iterator
from dataclasses import replace
from email.message import Message
from email.parser import BytesFeedParser
from email.utils import parsedate_to_datetime
from typing import cast

from documents.extraction.formats import PARSER_MODULES, ParsedDocument, ParsedPage, Parser
from documents.extraction.mail_parts import Attachment, contents, header
from documents.extraction.paging import cut_markdown
from documents.extraction.sniffing import SNIFF_BYTES, sniff
from documents.extraction.types import EML, ZIP, ExtractionError

# All of them now: when a mail is open, the files of this project are out of reach.
_PARSERS = {
    media_type: cast("Parser", importlib.import_module(module))
    for media_type, module in PARSER_MODULES.items()
    if media_type != EML
}

_SHOWN = ("From", "To", "Cc", "Date", "Subject")
_MAX_ATTACHMENTS = 100
_MAX_DEPTH = 5
"""How deep mails in mails are read."""
_READ = 1 << 16


def open_document(file: mmap.mmap) -> ParsedDocument:
    """Read the mail; its attachments are read one by one as further pages, labelled with their names.

    Raises `ExtractionError` `corrupt_file`, `encrypted_file` or `no_text`. What cannot be read of the attachments
    is named with its reason on a page of its own.
    """
    mail = _parsed(file)
    return ParsedDocument(header(mail, "Subject") or None, None, _pages(mail, depth=0), _properties(mail))


def _parsed(data: mmap.mmap | bytes) -> Message:
    parser = BytesFeedParser()
    try:
        for offset in range(0, len(data), _READ):
            parser.feed(data[offset : offset + _READ])
        return parser.close()
    except RecursionError as error:
        raise ExtractionError(
            "corrupt_file", "The mail's parts are nested too deep. Save it anew as EML."
        ) from error


def _properties(mail: Message) -> dict[str, str]:
    said = {name.lower(): header(mail, name) for name in ("From", "To")}
    try:
        said["sent"] = parsedate_to_datetime(header(mail, "Date")).isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        said["sent"] = ""
    return {name: value for name, value in said.items() if value}


def _pages(mail: Message, depth: int) -> Iterator[ParsedPage]:
    found = contents(mail)
    head = [f"{name}: {value}" for name in _SHOWN if (value := header(mail, name))]
    pages = cut_markdown("\n\n".join(["\n".join(head), *found.texts]).strip("\n"))
    if not pages and not found.attachments:
        raise ExtractionError("no_text", "The mail holds no text.")
    parts = 1 + len(found.attachments)
    for text in pages:
        yield ParsedPage(text, 0.0, 0.0, 1 / parts)
    for number, attachment in enumerate(found.attachments, 1):
        for page in _attached(attachment, depth, number):
            progress = (number + 1) / parts
            yield replace(page, width=0.0, height=0.0, progress=progress, label=_label(attachment, page))


def _label(attachment: Attachment, page: ParsedPage) -> str:
    return ", ".join(filter(None, [f"Attachment: {attachment.name}", page.label]))


def _attached(attachment: Attachment, depth: int, number: int) -> Iterator[ParsedPage]:
    """The attachment's pages that have text, or one that says why there are none."""
    try:
        for page in _read(attachment, depth, number):
            if page.text.strip():
                yield page
    except ExtractionError as error:
        yield _unread(attachment, error.detail)
    except MemoryError:
        yield _unread(attachment, "It needs too much memory.")
    except Exception:  # noqa: BLE001 - the fault of one attachment, as the worker would say of a file
        yield _unread(attachment, "It makes its reader fail.")


def _unread(attachment: Attachment, reason: str) -> ParsedPage:
    return ParsedPage(f"The attachment {attachment.name} was not read. {reason}", 0.0, 0.0, 1.0)


def _read(attachment: Attachment, depth: int, number: int) -> Iterator[ParsedPage]:
    if number > _MAX_ATTACHMENTS:
        raise ExtractionError("archive_too_large", f"The mail has more than {_MAX_ATTACHMENTS} attachments.")
    if attachment.mail is not None:
        return _mail_in_mail(attachment.mail, depth)
    data = attachment.data
    media_type = sniff(data[:SNIFF_BYTES], attachment.name, io.BytesIO(data))
    if media_type == EML:
        return _mail_in_mail(_parsed(data), depth)
    if media_type == ZIP:
        raise ExtractionError("nested_archive", "It is an archive: unpack it and upload the files in it.")
    file = mmap.mmap(-1, len(data))
    file[:] = data
    return _PARSERS[media_type].open_document(file).pages


def _mail_in_mail(mail: Message, depth: int) -> Iterator[ParsedPage]:
    if depth >= _MAX_DEPTH:
        raise ExtractionError("nested_archive", "It is a mail in too many mails: upload it by itself.")
    return _pages(mail, depth + 1)
