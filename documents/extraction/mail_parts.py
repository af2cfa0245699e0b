"""What a mail consists of (RFC 2045 to 2049): the text that is meant to be read, and what is attached to it."""

from dataclasses import dataclass, field
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message

from documents.extraction.charsets import decode
from documents.extraction.html import decode_page, page_text, parsed
from documents.extraction.saved_text import save_string
from documents.extraction.types import ExtractionError

_MAX_DEPTH = 50
"""How deep parts are looked for in parts."""
_STUB = 4
"""A plain text this many times shorter than the web page beside it only says that there is one."""
_NOTHING = frozenset[str]()
_SIGNATURES = frozenset(
    {"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"}
)
_SEALED = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_SIGNATURE_LINE = "-- "


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with a mail, or (`mail`) another mail."""

    name: str
    data: bytes = b""
    mail: Message | None = None


@dataclass(slots=True)
class Contents:
    """The texts of a mail in their order, in Markdown, and its attachments; `is_page` if one is a web page."""

    texts: list[str] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    is_page: bool = False

    def add(self, other: "Contents") -> None:
        """Append what another part holds."""
        self.texts += other.texts
        self.attachments += other.attachments
        self.is_page = self.is_page or other.is_page


def header(mail: Message, name: str) -> str:
    """A header's text on one line, its encoded words decoded (RFC 2047); "" if there is none."""
    return next((_decoded(str(value)) for key, value in mail.raw_items() if key.lower() == name.lower()), "")


def contents(part: Message, depth: int = 0) -> Contents:
    """What a mail or one of its parts holds. Raises `ExtractionError` `encrypted_file`, `corrupt_file`."""
    kind = part.get_content_type()
    if depth > _MAX_DEPTH:
        raise ExtractionError("corrupt_file", "The mail's parts are nested too deep. Save it anew as EML.")
    if kind == "multipart/encrypted" or kind in _SEALED:
        raise ExtractionError("encrypted_file", "The mail is encrypted. Decrypt it, save it anew and upload that.")
    if part.is_multipart() and part.get_content_maintype() == "multipart":
        parts = [contents(each, depth + 1) for each in _parts(part)]
        if kind == "multipart/alternative":
            return _best(parts)
        found = Contents()
        for each in parts:
            found.add(each)
        return found
    return _leaf(part, kind)


def _parts(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [each for each in payload if isinstance(each, Message)] if isinstance(payload, list) else []


def _leaf(part: Message, kind: str) -> Contents:
    name = _decoded(part.get_filename() or "")
    is_attached = part.get_content_disposition() == "attachment" or bool(name)
    if kind == "message/rfc822":
        inner = next(iter(_parts(part)), None)
        title = name or (header(inner, "Subject") if inner is not None else "")
        return Contents(attachments=[Attachment(title or "unnamed.eml", mail=inner)])
    if part.is_multipart():  # a report of delivery: blocks of headers
        lines = ["\n".join(f"{key}: {_decoded(str(value))}" for key, value in p.raw_items()) for p in _parts(part)]
        return Contents(texts=[line for line in lines if line])
    if kind in _SIGNATURES or (kind.startswith("image/") and (part["Content-ID"] or not is_attached)):
        return Contents()
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    charset = part.get_param("charset")
    declared = charset if isinstance(charset, str) else None
    if kind == "text/html" and not is_attached:
        page = decode(data, declared) if declared else decode_page(data)
        text = page_text(parsed(page), _NOTHING)
        return Contents(texts=[text] if text else [], is_page=True)
    if kind == "text/plain" and not is_attached:
        text = save_string(decode(data, declared)).strip("\n")
        if str(part.get_param("format", "")).lower() == "flowed":
            text = _unwrapped(text, without_space=str(part.get_param("delsp", "")).lower() == "yes")
        return Contents(texts=[text] if text.strip() else [])
    return Contents(attachments=[Attachment(name or f"unnamed ({kind})", data)]) if data or name else Contents()


def _best(alternatives: list[Contents]) -> Contents:
    """The plain text, unless there is none worth reading; with all that is attached."""
    plain = next((each for each in alternatives if each.texts and not each.is_page), None)
    page = next((each for each in alternatives if each.texts and each.is_page), None)
    found = plain or page or Contents()
    if plain is not None and page is not None and _size(plain) * _STUB < _size(page):
        found = page
    attachments = [attachment for each in alternatives for attachment in each.attachments]
    return Contents(found.texts, attachments, found.is_page)


def _size(part: Contents) -> int:
    return sum(map(len, part.texts))


def _unwrapped(text: str, *, without_space: bool) -> str:
    """Lines that end in a space go on in the next one (RFC 3676, section 4.2)."""
    lines: list[str] = []
    goes_on = False
    for line in text.split("\n"):
        if goes_on and not line.startswith(">") and line != _SIGNATURE_LINE:
            lines[-1] += line
        else:
            lines.append(line)
        goes_on = line.endswith(" ") and line != _SIGNATURE_LINE and not line.startswith(">")
        if goes_on and without_space:
            lines[-1] = lines[-1][:-1]
    return "\n".join(lines)


def _decoded(value: str) -> str:
    value = decode(value.encode("utf-8", errors="surrogateescape"))
    try:
        pieces = decode_header(value)
    except (HeaderParseError, ValueError):
        pieces = [(value, None)]
    text = "".join(
        decode(piece, charset) if isinstance(piece, bytes) and charset else _raw(piece)
        for piece, charset in pieces
    )
    return " ".join(save_string(text).split())


def _raw(piece: bytes | str) -> str:
    """What stands between encoded words; `decode_header` gives it as it would be escaped in a string."""
    return piece if isinstance(piece, str) else piece.decode("raw-unicode-escape")
