"""What an old Office file says of itself: the property set of [MS-OLEPS], as its summary stream holds it."""

import struct
from datetime import UTC, datetime, timedelta

from documents.extraction.compound import CompoundFile
from documents.extraction.saved_text import save_string
from documents.extraction.types import ExtractionError

_STREAM = "\x05SummaryInformation"
_TITLE, _CODE_PAGE = 2, 1
_PROPERTIES = {3: "subject", 4: "author", 5: "keywords", 12: "created", 13: "modified"}
_SHORT, _STRING, _WIDE_STRING, _TIME = 2, 30, 31, 64
_FIRST_MOMENT = datetime(1601, 1, 1, tzinfo=UTC)
_UTF_16, _UTF_8 = 1200, 65001


def describe(compound: CompoundFile) -> tuple[str | None, dict[str, str]]:
    """The title and properties; a damaged stream says nothing."""
    if _STREAM not in compound.names:
        return None, {}
    try:
        values = _read(compound.stream(_STREAM))
    except (ExtractionError, struct.error, LookupError, OverflowError):
        return None, {}
    properties = {ours: values[number] for number, ours in _PROPERTIES.items() if values.get(number)}
    return values.get(_TITLE) or None, properties


def _read(raw: bytes) -> dict[int, str]:
    (start,) = struct.unpack_from("<I", raw, 44)
    _, count = struct.unpack_from("<II", raw, start)
    places = dict(struct.unpack_from("<II", raw, start + 8 + 8 * index) for index in range(min(count, 100)))
    code_page = 1252
    if _CODE_PAGE in places:
        (code_page,) = struct.unpack_from("<4xH", raw, start + places[_CODE_PAGE])
    encoding = {_UTF_16: "utf-16-le", _UTF_8: "utf-8"}.get(code_page, f"cp{code_page}")
    return {number: _value(raw, start + place, encoding) for number, place in places.items()}


def _value(raw: bytes, at: int, encoding: str) -> str:
    kind, size = struct.unpack_from("<II", raw, at)
    if kind == _STRING:
        text = raw[at + 8 : at + 8 + size].decode(encoding, errors="replace")
    elif kind == _WIDE_STRING:
        text = raw[at + 8 : at + 8 + 2 * size].decode("utf-16-le", errors="replace")
    elif kind == _TIME:
        (ticks,) = struct.unpack_from("<Q", raw, at + 4)
        return (_FIRST_MOMENT + timedelta(microseconds=ticks // 10)).isoformat() if ticks else ""
    else:
        return ""
    return save_string(text.split("\0")[0]).strip()
