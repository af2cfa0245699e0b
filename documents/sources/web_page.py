"""One page, or file, of the public web: rows S1 to S5 of the security table."""

import io
import re
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from html import unescape
from http import HTTPStatus
from pathlib import PurePosixPath
from urllib.parse import unquote

import requests

from documents.sources.base import MAX_KEY, Item, Look, SourceError
from tenants.addresses.outbound_requests import (
    AddressMoved,
    AnswerTooLong,
    AnswerTooSlow,
    HostNotPublic,
    PublicSession,
)
from tenants.addresses.web_addresses import AddressInvalid, WebAddress, parse_web_address

_PORTS = frozenset({80, 443})
_REDIRECTS = 5
_TITLE_WITHIN = 64 * 1024
_TITLE = re.compile(r"<title(?:\s[^<>]{0,200})?>([^<]{1,1000})</title", re.IGNORECASE)
_CHARSET = re.compile(rb"<meta[^<>]{0,200}charset\s{0,5}=\s{0,5}[\"']?([a-zA-Z0-9_.:-]{1,40})", re.IGNORECASE)
_MARKER_PART = 140
_MAX_WAIT_SECONDS = 24 * 3600.0


_UNDECLARED = ("application/octet-stream", "binary/octet-stream", "")
# The first ending is given to what comes without a fitting one.
_ENDINGS: dict[str, tuple[str, ...]] = {
    "text/html": (".html", ".htm", ".xhtml"),
    "application/xhtml+xml": (".html", ".htm", ".xhtml"),
    "text/plain": (".txt", ".text", ".md", ".markdown", ".csv", ".tsv"),
    "text/markdown": (".md", ".markdown"),
    "text/x-markdown": (".md", ".markdown"),
    "text/csv": (".csv",),
    "text/tab-separated-values": (".tsv",),
    "application/pdf": (".pdf",),
    "application/x-pdf": (".pdf",),
    "application/msword": (".doc",),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": (".docx",),
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": (".pptx",),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": (".xlsx",),
    "application/epub+zip": (".epub",),
}
_ALL_ENDINGS = frozenset(ending for endings in _ENDINGS.values() for ending in endings)


@dataclass(frozen=True, slots=True)
class WebTerms:
    """What one look may cost in bytes and, redirects included, seconds. Hosts in `private_hosts`, each `host` or
    `host:port`, may have private addresses and any port. `proxy` is the way out, as `host:port`.
    """

    max_bytes: int
    seconds: float
    private_hosts: Collection[str] = ()
    proxy: str = ""


class WebPageSource:
    """What one address answers: a single item, whose key is the address."""

    def __init__(self, url: str, terms: WebTerms) -> None:
        """Remember where to look."""
        self._url, self._terms = url, terms

    def look(self, known: Mapping[str, str]) -> Look:
        """Fetch the page, or hear that it is as before. Raises `SourceError` for anything but a page."""
        key = self._url[:MAX_KEY]
        before = known.get(key, "")
        address, answer = self._fetch(before)
        if answer.status_code == HTTPStatus.NOT_MODIFIED and before:
            return Look([Item(key, "", before, io.BytesIO)])
        _require_page(answer)
        name = _name(address, answer.headers.get("Content-Type", ""))
        content = answer.content
        is_web_page = name.endswith(_ENDINGS["text/html"])
        item = Item(
            key,
            name,
            _marker(answer),
            lambda: io.BytesIO(content),
            title=_title(answer) if is_web_page else "",
            changed_at=_last_modified(answer),
        )
        return Look([item])

    def _fetch(self, before: str) -> tuple[WebAddress, requests.Response]:
        """The last answer of a chain of redirects, and where it came from: each step is checked as the first."""
        deadline = time.monotonic() + self._terms.seconds
        address = readable_address(self._url, self._terms.private_hosts)
        for _ in range(_REDIRECTS + 1):
            try:
                return address, self._get(address, before, deadline - time.monotonic())
            except AddressMoved as moved:
                address = readable_address(moved.location, self._terms.private_hosts, relative_to=address)
            except requests.RequestException as error:
                raise _failure(error, self._terms) from error
        raise SourceError("page_moved", "The address leads on and on. Give the one that your browser ends at.")

    def _get(self, address: WebAddress, before: str, seconds: float) -> requests.Response:
        terms = self._terms
        if seconds <= 0:
            raise AnswerTooSlow
        with PublicSession(
            seconds=seconds,
            private_hosts=terms.private_hosts,
            max_bytes=terms.max_bytes,
            allows_http=True,
            proxy=terms.proxy,
        ) as session:
            return session.get(address.url, headers={"User-Agent": "Docent", "Accept": "*/*", **_unless(before)})


def readable_address(
    text: str, private_hosts: Collection[str] = (), *, relative_to: WebAddress | None = None
) -> WebAddress:
    """An address that may be fetched as far as its text tells. Raises `SourceError` for others."""
    try:
        address = parse_web_address(text, relative_to=relative_to)
    except AddressInvalid as error:
        raise SourceError("address_refused", str(error)) from error
    is_private = address.host in private_hosts or address.place in private_hosts
    if address.port not in _PORTS and not is_private:
        raise SourceError("address_refused", "Only the usual ports of the web, 80 and 443, are fetched from.")
    return address


def _failure(error: requests.RequestException, terms: WebTerms) -> SourceError:
    if isinstance(error, AnswerTooLong):
        return SourceError(
            "page_too_large", f"The page is larger than {terms.max_bytes // 2**20} MB. Add a part of it."
        )
    if isinstance(error, AnswerTooSlow):
        return SourceError("page_too_slow", f"The page was not there within {terms.seconds:g} seconds.")
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, HostNotPublic):
            return SourceError(
                "address_refused", "The address is not in the public internet. Upload the page as a file instead."
            )
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, requests.exceptions.SSLError):
        return SourceError("page_unreachable", "The host does not prove who it is: its TLS certificate is wrong.")
    return SourceError("page_unreachable", "The page cannot be reached. Check the address in a browser.")


def _require_page(answer: requests.Response) -> None:
    status = answer.status_code
    if status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        raise SourceError(
            "page_gone", f"There is no such page any more ({status}). Remove it here, or add its new address."
        )
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        raise SourceError("page_forbidden", f"The page is not open to everybody ({status}). Upload it as a file.")
    if status != HTTPStatus.OK:
        raise SourceError(
            "page_failed",
            f"The host answered with {status} instead of the page.",
            retry_after=_retry_after(answer),
        )
    if not answer.content:
        raise SourceError("page_empty", "The page is empty.")


def _name(address: WebAddress, content_type: str) -> str:
    """A file name from the address, with an ending of the kind that the answer says it is."""
    last = PurePosixPath(unquote(address.target.partition("?")[0], errors="replace")).name
    given = PurePosixPath(last).suffix.lower()
    declared = content_type.partition(";")[0].strip().lower()
    endings = _ENDINGS.get(declared, ())
    if declared in _UNDECLARED and given in _ALL_ENDINGS:
        endings = (given,)
    if not endings:
        said = f"is {declared}" if declared else "does not say what it is"
        raise SourceError(
            "page_type_refused",
            f"The page {said[:100]}. Web pages, text, Markdown, CSV, PDF and Office files are read.",
        )
    if given in endings:
        return last
    stem = last[: -len(given)] if given in _ALL_ENDINGS else last
    return f"{stem or address.host}{endings[0]}"


def _title(answer: requests.Response) -> str:
    """What the page calls itself; "" if it does not."""
    head = answer.content[:_TITLE_WITHIN]
    declared = answer.encoding if "charset" in answer.headers.get("Content-Type", "").lower() else None
    if not declared and (said := _CHARSET.search(head)):
        declared = said[1].decode("ascii")
    try:
        text = head.decode(declared or "utf-8", "replace")
    except (LookupError, ValueError):  # no such encoding, or one that is none of text
        text = head.decode("utf-8", "replace")
    found = _TITLE.search(text)
    title = " ".join(unescape(found[1]).split()) if found else ""
    return "".join(filter(str.isprintable, title))[:255]


def _marker(answer: requests.Response) -> str:
    """Entity tag and date, each in a line of its own; "" if the server gives neither."""
    parts = [answer.headers.get(name, "") for name in ("ETag", "Last-Modified")]
    kept = [part if len(part) <= _MARKER_PART and part.isprintable() else "" for part in parts]
    return "\n".join(kept) if any(kept) else ""


def _unless(before: str) -> dict[str, str]:
    """The headers that ask for a page only if it is another than before (RFC 9110, section 13.1)."""
    tag, _, date = before.partition("\n")
    headers = {"If-None-Match": tag, "If-Modified-Since": date}
    return {name: value for name, value in headers.items() if value}


def _last_modified(answer: requests.Response) -> datetime | None:
    try:
        found = parsedate_to_datetime(answer.headers.get("Last-Modified", ""))
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _retry_after(answer: requests.Response) -> float | None:
    """When to ask again, as the server says it in seconds or as a date; a day at most."""
    said = answer.headers.get("Retry-After", "").strip()
    if said.isascii() and said.isdigit():
        return min(float(said[:9]), _MAX_WAIT_SECONDS)
    try:
        when = parsedate_to_datetime(said)
    except (ValueError, OverflowError):
        return None
    seconds = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() - time.time()
    return min(max(0.0, seconds), _MAX_WAIT_SECONDS)
